"""The networks and loops that bench_speed compares with: they see what zoomdream sees, and do as much."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from bench.speed import floor, rivals
from torch import Tensor

from zoomdream.color.pyramid import octave_sizes
from zoomdream.networks import catalog

SIZE = (96, 64)


@pytest.mark.parametrize("who", ["floor", "floor, torchvision", "neural-dream", "pytorch-deepdream"])
def test_all_see_what_zoomdream_sees(
    who: str, random_googlenet: Path, random_torchvision: Path, tmp_path: Path
) -> None:
    width, height = (224, 224) if who == "neural-dream" else SIZE
    image = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(3))
    network, path, layer = "googlenet", random_googlenet, "mixed4c"
    if who in ("floor, torchvision", "pytorch-deepdream"):
        network, path, layer = "torchvision/googlenet", random_torchvision, "inception4c"
    wanted = catalog.open_network(network, path)(image, frozenset({layer}))[layer]
    match who:
        case "floor":
            mean = torch.tensor([123.0, 117.0, 104.0]).view(1, 3, 1, 1) / 255
            seen = floor.GoogLeNet(path, torch.float32)(image - mean)
        case "floor, torchvision":
            seen = floor.TorchvisionGoogLeNet(path, torch.float32)(2 * image - 1)
        case "neural-dream":
            mean = torch.tensor([104.0, 117.0, 123.0]).view(1, 3, 1, 1)
            seen = rivals._WholeGoogLeNet(path)(255 * image.flip(1) - mean)
        case _:
            mean, deviation = (torch.from_numpy(one).view(1, 3, 1, 1) for one in (rivals._MEAN, rivals._DEVIATION))
            seen = rivals.PytorchDeepdream(path, SIZE, 1, 1, tmp_path)._activations((image - mean) / deviation)
    assert torch.allclose(seen, wanted, rtol=1e-3, atol=1e-4 * float(wanted.abs().max()))
    assert 1e-3 < float(wanted.square().mean()) < 1e6, "random weights neither vanish nor explode"


def test_a_frame_of_the_floor_is_every_step_of_every_octave(random_googlenet: Path) -> None:
    assert sorted(floor.octave_sizes((640, 360), 3)) == list(octave_sizes((360, 640), 3, 1.4))
    bare, seen = floor.GoogLeNet(random_googlenet, torch.bfloat16), []

    def passes(x: Tensor) -> Tensor:
        assert x.dtype == torch.bfloat16
        assert x.is_contiguous(memory_format=torch.channels_last)
        seen.append(tuple(x.shape[-2:]))
        return bare(x)

    floor.frame(passes, SIZE, 2, 3, torch.bfloat16)()
    assert seen == [(46, 69)] * 3 + [(64, 96)] * 3
