"""Noise for the next frames, drawn in background threads while a GPU dreams.

It is drawn on the CPU, so that every device agrees, and that takes longer than a GPU dreams: 1920x1080 is 29 ms of one
core. So several frames are drawn at once, each by one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from torch import Tensor

AHEAD = 4
"""Noise pictures that are ready or being drawn besides the requested one: memory stays bounded."""

Size = tuple[int, int]


class NoisePrefetch:
    """`draw(size, index)`, which also starts to draw the next indices of `order` in that size.

    Any order of requests gives the same noise. `close` ends the threads.
    """

    def __init__(self, draw: Callable[[Size, int], Tensor], order: Sequence[int]) -> None:
        self._draw = draw
        self._order = order
        self._places = {index: place for place, index in enumerate(order)}
        self._pool = ThreadPoolExecutor(AHEAD, thread_name_prefix="zoomdream-noise")
        self._drawing: dict[tuple[Size, int], Future[Tensor]] = {}

    def close(self) -> None:
        """Raises nothing; may be called twice."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __call__(self, size: Size, index: int) -> Tensor:
        """The noise of one index, also of one that is not in `order`."""
        place = self._places.get(index)
        if place is None:
            return self._draw(size, index)
        wanted = [(size, near) for near in self._order[place : place + AHEAD + 1]]
        for stale in self._drawing.keys() - set(wanted):
            self._drawing.pop(stale).cancel()
        for key in wanted:
            if key not in self._drawing:
                self._drawing[key] = self._pool.submit(self._draw, *key)
        return self._drawing.pop(wanted[0]).result()
