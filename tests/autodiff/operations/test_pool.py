"""Pools and their gradients, with any number of threads, and those of GoogLeNet."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.against_autograd import assert_same, noise
from zoomdream.autodiff.operations.pool import Halving, HalvingPool, pool


def distinct(*shape: int) -> Tensor:
    return torch.randperm(torch.Size(shape).numel(), generator=torch.Generator().manual_seed(1)).view(shape)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("stride", "padding", "ceil"), [(1, (1, 1), False), (2, (0, 0), True), (2, (1, 0), True)])
def test_a_pool_sends_gradients_to_the_largest(
    dtype: torch.dtype, stride: int, padding: tuple[int, int], ceil: bool
) -> None:
    assert_same(
        lambda x: pool(x, (3, 3), stride, padding, ceil),
        lambda x: F.max_pool2d(x, 3, stride, padding, ceil_mode=ceil),
        distinct(1, 2, 9, 12).float().to(dtype),
    )


@pytest.mark.parametrize("threads", [1, 4, 5])
def test_a_pool_is_the_same_with_any_number_of_threads(threads: int) -> None:
    x = noise(1, 96, 9, 12).float()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert_same(lambda x: pool(x, (3, 3), 2, ceil=True), lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True), x)
        assert pool(x, (3, 3), 1, (1, 1))[0].is_contiguous(memory_format=torch.channels_last)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 7), (6, 6), (7, 8)])
def test_a_halving_pool_halves_pictures_of_any_size(size: tuple[int, int], same: bool) -> None:
    """Caffe rounds up, but gives no window that begins outside the picture; TensorFlow rounds up."""
    module = HalvingPool(same)
    x = distinct(1, 2, *size).double()
    assert_same(Halving(module), module, x)
    expected = [(edge + 1) // 2 if same or edge < 3 else -(-(edge - 3) // 2) + 1 for edge in size]
    assert list(module(x).shape[2:]) == expected
