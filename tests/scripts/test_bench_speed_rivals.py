"""The networks and loops that bench_speed compares with: they see what zoomdream sees, and dream."""

from __future__ import annotations

from pathlib import Path

import torch
from bench.speed import floor, rivals
from torch import Tensor

from zoomdream.color.pyramid import octave_sizes
from zoomdream.networks import catalog

SIZE = (96, 64)


def drawn(size: tuple[int, int] = SIZE) -> Tensor:
    return torch.rand(1, 3, size[1], size[0], generator=torch.Generator().manual_seed(3))


def seen_by_zoomdream(network: str, path: Path, image: Tensor) -> Tensor:
    opened = catalog.open_network(network, path)
    (layer,) = (layer.name for layer in opened.layers if layer.name in ("mixed4c", "inception4c"))
    return opened(image, frozenset({layer}))[layer]


def alike(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, rtol=1e-3, atol=1e-4 * float(other.abs().max()))


def test_the_floor_computes_what_zoomdream_sees_in_googlenet(random_googlenet: Path) -> None:
    mean = torch.tensor([123.0, 117.0, 104.0]).view(1, 3, 1, 1) / 255
    bare = floor.GoogLeNet(random_googlenet, torch.float32)
    assert alike(bare(drawn() - mean), seen_by_zoomdream("googlenet", random_googlenet, drawn()))


def test_the_floor_computes_what_zoomdream_sees_in_torchvisions_googlenet(random_torchvision: Path) -> None:
    bare = floor.TorchvisionGoogLeNet(random_torchvision, torch.float32)
    assert alike(bare(2 * drawn() - 1), seen_by_zoomdream("torchvision/googlenet", random_torchvision, drawn()))


def test_random_weights_neither_vanish_nor_explode(random_googlenet: Path, random_torchvision: Path) -> None:
    for bare in (
        floor.GoogLeNet(random_googlenet, torch.float32),
        floor.TorchvisionGoogLeNet(random_torchvision, torch.float32),
    ):
        assert 1e-3 < float(bare(2 * drawn() - 1).square().mean()) < 1e6


def test_the_floor_climbs_at_the_sizes_of_zoomdreams_octaves() -> None:
    assert sorted(floor.octave_sizes((640, 360), 3)) == list(octave_sizes((360, 640), 3, 1.4))


def test_a_frame_of_the_floor_is_every_step_of_every_octave(random_googlenet: Path) -> None:
    bare, seen = floor.GoogLeNet(random_googlenet, torch.bfloat16), []

    def passes(x: Tensor) -> Tensor:
        assert x.dtype == torch.bfloat16
        assert x.is_contiguous(memory_format=torch.channels_last)
        seen.append(tuple(x.shape[-2:]))
        return bare(x)

    floor.frame(passes, SIZE, 2, 3, torch.bfloat16)()
    assert seen == [(46, 69)] * 3 + [(64, 96)] * 3


def test_neural_dream_sees_what_zoomdream_sees(random_googlenet: Path) -> None:
    size = (224, 224)
    whole = rivals._WholeGoogLeNet(random_googlenet)
    mean = torch.tensor([104.0, 117.0, 123.0]).view(1, 3, 1, 1)
    seen = whole(255 * drawn(size).flip(1) - mean)
    assert alike(seen, seen_by_zoomdream("googlenet", random_googlenet, drawn(size)))


def test_pytorch_deepdream_sees_what_zoomdream_sees(random_torchvision: Path, tmp_path: Path) -> None:
    rival = rivals.PytorchDeepdream(random_torchvision, SIZE, 1, 1, tmp_path)
    mean, deviation = (torch.from_numpy(values).view(1, 3, 1, 1) for values in (rivals._MEAN, rivals._DEVIATION))
    seen = rival._activations((drawn() - mean) / deviation)
    assert alike(seen, seen_by_zoomdream("torchvision/googlenet", random_torchvision, drawn()))
