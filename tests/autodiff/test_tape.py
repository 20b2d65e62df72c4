"""Operations with their gradients written out, against PyTorch's own; and the tape that goes back through them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from zoomdream.autodiff.operations import (
    Written,
    convolve,
    divide,
    join,
    normalize_response,
    other,
    pool,
    rectify,
    response_band,
)
from zoomdream.autodiff.tape import Tape, Value, run
from zoomdream.networks.googlenet_layers import BVLC, INCEPTION5H, ResponseNorm


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def assert_equal(ours: Callable[[Tensor], Written], plain: Callable[[Tensor], Tensor], x: Tensor) -> None:
    """The same result, and the same way back from it."""
    leaf = x.clone().requires_grad_()
    expected = plain(leaf)
    (wanted,) = torch.autograd.grad(expected, leaf, gradient := noise(*expected.shape, seed=9).to(x.dtype))
    found, back = ours(x.clone().contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(found, expected.detach())
    rounding = {"rtol": 0.02, "atol": 0.02} if x.dtype == torch.bfloat16 else {}  # which adds up in another order
    torch.testing.assert_close(back(gradient.contiguous(memory_format=torch.channels_last))[0], wanted, **rounding)


@pytest.mark.parametrize("size", [(12, 16), (13, 17), (1, 1), (2, 9)])
@pytest.mark.parametrize(("edge", "padding"), [(7, 3), (7, 2), (5, 2), (3, 1), (4, 1)])
def test_a_convolution_of_every_second_pixel_finds_its_way_back_to_all(
    size: tuple[int, int], edge: int, padding: int
) -> None:
    if min(size) + 2 * padding < edge:
        pytest.skip("the kernel is larger than the picture")
    weight, bias = noise(5, 3, edge, edge, seed=2), noise(5, seed=3)
    assert_equal(
        lambda x: convolve(x, weight, bias, stride=2, padding=(padding, padding, padding, padding)),
        lambda x: F.conv2d(x, weight, bias, 2, padding),
        noise(1, 3, *size),
    )


@pytest.mark.parametrize("channels", [3, 6])
def test_padding_may_differ_from_side_to_side(channels: int) -> None:
    weight = noise(5, channels, 7, 7, seed=2)
    assert_equal(
        lambda x: convolve(x, weight, None, stride=2, padding=(2, 3, 3, 1)),
        lambda x: F.conv2d(F.pad(x, (3, 1, 2, 3)), weight, None, 2),
        noise(1, channels, 14, 15),
    )


@pytest.mark.parametrize("edge", [1, 3])
def test_a_rectified_convolution_is_a_convolution_and_then_a_relu(edge: int) -> None:
    weight, bias, side = noise(4, 6, edge, edge, seed=2), noise(4, seed=3), edge // 2
    assert_equal(
        lambda x: convolve(x, weight, bias, padding=(side,) * 4, rectified=True),
        lambda x: F.relu(F.conv2d(x, weight, bias, 1, side)),
        noise(1, 6, 5, 7),
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_rectifying_leaves_what_is_above_zero_and_nothing_else(dtype: torch.dtype) -> None:
    x = torch.tensor((-3e38, -1.0, -1e-7, -0.0, 0.0, 1e-7, 2.0, 300.0, torch.inf, -torch.inf)).to(dtype)
    assert_equal(rectify, F.relu, x.view(1, 2, 1, 5))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("stride", "padding", "ceil"), [(1, (1, 1), False), (2, (0, 0), True), (2, (1, 0), True)])
def test_a_pool_sends_gradients_to_the_largest(
    dtype: torch.dtype, stride: int, padding: tuple[int, int], ceil: bool
) -> None:
    x = torch.randperm(2 * 9 * 12, generator=torch.Generator().manual_seed(1)).view(1, 2, 9, 12)
    assert_equal(
        lambda x: pool(x, (3, 3), stride, padding, ceil),
        lambda x: F.max_pool2d(x, 3, stride, padding, ceil_mode=ceil),
        x.float().to(dtype),
    )


@pytest.mark.parametrize("threads", [1, 4, 5])
def test_a_pool_is_the_same_with_any_number_of_threads(threads: int) -> None:
    x = noise(1, 96, 9, 12).float()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert_equal(lambda x: pool(x, (3, 3), 2, ceil=True), lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True), x)
        assert pool(x, (3, 3), 1, (1, 1))[0].is_contiguous(memory_format=torch.channels_last)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("norm", [BVLC.norm, INCEPTION5H.norm, ResponseNorm(5, 2e-5, 0.6, 1.0)])
def test_the_banded_norm_is_the_local_response_norm(norm: ResponseNorm) -> None:
    x = noise(1, 19, 5, 7).abs().float() * 1000
    band, bias = response_band(19, norm.size, norm.alpha), torch.full((19,), norm.bias)
    assert_equal(
        lambda x: normalize_response(x, band, bias, norm.beta),
        lambda x: F.local_response_norm(x, norm.size, norm.alpha * norm.size, norm.beta, norm.bias),
        x,
    )


def test_a_divisive_norm_divides_by_the_weighted_squares_of_all_channels() -> None:
    weight, bias = noise(4, 4, 1, 1, seed=2).abs(), 1 + noise(4, seed=3).abs()
    assert_equal(
        lambda x: divide(x, weight, bias),
        lambda x: x / torch.sqrt(F.conv2d(x**2, weight, bias)),
        noise(1, 4, 5, 7).abs(),
    )


def test_the_norm_holds_caffes_largest_values_in_float16() -> None:
    x, norm = torch.full((1, 64, 2, 2), 3400.0), BVLC.norm
    band = response_band(64, norm.size, norm.alpha).half()
    found, back = normalize_response(x.half(), band, torch.full((64,), norm.bias).half(), norm.beta)
    expected = F.local_response_norm(x, 5, 1e-4, 0.75, 1.0)
    assert float((found.float() - expected).norm() / expected.norm()) < 0.005
    assert bool(torch.isfinite(back(torch.ones_like(found))[0]).all())


def test_gradients_of_all_that_was_made_of_a_value_add_up() -> None:
    def through(tape: Tape, picture: Value) -> dict[str, Value]:
        double = tape.do(other(lambda x: 2 * x), picture)
        joined = tape.do(join, picture, double, picture)
        return {"double": double, "joined": joined, "unused": tape.do(other(torch.exp), joined)}

    image = noise(1, 2, 3, 4).requires_grad_()
    found = run(image, through)
    (gradient,) = torch.autograd.grad(found["double"].sum() + 3 * found["joined"].sum(), image)
    torch.testing.assert_close(gradient, torch.full_like(image, 2 + 3 * 4))


def test_nothing_is_kept_where_no_gradient_is_wanted() -> None:
    tapes: list[Tape] = []

    def through(tape: Tape, picture: Value) -> dict[str, Value]:
        tapes.append(tape)
        return {"same": tape.do(other(torch.exp), picture)}

    image = noise(1, 1, 2, 2)
    assert not run(image, through)["same"].requires_grad
    with torch.no_grad():
        assert not run(image.requires_grad_(), through)["same"].requires_grad
    assert all(not tape._steps for tape in tapes)
