"""Convolutions and their gradients, with any padding, by phases, and with a ReLU."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from tests.against_autograd import assert_same, noise
from zoomdream.autodiff.operations.convolution import Convolution, SameConv2d, convolve


@pytest.mark.parametrize("size", [(12, 16), (13, 17), (1, 1), (2, 9)])
@pytest.mark.parametrize(("edge", "padding"), [(7, 3), (7, 2), (5, 2), (3, 1), (4, 1)])
def test_the_gradient_of_a_convolution_of_every_second_pixel_reaches_all(
    size: tuple[int, int], edge: int, padding: int
) -> None:
    if min(size) + 2 * padding < edge:
        pytest.skip("the kernel is larger than the picture")
    weight, bias = noise(5, 3, edge, edge, seed=2), noise(5, seed=3)
    assert_same(
        lambda x: convolve(x, weight, bias, stride=2, padding=(padding, padding, padding, padding)),
        lambda x: F.conv2d(x, weight, bias, 2, padding),
        noise(1, 3, *size),
    )


@pytest.mark.parametrize("channels", [3, 6])
def test_padding_may_differ_from_side_to_side(channels: int) -> None:
    weight = noise(5, channels, 7, 7, seed=2)
    assert_same(
        lambda x: convolve(x, weight, None, stride=2, padding=(2, 3, 3, 1)),
        lambda x: F.conv2d(F.pad(x, (3, 1, 2, 3)), weight, None, 2),
        noise(1, channels, 14, 15),
    )


@pytest.mark.parametrize("size", [(14, 14), (14, 15), (15, 14), (15, 15), (1, 2)])
def test_tensorflows_padding_is_that_of_its_own_convolution(size: tuple[int, int]) -> None:
    """SAME: as many zeros as it takes for ceil(edge / 2) windows, the odd one after."""
    module = SameConv2d(3, 5, 7, 2, 3).double().requires_grad_(False)
    sides = []
    for edge in (size[1], size[0]):
        missing = max((-(-edge // 2) - 1) * 2 + 7 - edge, 0)
        sides += [missing // 2, missing - missing // 2]
    x = noise(1, 3, *size)
    torch.testing.assert_close(module(x), F.conv2d(F.pad(x, sides), module.weight, module.bias, 2))
    assert_same(Convolution(module), module, x)


@pytest.mark.parametrize("edge", [1, 3])
def test_a_rectified_convolution_is_a_convolution_and_then_a_relu(edge: int) -> None:
    weight, bias, side = noise(4, 6, edge, edge, seed=2), noise(4, seed=3), edge // 2
    assert_same(
        lambda x: convolve(x, weight, bias, padding=(side,) * 4, rectified=True),
        lambda x: F.relu(F.conv2d(x, weight, bias, 1, side)),
        noise(1, 6, 5, 7),
    )
