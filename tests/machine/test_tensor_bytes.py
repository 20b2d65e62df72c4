"""The most bytes that tensors take at once."""

from __future__ import annotations

import torch

from zoomdream.machine.tensor_bytes import most_bytes


def test_what_lives_at_once_adds_up_and_what_is_freed_does_not() -> None:
    def one_after_the_other() -> None:
        for _ in range(3):
            torch.zeros(1000)

    def together() -> None:
        kept = [torch.zeros(1000) for _ in range(3)]
        assert len(kept) == 3

    assert most_bytes(one_after_the_other) == (4000, 0)
    assert most_bytes(together) == (12000, 0)


def test_views_take_nothing_and_whole_numbers_count_apart() -> None:
    def views() -> None:
        numbers, indices = torch.zeros(10, 10), torch.zeros(10, dtype=torch.int64)
        assert numbers.t()[0].shape == indices.view(10).shape

    assert most_bytes(views) == (400, 80)
