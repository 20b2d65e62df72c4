"""What every source tells of itself, whatever its kind: nobody has to ask for the kind."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from tests.made_clips import encode, numbered
from zoomdream import load_config
from zoomdream.color.statistics import NATURAL
from zoomdream.source.open import open_source
from zoomdream.source.protocol import Source


def source_of(tree: dict[str, Any], **more: Any) -> Source:
    return open_source(load_config({"size": [64, 48], "frames": 6, "source": tree, **more}))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    Image.new("RGB", (128, 96), (0, 128, 255)).save(path)
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "a.mkv"
    encode(path, numbered(12), "-c:v", "ffv1", fps=12)
    return path


def test_noise_and_pictures_stand_still(picture: Path) -> None:
    for source in (source_of({"kind": "noise"}), source_of({"kind": "image", "path": str(picture)})):
        assert not source.moving
        assert (source.shots, source.sound, source.notes) == ((), None, ())
        assert source.frames_at([Fraction(1)]) == ()
        frames = source.open()
        assert frames.frame(0).shape == (1, 3, 48, 64)
        assert torch.equal(frames.frame(0), frames.frame(5))


def test_a_picture_covers_the_frame_and_gives_the_colours_to_hold(picture: Path) -> None:
    source = source_of({"kind": "image", "path": str(picture)})
    assert source.name == str(picture)
    colors = source.colors()
    assert colors is not None
    assert colors.mean == pytest.approx((0, 128 / 255, 1), abs=1e-3)
    assert source_of({"kind": "noise"}).colors() == NATURAL


def test_a_picture_of_another_shape_fills_fits_or_is_stretched_and_check_tells(tmp_path: Path) -> None:
    path = tmp_path / "wide.png"
    wide = Image.new("RGB", (120, 30), (255, 0, 0))
    wide.paste((0, 255, 0), (30, 0, 90, 30))  # green in its middle half
    wide.save(path)

    def shown(fit: str) -> tuple[torch.Tensor, list[str]]:
        source = source_of({"kind": "image", "path": str(path), "fit": fit})
        return source.open().frame(0)[0], source.describe()

    filled, said = shown("fill")
    assert filled[1].mean() > 0.99
    assert said == [
        "wide.png: 120x30",
        "67% of its width is cut off to fill 64x48; `source.fit: fit` shows all of it, with black bars",
    ]
    whole, said = shown("fit")
    assert whole[:, :15].max() == 0
    assert whole[:, -15:].max() == 0
    assert whole[:2, 24].mean(1) == pytest.approx((0.5, 0.5), abs=0.03)
    assert said[1:] == ["black bars above and below fill 64x48"]
    stretched, said = shown("stretch")
    assert stretched[:2].mean((1, 2)) == pytest.approx((0.5, 0.5), abs=0.03)
    assert said[1:] == ["stretched to 3 times its height"]
    assert source_of({"kind": "image", "path": str(path)}, size=[121, 30]).describe() == ["wide.png: 120x30"]


def test_noise_depends_on_the_seed_alone() -> None:
    one, same, other = (source_of({"kind": "noise"}, seed=seed).open().frame(0) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_clip_moves_from_where_the_config_begins(clip: Path) -> None:
    source = source_of({"kind": "video", "path": str(clip), "start": "0.25s"})
    assert source.moving
    assert source.colors() is None
    assert source.time_of(0) == Fraction(3, 12)
    assert source.time_of(2) == Fraction(5, 12)
    assert source.frames_at([Fraction(5, 12), Fraction(0), Fraction(9)]) == (2,)
    assert any("rendered from 0.25 s to its end" in line for line in source.describe())
    tall = source_of({"kind": "video", "path": str(clip)}, size=[32, 64])
    assert any("of its width is cut off to fill 32x64" in line for line in tall.describe())
    frames = source.open()
    try:
        assert not torch.equal(frames.frame(0), frames.frame(1))
    finally:
        frames.close()
