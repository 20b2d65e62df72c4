"""Channels side by side and apart again, and sums."""

from __future__ import annotations

import torch

from tests.against_autograd import assert_same, noise
from zoomdream.autodiff.operations.channels import add, concatenate, split


def test_a_concatenation_gives_each_part_its_own_gradient() -> None:
    other = noise(1, 2, 3, 4, seed=2)
    assert_same(lambda x: concatenate(x, other), lambda x: torch.cat([x, other], 1), noise(1, 3, 3, 4))
    gradients = concatenate(noise(1, 3, 3, 4), other)[1](whole := noise(1, 5, 3, 4, seed=3))
    assert torch.equal(torch.cat(gradients, 1), whole)


def test_a_split_gives_back_the_gradients_of_its_parts_and_zeros_where_there_are_none() -> None:
    x = noise(1, 6, 3, 4)
    parts, vjp = split(x, [1, 2, 3])
    assert torch.equal(torch.cat(parts, 1), x)
    (gradient,) = vjp(None, parts[1], parts[2])
    assert torch.equal(gradient[:, 1:], x[:, 1:])
    assert not gradient[:, :1].any()


def test_a_sum_may_be_of_two_shapes() -> None:
    large, small = noise(1, 2, 3, 4), noise(1, 2, 1, 1, seed=2)
    assert_same(lambda x: add(x, small), lambda x: x + small, large)
    assert_same(lambda x: add(x, large), lambda x: x + large, small)
