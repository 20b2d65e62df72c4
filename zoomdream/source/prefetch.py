"""Frames of a clip and their motion, prepared in a background thread: neither depends on what the network does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import Tensor

from zoomdream.machine.workers import BackgroundIterator

AHEAD = 2
"""Frames that are ready and wait, at most: memory stays bounded."""

Motion = TypeVar("Motion")


@dataclass(frozen=True, slots=True)
class PreparedFrame(Generic[Motion]):
    """A frame (1, 3, H, W) of a clip, with its motion from the frame before; the first of a shot has none of that, but
    where it is also seen in the next frame (1, 1, H, W).
    """

    index: int
    picture: Tensor
    motion: Motion | None
    lasting: Tensor | None


class FramePrefetch(Generic[Motion]):
    """Prepares frames in order in a background thread, and answers by frame number.

    source, flow and lasting compute a frame, its motion from the frame before, and where the first frame of a shot is
    also seen in the next. There are `frames` frames; shots begin with 0 and those in `cuts`. Any order of requests is
    right, only ascending ones are quick. An error is raised when its frame is requested. Without `threaded` a frame is
    computed when it is requested: not every GPU's operations may come from two threads.
    """

    def __init__(
        self,
        source: Callable[[int], Tensor],
        flow: Callable[[Tensor, Tensor, int], Motion],
        lasting: Callable[[Tensor, int], Tensor],
        *,
        frames: int,
        cuts: Collection[int],
        threaded: bool = True,
    ) -> None:
        self._source, self._flow, self._lasting = source, flow, lasting
        self._frames, self._shots = frames, frozenset(cuts) | {0}
        self._threaded = threaded
        self._current: PreparedFrame[Motion] | None = None
        self._following: Iterator[PreparedFrame[Motion]] | None = None

    def source(self, index: int) -> Tensor:
        """The picture of a frame. IndexError behind the last one."""
        return self._frame(index).picture

    def flow(self, index: int) -> Motion:
        """The motion of a frame since the one before. ValueError where a shot begins."""
        motion = self._frame(index).motion
        if motion is None:
            raise ValueError(f"a shot begins with frame {index}: there is no motion from the one before")
        return motion

    def lasting(self, index: int) -> Tensor:
        """Where the first frame of a shot is also seen in the next frame. ValueError within a shot."""
        lasting = self._frame(index).lasting
        if lasting is None:
            raise ValueError(f"no shot begins with frame {index}")
        return lasting

    def close(self) -> None:
        """End the thread. May be called twice; a later request starts another."""
        if isinstance(self._following, BackgroundIterator):
            self._following.close()
        self._current = self._following = None

    def _frame(self, index: int) -> PreparedFrame[Motion]:
        if self._current is not None and self._current.index == index:
            return self._current
        if self._following is None or self._current is None or self._current.index + 1 != index:
            self.close()
            frames = self._prepare(index)
            self._following = BackgroundIterator(frames, AHEAD, "zoomdream-frames") if self._threaded else frames
        try:
            self._current = next(self._following, None)
        except BaseException:
            self.close()
            raise
        if self._current is None:
            raise IndexError(f"there is no frame {index}")
        return self._current

    def _prepare(self, first: int) -> Iterator[PreparedFrame[Motion]]:
        before = None if first in self._shots else self._source(first - 1)
        for index in range(first, self._frames):
            picture = self._source(index)
            if before is None or index in self._shots:
                yield PreparedFrame(index, picture, None, self._lasting(picture, index))
            else:
                yield PreparedFrame(index, picture, self._flow(picture, before, index), None)
            before = picture
