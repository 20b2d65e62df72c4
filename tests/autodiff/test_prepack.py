"""Weights that are packed once: the same convolution, noticed changes, bounded memory, and nothing of it in copies."""

from __future__ import annotations

import copy
import io

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from zoomdream.autodiff.operations.convolution import convolve
from zoomdream.autodiff.prepack import PackedWeight, can_pack, convolve_packed
from zoomdream.networks import dreamnet
from zoomdream.networks.dreamnet import DreamNet

TYPES = [torch.float32, torch.bfloat16]


def random(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def skip_without(dtype: torch.dtype) -> None:
    if not can_pack(torch.zeros(1, dtype=dtype), torch.zeros(1, dtype=dtype)):
        pytest.skip("this machine does not pack weights of this type")


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(("edge", "stride"), [(1, 1), (3, 1), (5, 1), (7, 2)])
def test_packed_weights_give_the_same_result_and_the_same_gradient(dtype: torch.dtype, edge: int, stride: int) -> None:
    skip_without(dtype)
    colours = 3 if stride == 2 else 24
    weight = random(40, colours, edge, edge).to(dtype) / (colours**0.5 * edge)
    bias = random(40, seed=2).to(dtype)
    packed, around = PackedWeight(), (edge // 2,) * 4
    for size in ((20, 33), (7, 12), (20, 33)):
        x = random(1, colours, *size).to(dtype).contiguous(memory_format=torch.channels_last)
        plain, plain_vjp = convolve(x, weight, bias, stride=stride, padding=around, rectified=True)
        y, vjp = convolve(x, weight, bias, stride=stride, padding=around, rectified=True, packed=packed)
        rounding = {"rtol": 0.02, "atol": 0.02} if dtype == torch.bfloat16 else {"rtol": 1e-4, "atol": 1e-5}
        torch.testing.assert_close(y, plain, **rounding)
        gradient = random(*y.shape, seed=3).to(dtype).contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(vjp(gradient)[0], plain_vjp(gradient)[0], **rounding)
        assert y.is_contiguous(memory_format=torch.channels_last)


def test_a_weight_that_has_changed_is_packed_anew() -> None:
    skip_without(torch.float32)
    packed, weight, x = PackedWeight(), random(8, 8, 3, 3), random(1, 8, 6, 6)
    for _ in range(2):
        kept = packed.get(weight, x.shape, (1, 1))
        assert kept is not None
        torch.testing.assert_close(
            convolve_packed(x, kept, None, (1, 1)), F.conv2d(x, weight, padding=1), rtol=1e-4, atol=1e-5
        )
        assert packed.get(weight, x.shape, (1, 1)) is kept
        weight.mul_(-2)


def test_a_network_moved_to_another_precision_and_back_is_itself_again() -> None:
    network = dreamnet.ready(DreamNet())
    picture, wanted = random(1, 3, 48, 64).sigmoid(), frozenset({"mixed4a"})
    before = network(picture, wanted)["mixed4a"]
    network.bfloat16()(picture, wanted)
    torch.testing.assert_close(network.float()(picture, wanted)["mixed4a"], before, rtol=0.1, atol=0.02)


def test_of_many_sizes_the_last_are_kept_and_all_are_packed() -> None:
    skip_without(torch.float32)
    packed, weight = PackedWeight(), random(8, 8, 1, 1)
    for edge in range(1, 41):
        kept = packed.get(weight, torch.Size((1, 8, 5, edge)), (0, 0))
        assert packed.get(weight, torch.Size((1, 8, 5, edge)), (0, 0)) is kept
    assert len(packed._packed) < 20
    x = random(1, 8, 5, 1)
    y, _ = convolve(x, weight, None, packed=packed)  # the first again, long forgotten
    torch.testing.assert_close(y, F.conv2d(x, weight), rtol=1e-4, atol=1e-5)


def test_copies_and_files_of_a_network_hold_nothing_that_is_packed() -> None:
    network = dreamnet.ready(DreamNet())
    picture = torch.rand(1, 3, 48, 64)
    network(picture, frozenset({"mixed3a"}))
    copied = copy.deepcopy(network)
    torch.testing.assert_close(copied(picture, frozenset({"mixed3a"})), network(picture, frozenset({"mixed3a"})))
    whole, bare = io.BytesIO(), io.BytesIO()
    torch.save(network, whole)
    torch.save(dreamnet.ready(DreamNet()), bare)
    assert abs(len(whole.getvalue()) - len(bare.getvalue())) < 10_000
