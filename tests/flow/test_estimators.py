from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from synthetic.clip import DrawnClip
from torch import Tensor
from torchvision.models import optical_flow

from zoomdream.errors import InputError
from zoomdream.flow import raft
from zoomdream.flow.confidence import confidence
from zoomdream.flow.estimators import Estimator, open_estimator
from zoomdream.machine import opencv
from zoomdream.networks.weights import download
from zoomdream.source.picture import read_image

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
def test_flow_is_right_in_both_directions_where_the_working_size_has_another_shape(method):
    now, before = (picture.repeat(1, 1, 1, 8) for picture in moved(4, 2, (48, 160)))  # worked on at 64x640
    x, y = opened(method)(now, before)[0, :, 10:-10, 30:130].flatten(1).median(dim=1).values.tolist()
    assert (x, y) == pytest.approx((-4, -2), abs=0.4)


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
    opencv._load.cache_clear()
    monkeypatch.setattr(opencv, "_load", opencv._load.__wrapped__)
    with pytest.raises(InputError, match=r"libGL\.so\.1.*libgl1"):
        opened("dis")


def test_opencv_is_not_loaded_until_an_estimator_is_opened():
    code = "import sys, zoomdream.flow.estimators; sys.exit('cv2' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_none_is_not_an_estimator():
    with pytest.raises(ValueError, match="none"):
        opened("none")


@pytest.mark.parametrize(("method", "limit"), [("dis", 0.2), ("farneback", 0.3)])
def test_the_error_on_the_drawn_clip_is_small_where_something_can_be_followed(method, limit):
    clip = DrawnClip(fps=Fraction(24))
    errors = []
    for index in (30, 60, 110):
        flow = opened(method)(clip.picture(index), clip.picture(index - 1))
        errors.append((flow - clip.flow(index)).norm(dim=1, keepdim=True)[clip.visible(index)])
    assert torch.cat(errors).mean() < limit


def test_the_mask_knows_where_dis_is_wrong_by_more_than_half_a_pixel_or_nothing_was_in_sight():
    clip = DrawnClip(size=(360, 640), fps=Fraction(12))
    hit = marked = wrong = 0
    for index in (13, 27, 50):
        now, before = clip.picture(index), clip.picture(index - 1)
        estimate = opened("dis")
        flow, opposite = estimate(now, before), estimate(before, now)
        error = (flow - clip.flow(index)).norm(dim=1, keepdim=True)
        truly = (error > 0.5) | ~clip.visible(index)
        found = confidence(flow, opposite) < 0.5
        hit, marked, wrong = hit + int((truly & found).sum()), marked + int(found.sum()), wrong + int(truly.sum())
    assert hit / marked > 0.8, "precision"
    assert hit / wrong > 0.8, "recall"


@pytest.fixture(scope="module")
def raft_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of raft_small, which estimate nothing but run."""
    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("raft") / "raft_small.pth"
    torch.save(optical_flow.raft_small(weights=None).state_dict(), path)
    return path


def test_raft_is_given_the_two_pictures_in_the_order_and_range_that_it_was_taught(raft_weights):
    model = optical_flow.raft_small(weights=None).eval()
    model.load_state_dict(torch.load(raft_weights, weights_only=True))
    now, before = moved(3, 0, (128, 136))
    with torch.no_grad():
        expected = model(2 * now - 1, 2 * before - 1)[-1]  # from the first to the second: from now to before
    estimate = open_estimator("raft_small", raft_weights, CPU)
    found = estimate(now, before)
    assert torch.allclose(found, expected, atol=1e-4)
    assert found.abs().max() > 1e-3
    # its cells of 8 pixels are filled up at the right and below, and what was added is cut off again
    now, before = (F.pad(picture[..., :-3, :-5], (0, 5, 0, 3), mode="replicate") for picture in (now, before))
    with torch.no_grad():
        expected = model(2 * now - 1, 2 * before - 1)[-1]
    assert torch.allclose(estimate(now[..., :-5], before[..., :-5]), expected[..., :-5], atol=1e-4)


@pytest.mark.parametrize("size", [(16, 24), (131, 150), (40, 700)])
def test_raft_takes_every_size(raft_weights, size):
    now, before = moved(1, 0, size)
    flow = open_estimator("raft_small", raft_weights, CPU)(now, before)
    assert flow.shape == (1, 2, *size)
    assert flow.isfinite().all()
    assert not flow.requires_grad


def test_raft_with_weights_of_the_other_raft_is_refused(raft_weights):
    with pytest.raises(InputError, match="another network than raft_large"):
        open_estimator("raft_large", raft_weights, CPU)


def test_raft_with_tensors_too_many_is_refused(raft_weights, tmp_path):
    tensors = torch.load(raft_weights, weights_only=True)
    torch.save({**tensors, "another.weight": torch.ones(3)}, tmp_path / "more.pth")
    with pytest.raises(InputError, match=r"another\.weight"):
        open_estimator("raft_small", tmp_path / "more.pth", CPU)


def test_raft_takes_safetensors(raft_weights, tmp_path):
    tensors = torch.load(raft_weights, weights_only=True)
    safetensors.torch.save_file(tensors_of_floats(tensors), tmp_path / "raft.safetensors")
    now, before = moved(1, 0, (128, 128))
    estimates = [open_estimator("raft_small", path, CPU) for path in (raft_weights, tmp_path / "raft.safetensors")]
    assert torch.equal(estimates[0](now, before), estimates[1](now, before))


def tensors_of_floats(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.contiguous() for name, tensor in tensors.items() if tensor.is_floating_point()}


def test_missing_raft_weights_are_named(tmp_path):
    with pytest.raises(InputError, match=r"missing\.pth does not exist"):
        open_estimator("raft_small", tmp_path / "missing.pth", CPU)


@pytest.mark.parametrize("method", raft.NAMES)
def test_without_a_network_raft_says_what_to_do(monkeypatch, tmp_path, method):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(InputError, match=rf"{method}.*ZOOMDREAM_OFFLINE.*flow\.weights.*choose dis") as caught:
        open_estimator(method, None, CPU)
    assert "\n" not in str(caught.value)


def test_raft_weights_are_downloaded_once_with_their_checksum(monkeypatch, tmp_path, raft_weights):
    asked = []

    def fetch(addresses: list[str], target: Path, *, digest: str, max_bytes: int) -> Path:
        asked.append((*addresses, digest))
        assert max_bytes > 21_000_000
        target.parent.mkdir(parents=True)
        target.write_bytes(raft_weights.read_bytes())
        return target

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(download, "fetch", fetch)
    for _ in range(2):
        open_estimator("raft_small", None, CPU)
    ((address, digest),) = asked
    assert address.startswith("https://download.pytorch.org/models/raft_small")
    assert len(digest.removeprefix("sha256:")) == 8
    assert address.endswith(digest.removeprefix("sha256:") + ".pth")


@pytest.mark.assets
@pytest.mark.parametrize(("method", "limit"), [("dis", 0.3), ("farneback", 0.4)])
def test_the_error_on_middleburys_rubber_whale_is_small(assets, method, limit):
    folder = assets / "flow" / "middlebury_rubberwhale"
    content = np.fromfile(folder / "flow10.flo", np.float32)
    width, height = content[1:3].view(np.int32).tolist()
    true = torch.from_numpy(content[3:].reshape(height, width, 2)).permute(2, 0, 1)[None]
    known = true.abs().amax(dim=1, keepdim=True) < 1e8
    now, later = (read_image(folder / name) for name in ("frame10.png", "frame11.png"))
    assert (opened(method)(now, later) - true).norm(dim=1, keepdim=True)[known].mean() < limit
