"""Pictures as Python programs hold them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from zoomdream.errors import ConfigError
from zoomdream.source.given import as_tensor, like

PICTURE = torch.rand(1, 3, 20, 24, generator=torch.Generator().manual_seed(1)).mul(255).round()
BYTES = PICTURE[0].byte().numpy()


@pytest.mark.parametrize(
    "given",
    [
        PICTURE / 255,
        PICTURE[0].double() / 255,
        PICTURE[0].byte(),
        BYTES,
        BYTES.transpose(1, 2, 0),
        BYTES.astype(np.uint16) * 257,
        BYTES.transpose(1, 2, 0) / 255.0,
        (BYTES / 255).astype(">f4"),
        Image.fromarray(np.ascontiguousarray(BYTES.transpose(1, 2, 0))),
    ],
    ids=["batch", "doubles", "byte tensor", "layers first", "layers last", "16 bit", "floats", "big endian", "PIL"],
)
def test_the_same_picture_in_any_shape_is_the_same_tensor_and_comes_back_as_it_was(given):
    assert torch.allclose(as_tensor(given), PICTURE / 255, atol=1e-6)
    back = like(given, as_tensor(given))
    assert type(back) is type(given)
    assert torch.allclose(as_tensor(back), PICTURE / 255, atol=1e-6)
    if isinstance(given, np.ndarray):
        assert (back.shape, back.dtype) == (given.shape, given.dtype)


@pytest.mark.parametrize("given", [np.array(0.5), np.zeros((20, 24, 3), object), np.zeros((20, 24, 3), bool)])
def test_arrays_that_are_no_pictures_are_told(given):
    with pytest.raises(ConfigError, match="dream takes a picture"):
        as_tensor(given)


def test_grey_is_three_times_the_same_and_what_is_transparent_is_black():
    grey = np.full((20, 24), 51, np.uint8)
    assert torch.allclose(as_tensor(grey), torch.full((1, 3, 20, 24), 0.2))
    half = Image.new("RGBA", (24, 20), (255, 255, 255, 0))
    assert as_tensor(half).max() == 0


def test_a_pil_picture_is_turned_as_its_camera_was_held(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (24, 20)).save(tmp_path / "a.jpg", exif=exif)
    with Image.open(tmp_path / "a.jpg") as opened:
        assert as_tensor(opened).shape == as_tensor(tmp_path / "a.jpg").shape == (1, 3, 24, 20)
