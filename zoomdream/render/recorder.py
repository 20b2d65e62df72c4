"""Writes frames while the next ones are dreamed: a thread, a short queue, segments and states."""

from __future__ import annotations

import queue
import threading

import torch

from zoomdream.errors import OutputError
from zoomdream.media.encode import SEGMENT_FRAMES, EncodeSettings, SegmentWriter
from zoomdream.render.workspace import Workspace
from zoomdream.types import State

_WAITING = 2  # frames in the queue: memory stays bounded, and dreaming waits when encoding is slower
_PATIENCE = 0.2  # seconds between looks at whether the thread still lives


class Recorder:
    """Turns states, given in order from frame `start` on, into finished segments of `workspace`.

    Errors of the thread surface at the next `put` or `finish`. `frames` is how many the whole render has.
    """

    def __init__(self, workspace: Workspace, settings: EncodeSettings, frames: int) -> None:
        self._workspace = workspace
        self._settings = settings
        self._frames = frames
        self._queue: queue.Queue[State | None] = queue.Queue(_WAITING)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="zoomdream-recorder", daemon=True)
        self._thread.start()

    def put(self, state: State) -> None:
        """Hand over a frame; waits while the queue is full. Raises what went wrong in the thread."""
        self._send(state)
        if self._error is not None:
            raise self._error

    def finish(self) -> None:
        """Write all that was handed over and stop; a segment that is not full is dropped. Raises what went wrong."""
        self._send(None)
        while self._thread.is_alive():
            self._thread.join(_PATIENCE)
        if self._error is not None:
            raise self._error

    def _send(self, item: State | None) -> None:
        while self._thread.is_alive():
            try:
                self._queue.put(item, timeout=_PATIENCE)
            except queue.Full:
                continue
            return

    def _work(self) -> None:
        try:
            while (state := self._queue.get()) is not None:
                if not self._segment(state):
                    return
        except BaseException as error:
            self._error = error

    def _segment(self, first: State) -> bool:
        """Write one segment, whose first frame is given. False if the frames ended before it was full."""
        state: State | None = first
        with SegmentWriter(self._settings, self._workspace.folder, first.index // SEGMENT_FRAMES) as writer:
            while state is not None:
                if state.added is not None:
                    check_numbers(state)
                writer.write(state.shown((self._settings.height, self._settings.width)))
                if (state.index + 1) % SEGMENT_FRAMES == 0 or state.index == self._frames - 1:
                    check_numbers(state)
                    writer.close()
                    self._workspace.keep(state, self._settings)
                    return True
                state = self._queue.get()
        return False


def check_numbers(state: State) -> None:
    """OutputError if the picture holds what is no number. Every frame is made of the one before: none gets rid of it
    but the first of a clip's next shot, so that a zoom needs but one look at the end of each segment.
    """
    if not bool(torch.isfinite(state.picture).all()):
        raise OutputError(
            f"Frame {state.index} holds values that are no finite numbers, as every later one would: nothing since the "
            "last whole segment is kept. Set performance.precision to float32, or make dream.step_size smaller."
        )
