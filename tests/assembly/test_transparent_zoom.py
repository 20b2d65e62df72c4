"""A zoom into a transparent picture: alpha moves along with the colours, and only what is opaque is dreamed on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.test_pipeline import EVERY_3, configured, stages_of, states
from zoomdream.color.alpha import straight
from zoomdream.color.statistics import luma
from zoomdream.types import State


def sprite(folder: Path) -> Path:
    """A disc with a soft edge, red to yellow, around which there is hidden green."""
    y, x = np.mgrid[:48, :64]
    alpha = np.clip((18 - np.hypot(x - 32, y - 24)) / 4 + 0.5, 0, 1)
    color = np.stack([np.full((48, 64), 220), 80 + x, np.full((48, 64), 40)], -1) * (alpha[..., None] > 0)
    color[alpha == 0] = (0, 255, 0)
    path = folder / "sprite.png"
    Image.fromarray(np.uint8(np.dstack([color, 255 * alpha]))).save(path)
    return path


def zoom_of_a_sprite(folder: Path, **changes: object) -> list[State]:
    source = {"kind": "image", "path": str(sprite(folder))}
    return states(configured(source=source, output="a/%05d.png", **changes))


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("border", ["reflect", "wrap"])
def test_a_dream_shows_only_where_the_picture_is_opaque_and_its_alpha_moves_along(
    tmp_path: Path, every: int, border: str
) -> None:
    camera = {"zoom": 1.5, "rotate": 20, "border": border}
    dreamt = zoom_of_a_sprite(tmp_path, camera=camera, dream=EVERY_3 | {"every": every})
    still = {"octaves": 1, "steps": 0, "warmup": 0, "every": every}
    moved = zoom_of_a_sprite(tmp_path, camera=camera, dream=still, color={"hold": 0})
    for state, plain in zip(dreamt, moved, strict=True):
        picture, alpha = state.picture[:, :3], state.picture[:, 3:]
        assert (picture <= alpha).all()  # so that what is hidden is black, and no edge is brighter than its inside
        aside = (alpha - plain.picture[:, 3:]).abs()[..., 1:-1, 1:-1]  # dreamed pictures are resampled once more
        assert aside.max() < 0.03
    assert (dreamt[-1].picture - moved[-1].picture).abs().mean() > 0.01
    colors = straight(moved[-1].picture)[0, :, moved[-1].picture[0, 3] > 0.1]
    assert (colors[0] > colors[1]).all()  # no green comes in at the edges


def test_a_zoom_into_what_is_opaque_does_not_darken(tmp_path: Path) -> None:
    found = zoom_of_a_sprite(tmp_path, camera={"zoom": 8, "rotate": 0}, color={"hold": 1})
    assert found[-1].picture[:, 3].min() > 0.999
    assert luma(found[-1].picture[:, :3]).mean() > 0.8 * 0.45  # of the disc, which is less than half of the picture


def test_noise_that_comes_in_over_the_border_is_opaque(tmp_path: Path) -> None:
    found = zoom_of_a_sprite(tmp_path, camera={"zoom": 0.3, "rotate": 0, "border": "noise"})
    assert found[-1].picture[..., 0, 0][0, 3] == pytest.approx(1)
    assert found[-1].picture[0, 3].min() == 0


def test_a_picture_is_opaque_where_the_output_is_or_all_of_it_is(tmp_path: Path) -> None:
    source = {"kind": "image", "path": str(sprite(tmp_path))}
    for output, encode in (("a.mp4", {}), ("a/%05d.png", {"pixel_format": "rgb24"})):
        assert stages_of(configured(source=source, output=output, encode=encode)).source(0).shape[1] == 3
    for output in ("a.webp", "a.png"):
        assert stages_of(configured(source=source, output=output)).source(0).shape[1] == 4
    Image.open(source["path"]).convert("RGB").convert("RGBA").save(source["path"])
    assert stages_of(configured(source=source, output="a.png")).source(0).shape[1] == 3


def test_a_transparent_zoom_goes_on_after_any_state(tmp_path: Path) -> None:
    source = {"kind": "image", "path": str(sprite(tmp_path))}
    config = configured(source=source, output="a.png", dream=EVERY_3)
    whole = states(config)
    for stop in (0, 4, 7):
        rest = states(config, start=whole[stop])
        assert all(torch.equal(mine.picture, its.picture) for mine, its in zip(rest, whole[stop + 1 :], strict=True))
