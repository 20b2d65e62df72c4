"""Noise drawn ahead. It is drawn on the CPU, so that every device agrees, and that takes longer than a GPU dreams:
1920x1080 is 29 ms of one core.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from torch import Tensor

AHEAD = 4
"""Pictures of noise that are there or being drawn, each by a thread of its own, besides the one at hand."""

Size = tuple[int, int]


class Drawn:
    """`draw(size, index)`, where the next indices of `order` are drawn meanwhile.

    The answers are the same, whoever asks for what in which order; `close` ends the threads.
    """

    def __init__(self, draw: Callable[[Size, int], Tensor], order: Sequence[int]) -> None:
        self._draw = draw
        self._order = order
        self._places = {index: place for place, index in enumerate(order)}
        self._pool = ThreadPoolExecutor(AHEAD, thread_name_prefix="zoomdream-noise")
        self._begun: dict[tuple[Size, int], Future[Tensor]] = {}

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __call__(self, size: Size, index: int) -> Tensor:
        """The noise of one index."""
        place = self._places.get(index)
        if place is None:
            return self._draw(size, index)
        wanted = [(size, near) for near in self._order[place : place + AHEAD + 1]]
        for key in [key for key in self._begun if key not in wanted]:
            self._begun.pop(key).cancel()
        for key in wanted:
            if key not in self._begun:
                self._begun[key] = self._pool.submit(self._draw, *key)
        return self._begun.pop(wanted[0]).result()
