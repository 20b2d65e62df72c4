"""What a clip shows, and how it moved, found out ahead of the dream: neither depends on what the network does."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import Tensor

from zoomdream.machine.workers import background_thread

AHEAD = 2
"""Frames that are ready and wait, at most: memory stays bounded."""

_PATIENCE = 0.2  # seconds between looks at whether somebody has stopped; Ctrl-C is heard as often

Flow = TypeVar("Flow")


@dataclass(frozen=True, slots=True)
class _Found(Generic[Flow]):
    """A frame of the clip, and where a shot begins what of it lasts, elsewhere how it came out of the one before."""

    index: int
    seen: Tensor
    way: Flow | None
    lasting: Tensor | None


class Ahead(Generic[Flow]):
    """`source`, `flow` and `lasting` of ClipStages, called in a thread of their own, frame after frame, while the
    network dreams. `close` ends it.

    It has the same three and gives the same answers, whoever asks for what in which order; in order is quick. `frames`
    is how many there are, and with those in `cuts` a shot begins. What goes wrong is raised by `source`. Without
    `threaded` all is done when it is asked for: not every GPU's operations may come from two threads.
    """

    def __init__(
        self,
        source: Callable[[int], Tensor],
        flow: Callable[[Tensor, Tensor, int], Flow],
        lasting: Callable[[Tensor, int], Tensor],
        *,
        frames: int,
        cuts: Collection[int],
        threaded: bool = True,
    ) -> None:
        self._threaded = threaded
        self._source, self._flow, self._lasting = source, flow, lasting
        self._frames, self._shots = frames, frozenset(cuts) | {0}
        self._now: _Found[Flow] | None = None
        self._run: _Run[Flow] | None = None

    def source(self, index: int) -> Tensor:
        """The clip's frame."""
        if not self._threaded:
            return self._source(index)
        if self._now is None or self._now.index != index:
            if self._run is None or self._run.next != index:
                self.close()
                self._run = _Run(lambda run: self._find(index, run), index)
            try:
                self._now = self._run.take()
            except BaseException:
                self.close()
                raise
        return self._now.seen

    def flow(self, now: Tensor, before: Tensor, index: int) -> Flow:
        """How the frame came out of the one before."""
        found = self._now
        if found is not None and found.index == index and found.seen is now and found.way is not None:
            return found.way
        self.close()  # what is asked for now may use what the thread uses
        return self._flow(now, before, index)

    def lasting(self, seen: Tensor, index: int) -> Tensor:
        """Where the frame will also be seen in the next one."""
        found = self._now
        if found is not None and found.index == index and found.seen is seen and found.lasting is not None:
            return found.lasting
        self.close()
        return self._lasting(seen, index)

    def close(self) -> None:
        """End the thread. May be called twice; whoever asks for a frame afterwards starts another."""
        if self._run is not None:
            self._run.stop()
            self._run = None

    def _find(self, first: int, run: _Run[Flow]) -> None:
        before = None if first in self._shots else self._source(first - 1)
        for index in range(first, self._frames):
            seen = self._source(index)
            way, lasting = None, None
            if index in self._shots:
                lasting = self._lasting(seen, index)
            else:
                assert before is not None
                way = self._flow(seen, before, index)
            before = seen
            if not run.give(_Found(index, seen, way, lasting)):
                return


class _Run(Generic[Flow]):
    """One thread that finds out one frame after the other, from number `next` on, into a short queue."""

    def __init__(self, work: Callable[[_Run[Flow]], None], first: int) -> None:
        self.next = first
        self._work = work
        self._found: queue.Queue[_Found[Flow] | BaseException] = queue.Queue(AHEAD)
        self._stopped = threading.Event()
        self._thread = background_thread(self._run, "zoomdream-ahead")

    def take(self) -> _Found[Flow]:
        """The next frame. Raises what went wrong in the thread."""
        while True:
            try:
                found = self._found.get(timeout=_PATIENCE)
            except queue.Empty:
                if self._thread.is_alive() or not self._found.empty():
                    continue
                raise IndexError(f"there is no frame {self.next}") from None
            if isinstance(found, BaseException):
                raise found
            self.next += 1
            return found

    def give(self, found: _Found[Flow] | BaseException) -> bool:
        """Hand over a frame; waits while the queue is full. False if nobody wants any more."""
        while not self._stopped.is_set():
            try:
                self._found.put(found, timeout=_PATIENCE)
            except queue.Full:
                continue
            return True
        return False

    def stop(self) -> None:
        """End the thread: it does the frame that it is at, and no more."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._work(self)
        except BaseException as error:
            self.give(error)
