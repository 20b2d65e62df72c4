"""The two norms over channels, as 1x1 convolutions."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.against_autograd import assert_same, noise
from zoomdream.autodiff.operations.divisive_norm import Division, DivisiveNorm, divide
from zoomdream.autodiff.operations.response_norm import ResponseNorm


@pytest.mark.parametrize("numbers", [(5, 1e-4, 0.75, 1.0), (11, 0.0011, 0.5, 2.0), (5, 1e-4, 0.6, 1.0)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_banded_norm_is_the_local_response_norm(
    numbers: tuple[int, float, float, float], dtype: torch.dtype
) -> None:
    module = nn.LocalResponseNorm(*numbers)
    assert_same(ResponseNorm(module), module, (noise(1, 19, 5, 7).abs() * 1000).to(dtype))


def test_the_response_norm_holds_caffes_largest_values_in_float16() -> None:
    x, module = torch.full((1, 64, 2, 2), 3400.0), nn.LocalResponseNorm(5, 1e-4, 0.75, 1.0)
    found, vjp = ResponseNorm(module)(x.half())
    assert float((found.float() - module(x)).norm() / module(x).norm()) < 0.005
    assert bool(torch.isfinite(vjp(torch.ones_like(found))[0]).all())


def test_a_divisive_norm_divides_by_the_weighted_squares_of_all_channels() -> None:
    weight, bias = noise(4, 4, 1, 1, seed=2).abs(), 1 + noise(4, seed=3).abs()
    assert_same(
        lambda x: divide(x, weight, bias),
        lambda x: x / torch.sqrt(F.conv2d(x**2, weight, bias)),
        noise(1, 4, 5, 7).abs(),
    )


def test_the_module_divides_by_one_and_more() -> None:
    module = DivisiveNorm(4).double().requires_grad_(False)
    module.weight.copy_(noise(4, 4, 1, 1).abs())
    x = noise(1, 4, 5, 7, seed=2).abs()
    torch.testing.assert_close(module(x), x / torch.sqrt(1 + F.conv2d(x**2, module.weight)))
    assert_same(Division(module), module, x)
