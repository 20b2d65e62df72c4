"""The first convolution's gradient, written out, is the one that autograd finds."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from zoomdream.nets.stem import strided_convolution


def random(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (9, 10), (8, 7), (16, 16), (33, 47)])
def test_at_every_size_odd_or_even_it_gives_the_convolution_and_its_gradient(size: tuple[int, int]) -> None:
    weight, bias = random(5, 3, 7, 7), random(5)
    picture = random(2, 3, *size).requires_grad_()
    plain, ours = F.conv2d(picture, weight, bias, 2, 3), strided_convolution(picture, weight, bias)
    assert torch.equal(ours, plain)
    pull = random(*plain.shape, seed=2)
    expected, found = (torch.autograd.grad(result, picture, pull)[0] for result in (plain, ours))
    torch.testing.assert_close(found, expected)


def test_one_lit_place_of_the_output_lights_the_seven_by_seven_pixels_that_it_saw() -> None:
    picture = torch.zeros(1, 3, 20, 20).requires_grad_()
    result = strided_convolution(picture, torch.ones(1, 3, 7, 7), None)
    (seen,) = torch.autograd.grad(result[0, 0, 4, 5], picture)
    rows, columns = (seen[0, 0] != 0).nonzero(as_tuple=True)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (5, 11, 7, 13)
    assert seen.sum() == 3 * 49


def test_in_bfloat16_it_is_as_near_as_bfloat16_is() -> None:
    weight = random(16, 3, 7, 7).bfloat16()
    picture = random(1, 3, 30, 40).bfloat16().requires_grad_()
    plain, ours = F.conv2d(picture, weight, None, 2, 3), strided_convolution(picture, weight, None)
    one, other = (torch.autograd.grad(result.float().square().sum(), picture)[0] for result in (plain, ours))
    assert F.cosine_similarity(one.flatten().float(), other.flatten().float(), dim=0) > 0.9999


def test_weights_that_learn_get_their_gradient_and_the_gradient_can_be_learnt_from() -> None:
    weight = random(4, 3, 7, 7).requires_grad_()
    picture = random(1, 3, 12, 12).requires_grad_()
    (slope,) = torch.autograd.grad(
        strided_convolution(picture, weight, None).square().sum(), picture, create_graph=True
    )
    slope.square().sum().backward()
    assert weight.grad is not None
    assert weight.grad.abs().sum() > 0
