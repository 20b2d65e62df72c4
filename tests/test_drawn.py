"""Noise that is drawn ahead is the noise that would be drawn when it is asked for."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest
import torch

from zoomdream.dream.noise_prefetch import AHEAD, Drawn
from zoomdream.randomness import generator, white_noise

ORDER = (-2, -1, 0, 3, 6, 9, 12, 15, 18)


def draw(size: tuple[int, int], index: int) -> torch.Tensor:
    return white_noise(size, generator(7, "fresh", index))


@pytest.mark.parametrize("asked", [ORDER, ORDER[4:], (0, 0, 9, 3, 3, 18, -2, 5)], ids=["all", "resumed", "any order"])
def test_the_noise_is_the_same_whoever_asks(asked: tuple[int, ...]) -> None:
    with ExitStack() as closing:
        drawn = Drawn(draw, ORDER, closing)
        for index in asked:
            assert torch.equal(drawn((4, 6), index), draw((4, 6), index))
        assert torch.equal(drawn((8, 6), 0), draw((8, 6), 0)), "of another size too"
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("zoomdream-noise")]


def test_no_more_is_drawn_ahead_than_was_said() -> None:
    begun: list[int] = []

    def noting(size: tuple[int, int], index: int) -> torch.Tensor:
        begun.append(index)
        return draw(size, index)

    with ExitStack() as closing:
        drawn = Drawn(noting, ORDER, closing)
        drawn((4, 6), -2)
        drawn((4, 6), -1)
    assert set(begun) <= set(ORDER[: AHEAD + 2])
    assert len(begun) == len(set(begun)), "nothing is drawn twice"


def test_what_goes_wrong_is_raised_for_who_asks() -> None:
    def failing(size: tuple[int, int], index: int) -> torch.Tensor:
        raise MemoryError(str(index))

    with ExitStack() as closing:
        drawn = Drawn(failing, ORDER, closing)
        with pytest.raises(MemoryError, match="3"):
            drawn((4, 6), 3)
