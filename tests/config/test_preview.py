"""A preview is the film in small: the same motion and the same sizes in the frame, in about 20 seconds."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch

from zoomdream.color.pyramid import resize
from zoomdream.config import Config, load_config, load_config_text
from zoomdream.config.preview import left_out, preview
from zoomdream.source.still import Noise

FILM: dict[str, Any] = {"size": [640, 360], "fps": 24, "duration": "10s", "output": "films/a.mkv"}


def film(**more: object) -> Config:
    return load_config({**FILM, **more})


def test_a_preview_leaves_out_the_finest_octave_and_is_as_much_smaller() -> None:
    whole = film(duration="5s", dream={"octaves": 3, "steps": [2, 3, 4]})
    draft = preview(whole)
    assert (draft.dream.octaves, draft.dream.steps) == (2, (2, 3))
    scale = Fraction(whole.size[0], draft.size[0])
    assert float(scale) == pytest.approx(whole.dream.octave_scale, rel=0.03)
    assert float(Fraction(*draft.size) / Fraction(*whole.size)) == pytest.approx(1, abs=0.01)
    assert (draft.frames, draft.fps, draft.timeline, draft.dream.rate) == (120, 24, None, 12)
    assert draft.output == Path("films/a_preview.mkv")
    assert left_out(whole, draft) == "448x252 instead of 640x360 without the finest octave"
    by_itself = preview(film(duration="5s"))
    assert (by_itself.size, by_itself.dream.octaves, by_itself.octaves.count) == (draft.size, "auto", 2)
    assert left_out(film(duration="5s"), by_itself) == left_out(whole, draft)


def test_what_is_small_already_stays_as_it_is_but_for_its_name() -> None:
    whole = film(size=[48, 31], frames=30, duration=None, encode={"pixel_format": "yuv444p"})
    assert preview(whole) == whole.model_copy(update={"output": Path("films/a_preview.mkv")})
    assert left_out(whole, preview(whole)) == "nothing is left out"


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (1000, 100), (16384, 64), (500, 500), (641, 361)])
def test_a_preview_keeps_the_shape_of_any_size(size: tuple[int, int]) -> None:
    draft = preview(film(size=list(size), dream={"octaves": 9}, encode={"pixel_format": "yuv444p"}))
    assert draft.size[0] / draft.size[1] == pytest.approx(size[0] / size[1], rel=0.015)
    assert draft.size[0] * draft.size[1] <= 300_000 or min(draft.size) < 2 * 144


@pytest.mark.parametrize("size", [(640, 360), (1280, 720), (3840, 2160), (480, 480), (1080, 1920), (1080, 1350)])
def test_a_draft_has_the_noise_of_its_film(size: tuple[int, int]) -> None:
    """Of another shape by a pixel it would be other noise, and other things would grow out of it."""
    draft = preview(film(size=list(size)))
    assert draft.size[0] * size[1] == draft.size[1] * size[0]
    assert draft.size[0] % 2 == draft.size[1] % 2 == 0
    whole, small = (Noise((height, width), 7).open().picture for width, height in (size, draft.size))
    shrunk = [resize(picture, (45, 45)).flatten() for picture in (whole, small)]
    assert torch.corrcoef(torch.stack(shrunk))[0, 1] > 0.99


def test_what_takes_too_long_is_dreamed_less_often_and_then_shown_in_part() -> None:
    longer = film(duration="15s", dream={"octaves": 3})
    assert 4 < preview(longer).dream.rate < 12
    assert preview(longer).frames == longer.frames
    endless = film(duration="00:10:00", dream={"octaves": 3})
    draft = preview(endless)
    assert (draft.dream.rate, draft.timeline) == (4, endless.frames)
    assert 10 * 24 < draft.frames < 60 * 24
    assert re.search(r"; 4 dreams a second instead of 12; the first [\d.]+s of 600s$", left_out(endless, draft))
    counted = preview(film(duration="60s", dream={"every": 2}))
    assert counted.dream.every == 12


def test_what_dreams_often_becomes_smaller_before_it_is_dreamed_much_less_often() -> None:
    classes = film(size=[480, 480], duration="8s", objective=[{"class": "daisy"}], dream={"octaves": "auto"})
    draft = preview(classes)
    assert (draft.octaves.count, draft.frames) == (classes.octaves.count - 2, classes.frames)
    assert draft.dream.rate > classes.dream.rate / 4


def test_moments_mean_what_they_mean_in_the_film() -> None:
    moving = {"zoom": {"keys": {"0%": 1, "100%": 9}}, "rotate": "100*u + frame/frames", "pan": ["t/100", 0]}
    whole = film(duration="90s", camera=moving)
    draft = preview(whole)
    assert draft.frames < whole.frames
    for schedule, original in zip(
        (draft.camera.zoom, *draft.camera.pan), (whole.camera.zoom, *whole.camera.pan), strict=True
    ):
        assert (
            schedule.values(draft.frames, draft.fps, draft.seed)
            == original.values(whole.frames, whole.fps, whole.seed)[: draft.frames]
        )


def test_a_preview_loads_again_to_the_same() -> None:
    draft = preview(film(duration="90s", camera={"zoom": {"keys": {"0%": 1, "100%": 9}}}))
    again = load_config_text(draft.to_yaml())
    assert again == draft
    assert again.camera.zoom.values(again.frames, again.fps, 7) == draft.camera.zoom.values(draft.frames, draft.fps, 7)


def test_a_preview_goes_where_the_command_line_says_and_else_beside_its_film() -> None:
    assert preview(load_config({}, output="draft.mp4")).output == Path("draft.mp4")
    assert preview(load_config({"output": "frames/%05d.png"})).output == Path("frames_preview/%05d.png")
    assert preview(load_config({"output": "100%.mp4"})).output == Path("100%_preview.mp4")
