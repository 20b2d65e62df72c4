"""Writes frames while the next ones are dreamed: threads, short queues, segments and states."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from zoomdream.encode.segment import SEGMENT_FRAMES, EncodeSettings, SegmentWriter, raw_bits
from zoomdream.machine.workers import WorkerQueue
from zoomdream.rendering.readback import Handed, hand_over
from zoomdream.rendering.workspace import Workspace
from zoomdream.types import State

_WAITING = 2  # frames in the queue: memory stays bounded, and dreaming waits when encoding is slower
_CLOSING = 1  # segments that wait for one to be closed: x264 begins when it has seen most of a segment


class Recorder:
    """Turns states, given in order from frame `start` on, into finished segments of `workspace`.

    One thread writes a segment; another waits until the encoder is done with the one before, and then keeps the state
    after it. Errors of theirs surface at the next `put` or `finish`. `frames` is how many the whole render has.
    """

    def __init__(self, workspace: Workspace, settings: EncodeSettings, frames: int) -> None:
        self._workspace = workspace
        self._settings = settings
        self._frames = frames
        self._writers: list[SegmentWriter] = []  # those that are not closed yet
        self._closer = WorkerQueue(self._close, _CLOSING, "zoomdream-closer")
        self._recorder = WorkerQueue(self._write, _WAITING, "zoomdream-recorder")

    def put(self, state: State) -> None:
        """Hand over a frame; waits while the queue is full. Raises what went wrong in the threads."""
        last = (state.index + 1) % SEGMENT_FRAMES == 0 or state.index == self._frames - 1
        size = (self._settings.height, self._settings.width)
        self._recorder.put(hand_over(state, size, raw_bits(self._settings), last=last))

    def finish(self) -> None:
        """Write all that was handed over and stop; a segment that is not full is dropped. Raises what went wrong."""
        try:
            self._recorder.finish()
        except KeyboardInterrupt:  # who cannot wait for that either
            for writer in list(self._writers):
                writer.drop()
            with contextlib.suppress(Exception):
                self._recorder.finish()
            raise

    def _write(self, frames: Iterator[Handed]) -> None:
        writer: SegmentWriter | None = None
        try:
            for frame in frames:
                if writer is None:
                    writer = SegmentWriter(self._settings, self._workspace.folder, frame.index // SEGMENT_FRAMES)
                    self._writers.append(writer)
                writer.write_raw(frame.data())
                if frame.kept is not None:
                    writer.seal()
                    self._closer.put((writer, frame.kept))
                    writer = None
        finally:
            if writer is not None:
                writer.drop()
            try:
                self._closer.finish()
            finally:
                for left in self._writers:
                    left.drop()

    def _close(self, sealed: Iterator[tuple[SegmentWriter, State]]) -> None:
        for writer, state in sealed:
            writer.close()
            self._workspace.keep(state, self._settings)
            self._writers.remove(writer)
            writer.drop()  # the process's pipes
