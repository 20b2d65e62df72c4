"""What the dream step of a config is made of, where zooms and clips differ."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.made_clips import encode, numbered
from tests.tiny_network import TinyNetwork
from zoomdream import assembly, load_config
from zoomdream.color.statistics import NATURAL
from zoomdream.randomness import generator
from zoomdream.stages import Stages
from zoomdream.types import Plan

PLAN = Plan(device="cpu", precision="float32", threads=1, pixel_format="yuv420p")
PICTURE = torch.rand(1, 3, 48, 64, generator=generator(1))


def stages_of(source: dict[str, Any], **dream: Any) -> Stages:
    settings = {"octaves": 2, "steps": 2, "jitter": 8, "variety": 0, "warmup": 0} | dream
    tree = {"size": [64, 48], "frames": 6, "objective": [{"layer": "shapes"}], "dream": settings, "source": source}
    return assembly.open_stages(load_config(tree), PLAN, TinyNetwork())


@pytest.fixture
def clip(tmp_path: Path) -> dict[str, Any]:
    return {"kind": "video", "path": str(encode(tmp_path / "a.mkv", numbered(6)))}


def test_all_frames_of_a_clip_share_their_jitter_so_that_a_still_scene_has_a_still_dream(clip: dict[str, Any]) -> None:
    with closing(stages_of(clip)) as stages:
        one, other = (stages.dream(PICTURE, NATURAL, frame) for frame in (1, 3))
    assert torch.equal(one, other)
    assert not torch.equal(one, PICTURE)


def test_each_frame_of_a_zoom_has_a_jitter_of_its_own_so_that_no_grid_shows() -> None:
    with closing(stages_of({"kind": "noise"})) as stages:
        one, other = (stages.dream(PICTURE, NATURAL, frame) for frame in (1, 4))
        again = stages.dream(PICTURE, NATURAL, 1)
    assert not torch.equal(one, other)
    assert torch.equal(one, again)


def test_noise_falls_on_frames_that_are_dreamed_on_and_differs_from_dream_to_dream() -> None:
    with closing(
        stages_of({"kind": "noise"}, noise="0.1 if frame < 4 else 0", step_size="0.01 if frame > 1 else 0")
    ) as it:
        assert torch.equal(it.noise(PICTURE, 0), PICTURE), "frame 0 is only moved"
        assert torch.equal(it.noise(PICTURE, 5), PICTURE)
        once, again, third = it.noise(PICTURE, 2), it.noise(PICTURE, 2, again=1), it.noise(PICTURE, 3)
    # 0.1 is meant for frames of 640x360; shrunk to this size, its noise has lost its finest waves
    assert float((once - PICTURE).std()) == pytest.approx(0.1 * 48 / 360, rel=0.2)
    for one, other in ((once, again), (once, third)):
        assert float(torch.corrcoef(torch.stack([(it - PICTURE).flatten() for it in (one, other)]))[0, 1]) < 0.1
