from __future__ import annotations

from contextlib import closing
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.made_clips import encode
from zoomdream.errors import InputError
from zoomdream.source.mask import open_mask


def levels(count: int) -> np.ndarray:
    """Frames of one grey each: 0, 20, 40, ..."""
    return (np.arange(count, dtype=np.uint8) * 20)[:, None, None, None].repeat(48, 1).repeat(64, 2).repeat(3, 3)


def test_a_picture_is_a_mask_for_every_frame(tmp_path: Path) -> None:
    half = np.zeros((48, 64), np.uint8)
    half[:, :32] = 255
    Image.fromarray(half).save(tmp_path / "a.png")
    with closing(open_mask(tmp_path / "a.png", 10, Fraction(25), (96, 128))) as mask:
        assert mask.frame(0).shape == (1, 1, 96, 128)
        assert mask.frame(0)[..., :60].min() > 0.999
        assert mask.frame(9)[..., 68:].max() == 0
        assert torch.equal(mask.frame(0), mask.frame(9))


def test_a_picture_of_another_shape_covers_the_frame(tmp_path: Path) -> None:
    tall = np.zeros((96, 32), np.uint8)
    tall[32:64] = 255  # the middle third
    Image.fromarray(tall).save(tmp_path / "a.png")
    with closing(open_mask(tmp_path / "a.png", 1, Fraction(25), (32, 32))) as mask:
        assert mask.frame(0).min() > 0.999


def test_colors_count_as_bright_as_they_look_and_what_is_transparent_is_black(tmp_path: Path) -> None:
    Image.new("RGBA", (32, 32), (0, 255, 0, 255)).save(tmp_path / "a.png")
    Image.new("RGBA", (32, 32), (255, 255, 255, 0)).save(tmp_path / "b.png")
    assert open_mask(tmp_path / "a.png", 1, Fraction(25), (32, 32)).frame(0).mean() == pytest.approx(0.7152)
    assert open_mask(tmp_path / "b.png", 1, Fraction(25), (32, 32)).frame(0).max() == 0


def test_a_clip_is_a_mask_that_moves_and_holds_its_last_frame(tmp_path: Path) -> None:
    encode(tmp_path / "a.mkv", levels(10))
    with closing(open_mask(tmp_path / "a.mkv", 40, Fraction(50), (48, 64))) as mask:
        found = [round(float(mask.frame(index).mean()) * 255) for index in range(40)]
        assert found == [20 * min(index // 2, 9) for index in range(40)]
        assert mask.frame(3).shape == (1, 1, 48, 64)
        assert round(float(mask.frame(2).mean()) * 255) == 20


def test_what_is_neither_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no picture")
    for name in ("a.png", "missing.png"):
        with pytest.raises(InputError, match=name):
            open_mask(tmp_path / name, 1, Fraction(25), (32, 32))
