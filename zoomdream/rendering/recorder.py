"""Writes frames while the next ones are dreamed: background threads, short queues, units and states."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from zoomdream.encode.segment import SegmentWriter, raw_bits
from zoomdream.machine.workers import WorkerQueue
from zoomdream.rendering.readback import Readback, read_back
from zoomdream.rendering.recording import RawWriter, Recording
from zoomdream.types import State

_WAITING = 2  # frames in the queue: memory stays bounded, and dreaming waits when encoding is slower
_CLOSING = 1  # segments that wait for one to be closed: x264 begins when it has seen most of a segment

Writer = SegmentWriter | RawWriter


class Recorder:
    """Turns states, given in order, into finished units of a recording.

    One thread writes a unit; another waits until the encoder is done with the one before, and then keeps the state
    after it. Errors of theirs are raised by the next `put` or by `finish`.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._writers: list[Writer] = []  # those that are not closed yet
        self._closer = WorkerQueue(self._close, _CLOSING, "zoomdream-closer")
        self._recorder = WorkerQueue(self._write, _WAITING, "zoomdream-recorder")

    def put(self, state: State) -> Readback:
        """Add a frame; waits while the queue is full. Raises what went wrong in the threads."""
        settings = self._recording.settings
        last = state.index == self._recording.unit(state.index).end - 1
        frame = read_back(state, (settings.height, settings.width), raw_bits(settings), last=last)
        self._recorder.put(frame)
        return frame

    def finish(self) -> None:
        """Write all frames and stop; a unit that is not full is dropped. Raises what went wrong."""
        try:
            self._recorder.finish()
        except KeyboardInterrupt:  # the second one: nobody wants to wait for that either
            for writer in list(self._writers):
                writer.drop()
            with contextlib.suppress(Exception):
                self._recorder.finish()
            raise

    def _write(self, frames: Iterator[Readback]) -> None:
        writer: Writer | None = None
        try:
            for frame in frames:
                if writer is None:
                    writer = self._recording.writer(self._recording.unit(frame.index))
                    self._writers.append(writer)
                writer.write_raw(frame.raw())
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

    def _close(self, sealed: Iterator[tuple[Writer, State]]) -> None:
        for writer, state in sealed:
            writer.close()
            self._recording.keep(state)
            self._writers.remove(writer)
            writer.drop()  # the process's pipes
