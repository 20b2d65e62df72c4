"""Noise that is drawn in background threads is the noise that would be drawn on request."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest
import torch

from zoomdream.dream.dreamer import AHEAD, NoisePrefetch
from zoomdream.randomness import generator, white_noise

ORDER = (-2, -1, 0, 3, 6, 9, 12, 15, 18)


def draw(size: tuple[int, int], index: int) -> torch.Tensor:
    return white_noise(size, generator(7, "fresh", index))


@pytest.mark.parametrize("asked", [ORDER, ORDER[4:], (0, 0, 9, 3, 3, 18, -2, 5)], ids=["all", "resumed", "any order"])
def test_any_order_of_requests_gives_the_same_noise(asked: tuple[int, ...]) -> None:
    with closing(NoisePrefetch(draw, ORDER)) as noise:
        for index in asked:
            assert torch.equal(noise((4, 6), index), draw((4, 6), index))
        assert torch.equal(noise((8, 6), 0), draw((8, 6), 0)), "of another size too"
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("zoomdream-noise")]


def test_no_more_is_drawn_than_the_next_few_and_nothing_twice() -> None:
    begun: list[int] = []

    def noting(size: tuple[int, int], index: int) -> torch.Tensor:
        begun.append(index)
        return draw(size, index)

    with closing(NoisePrefetch(noting, ORDER)) as noise:
        noise((4, 6), -2)
        noise((4, 6), -1)
    assert set(begun) <= set(ORDER[: AHEAD + 2])
    assert len(begun) == len(set(begun)), "nothing is drawn twice"


def test_an_error_is_raised_when_its_noise_is_requested() -> None:
    def failing(size: tuple[int, int], index: int) -> torch.Tensor:
        raise MemoryError(str(index))

    with closing(NoisePrefetch(failing, ORDER)) as noise, pytest.raises(MemoryError, match="3"):
        noise((4, 6), 3)
