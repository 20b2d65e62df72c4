import builtins
import sys
from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F

from zoomdream.color import pyramid
from zoomdream.color.pyramid import bands, blend, detail, merge
from zoomdream.machine import opencv


@pytest.fixture(params=["OpenCV", "PyTorch alone"])
def _by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    opencv._load.cache_clear()
    if request.param == "PyTorch alone":
        monkeypatch.delitem(sys.modules, "cv2", raising=False)
        load = builtins.__import__

        def without(name: str, *rest: object, **more: object) -> object:
            if name == "cv2":
                raise ImportError("libGL.so.1: cannot open shared object file")
            return load(name, *rest, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(builtins, "__import__", without)
    assert (pyramid._opencv_for(torch.zeros(1, 3, 4, 4)) is None) == (request.param == "PyTorch alone")
    yield
    monkeypatch.undo()
    opencv._load.cache_clear()


def noise(size: tuple[int, int], channels: int = 3) -> torch.Tensor:
    return torch.randn(1, channels, *size, generator=torch.Generator().manual_seed(1))


def blurred(picture: torch.Tensor, weights: tuple[float, ...]) -> torch.Tensor:
    """By these weights along both axes, edges repeated, in float64."""
    reach, channels = len(weights) // 2, picture.shape[1]
    row = torch.tensor(weights, dtype=torch.float64)
    kernel = (row[:, None] * row).expand(channels, 1, -1, -1)
    return F.conv2d(F.pad(picture.double(), (reach,) * 4, mode="replicate"), kernel, groups=channels)


SIZES = [(16, 24), (17, 25), (5, 6), (64, 7)]


@pytest.mark.usefixtures("_by")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_coarser_level_is_every_second_pixel_of_a_binomial_blur(size: tuple[int, int], channels: int) -> None:
    picture = noise(size, channels)
    wanted = blurred(picture, (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16))[..., ::2, ::2]
    _, coarser = bands(picture, 1)
    assert coarser.shape == wanted.shape
    assert (coarser - wanted).abs().max() < 1e-6


@pytest.mark.usefixtures("_by")
@pytest.mark.parametrize("size", SIZES)
def test_the_finer_level_is_what_a_linear_enlargement_of_the_coarser_lacks(size: tuple[int, int]) -> None:
    picture = noise(size)
    finer, coarser = bands(picture, 1)
    enlarged = F.interpolate(coarser.double(), size=size, mode="bilinear", align_corners=False)
    assert (finer - (picture - enlarged)).abs().max() < 5e-6


@pytest.mark.usefixtures("_by")
def test_detail_is_what_a_small_blur_takes_away() -> None:
    picture = noise((9, 14))
    assert (detail(picture) - (picture - blurred(picture, (1 / 4, 1 / 2, 1 / 4)))).abs().max() < 1e-6


@pytest.mark.usefixtures("_by")
def test_bands_put_together_are_the_picture_also_where_its_channels_lie_side_by_side() -> None:
    picture = noise((37, 50)).contiguous(memory_format=torch.channels_last)
    assert (merge(bands(picture, 4)) - picture).abs().max() < 1e-5
    factors = torch.tensor([1.0, 0.0, 0.0, 0.0, 0.0])
    assert (merge(bands(picture, 4), factors) - bands(picture, 1)[0]).abs().max() < 1e-6


@pytest.mark.usefixtures("_by")
def test_the_gradient_goes_through_bands() -> None:
    picture = noise((12, 20)).requires_grad_()
    (gradient,) = torch.autograd.grad(bands(picture, 2)[0].square().sum(), picture)
    assert gradient.abs().min() > 0


def test_a_blend_is_one_picture_or_the_other_with_all_of_its_detail() -> None:
    one, other = (torch.rand(1, 3, 96, 256, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))
    share = torch.zeros(1, 1, 96, 256)
    share[..., 128:] = 1
    mixed = blend(one, other, share)
    assert torch.allclose(detail(mixed)[..., :120], detail(one)[..., :120], atol=0.02)
    assert torch.allclose(detail(mixed)[..., 136:], detail(other)[..., 136:], atol=0.02)
    assert torch.allclose(blend(one, other, torch.ones_like(share)), other, atol=1e-5)
    assert torch.allclose(blend(one, other, torch.zeros_like(share)), one, atol=1e-5)


def test_light_goes_over_gently_in_a_blend() -> None:
    """A hard cut between dark and light becomes a slope as wide as the coarsest waves."""
    share = torch.zeros(1, 1, 96, 256)
    share[..., 128:] = 1
    row = blend(torch.zeros(1, 3, 96, 256), torch.ones(1, 3, 96, 256), share)[0, 0, 48]
    assert float(row.diff().max()) < 0.05
    assert float(row[0]) < 0.02
    assert float(row[-1]) > 0.98
