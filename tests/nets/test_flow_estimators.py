from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from zoomdream.errors import InputError
from zoomdream.nets.flow_estimators import METHODS, Estimator, open_estimator

CPU = torch.device("cpu")
CLASSIC = ("dis", "farneback")


def texture(height: int, width: int) -> Tensor:
    """(1, 3, height, width): blots of several sizes."""
    random = torch.Generator().manual_seed(3)
    total = torch.zeros(1, 3, height, width)
    for cells in (6, 12, 24, 48):
        blots = torch.rand(1, 3, cells, cells, generator=random)
        total += F.interpolate(blots, size=(height, width), mode="bicubic", align_corners=False) / 4
    return total.clamp(0, 1)


def moved(x: int, y: int, size: tuple[int, int] = (96, 128)) -> tuple[Tensor, Tensor]:
    """(now, before): the picture moved right by x and down by y pixels."""
    height, width = size
    scene = texture(height + 40, width + 40)
    before = scene[..., 20 : 20 + height, 20 : 20 + width]
    now = scene[..., 20 - y : 20 - y + height, 20 - x : 20 - x + width]
    return now, before


def middle(flow: Tensor) -> tuple[float, float]:
    x, y = flow[0, :, 20:-20, 20:-20].flatten(1).median(dim=1).values.tolist()
    return x, y


def opened(method: str) -> Estimator:
    return open_estimator(method, None, CPU)


@pytest.mark.parametrize("method", CLASSIC)
def test_a_picture_that_moved_right_by_three_has_backward_flow_of_minus_three(method):
    now, before = moved(3, 0)
    assert middle(opened(method)(now, before)) == pytest.approx((-3, 0), abs=0.15)


@pytest.mark.parametrize("method", CLASSIC)
def test_a_picture_that_moved_down_has_flow_that_points_up(method):
    now, before = moved(-1, 5)
    assert middle(opened(method)(now, before)) == pytest.approx((1, -5), abs=0.15)


@pytest.mark.parametrize("method", CLASSIC)
def test_the_flow_has_the_size_and_the_pixels_of_the_pictures_however_large_they_are(method):
    now, before = (
        F.interpolate(picture, size=(384, 512), mode="bicubic", align_corners=False) for picture in moved(2, -1)
    )
    flow = opened(method)(now, before)
    assert flow.shape == (1, 2, 384, 512)
    assert flow.dtype == torch.float32
    assert middle(flow) == pytest.approx((-8, 4), abs=0.5)


@pytest.mark.parametrize("method", CLASSIC)
@pytest.mark.parametrize("size", [(16, 16), (16, 300), (241, 17), (65, 127)])
def test_every_size_has_a_flow(method, size):
    flow = opened(method)(torch.rand(1, 3, *size), torch.rand(1, 3, *size))
    assert flow.shape == (1, 2, *size)
    assert flow.isfinite().all()


@pytest.mark.parametrize("method", CLASSIC)
def test_the_same_pictures_always_give_the_same_flow(method):
    now, before = moved(3, 1)
    estimate = opened(method)
    first = estimate(now, before)
    estimate(before, now)
    assert torch.equal(first, estimate(now, before))
    assert torch.equal(first, opened(method)(now, before))


@pytest.mark.parametrize("method", CLASSIC)
def test_a_flat_picture_does_not_move(method):
    flat = torch.full((1, 3, 96, 128), 0.4)
    assert opened(method)(flat, flat).abs().max() < 0.01


def test_a_missing_system_library_is_named_with_what_to_install(monkeypatch):
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "cv2":
                raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.delitem(sys.modules, "cv2", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(InputError, match=r"libGL\.so\.1.*libgl1"):
        opened("dis")


def test_opencv_is_not_loaded_until_an_estimator_is_opened():
    import subprocess

    code = "import sys, zoomdream.nets.flow_estimators; sys.exit('cv2' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_none_is_not_an_estimator():
    assert "none" not in METHODS
    with pytest.raises(ValueError, match="none"):
        opened("none")
