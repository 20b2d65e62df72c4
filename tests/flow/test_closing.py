"""How the beginning of a loop grows into its end: steadily, first where both look alike, and never back."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from zoomdream.flow.closing import Closing

CLOSING = Closing(tuple(range(20, 31)), seed=7)


def noise(seed: int) -> Tensor:
    return torch.rand(1, 3, 90, 160, generator=torch.Generator().manual_seed(seed))


def test_what_is_new_grows_by_about_the_same_in_each_key_frame_and_never_shrinks() -> None:
    before, old, new = torch.zeros(1, 1, 90, 160), noise(1), noise(2)
    areas = [0.0]
    for frame in range(20, 30):
        grown = CLOSING.grown(before, old, new, frame)
        assert bool((grown >= before).all())
        areas.append(float(grown.mean()))
        before = grown
    growth = [after - now for now, after in pairwise(areas)]
    assert all(0.05 < step < 0.17 for step in growth[:9])
    assert areas[-2:] == [1.0, 1.0]  # so the last interval is the one before frame 0


def test_what_is_new_begins_where_it_looks_like_the_old() -> None:
    old, new = noise(1), noise(2)
    new[..., 80:] = old[..., 80:]
    grown = CLOSING.grown(torch.zeros(1, 1, 90, 160), old, new, 22)
    assert float(grown[..., 80:].mean()) > 5 * float(grown[..., :80].mean())


def test_what_is_new_grows_rather_at_the_edge_of_what_there_is_of_it() -> None:
    before = torch.zeros(1, 1, 90, 160)
    alone = CLOSING.grown(before, noise(1), noise(2), 22)
    before[..., 55:80, 20:60] = 1
    grown = CLOSING.grown(before, noise(1), noise(2), 22)
    beside = torch.zeros_like(before)
    beside[..., 49:86, 14:66] = 1
    beside -= before
    assert float((beside * grown).sum() / beside.sum()) > float((beside * alone).sum() / beside.sum()) + 0.05
