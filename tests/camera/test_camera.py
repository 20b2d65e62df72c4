from __future__ import annotations

import pytest
import torch
from torch import Tensor

from zoomdream.camera.camera import Camera, sampling_lattices
from zoomdream.camera.motion import Motion
from zoomdream.color.pyramid import detail
from zoomdream.randomness import generator, white_noise

SIZE = (64, 64)


def camera_of(*motions: Motion, dreamed: bool = True) -> Camera:
    """A camera whose every frame is a key frame."""
    lattices = sampling_lattices(motions, range(len(motions)), (dreamed,) * len(motions))
    return Camera(motions, lattices, SIZE, (0, 0), "reflect", seed=1)


def smooth(x: Tensor, y: Tensor) -> Tensor:
    return (0.5 + 0.4 * torch.sin(x / 9) * torch.cos(y / 7))[None, None].float()


@pytest.mark.parametrize("motion", [Motion(scale=1.03), Motion(degrees=2)], ids=["zoom", "turn"])
def test_detail_that_comes_anew_everywhere_alike_lasts_alike_also_along_the_axes_through_the_pivot(
    motion: Motion,
) -> None:
    """Without lattices the energy along the axes is over twice that elsewhere."""
    count = 300
    camera = camera_of(Motion(), *[motion] * count)
    picture, energy = torch.zeros(1, 3, *SIZE), torch.zeros(SIZE)
    for frame in range(1, count + 1):
        picture = camera(picture, frame - 1, frame) + white_noise(SIZE, generator(1, frame))
        energy += detail(picture).square().mean(dim=(0, 1))
    inside = energy[8:-8, 8:-8]
    for axis in (0, 1):
        along = inside.mean(dim=axis)
        nearest, elsewhere = along[22:26].mean(), torch.cat((along[8:16], along[-16:-8])).mean()
        assert float(nearest / elsewhere) == pytest.approx(1, abs=0.05)


def test_shown_frames_lie_where_the_camera_alone_would_have_them() -> None:
    motion, count = Motion(scale=1.01, degrees=0.5, pan=(0.002, -0.001), pivot=(0.4, 0.6)), 24
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    ways = [camera_of(*[motion] * count, dreamed=dreamed) for dreamed in (True, False)]
    pictures = [smooth(x, y)] * 2
    for frame in range(1, count):
        pictures = [way(picture, frame - 1, frame) for way, picture in zip(ways, pictures, strict=True)]
        one, other = (way.shown(picture, frame) for way, picture in zip(ways, pictures, strict=True))
        assert float((one - other).abs()[..., 4:-4, 4:-4].max()) < 2e-3
    assert float((pictures[0] - pictures[1]).abs().mean()) > 3e-3  # what is dreamed on lies elsewhere


def test_nothing_is_resampled_while_the_camera_stands_still() -> None:
    camera = camera_of(Motion(), Motion(), Motion(scale=1.1), Motion(), Motion())
    assert camera.lattices[:2] == ((0, 0), (0, 0))
    assert camera.lattices[2] == camera.lattices[3] == camera.lattices[4] != (0, 0)
    picture = white_noise(SIZE, generator(2))
    assert torch.allclose(camera(picture, 3, 4), picture, atol=1e-5)


def test_frames_that_are_only_moved_are_resampled_once() -> None:
    assert set(camera_of(*[Motion(scale=1.1)] * 5, dreamed=False).lattices) == {(0.0, 0.0)}
