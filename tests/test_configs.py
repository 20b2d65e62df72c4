"""Every ready config loads and, made small and short, becomes a video."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoomdream.cli.new import first_comment
from zoomdream.loading import load_config
from zoomdream.media import ffmpeg, probe
from zoomdream.nets import catalog
from zoomdream.render import render

CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("*.yaml"))
EMBEDDED = catalog.networks()[0]
SMALL = ["size=[96, 64]", "frames=4", "dream.warmup=1", "dream.steps=1"]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_ready_config_loads_and_begins_with_what_it_shows(path: Path) -> None:
    config = load_config(path)
    assert config.output == Path(f"{path.stem}.mp4")
    assert len(first_comment(path)) > 20


@pytest.mark.skipif(not EMBEDDED.present, reason="the embedded network's weights are not in this checkout")
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_ready_config_renders(path: Path, tmp_path: Path) -> None:
    config = load_config(path, SMALL, output=tmp_path / "small.mp4")
    finished = render(config)
    facts = probe.probe(ffmpeg.executable(), finished)
    assert (facts.width, facts.height) == (96, 64)
    assert probe.count_frames(ffmpeg.executable(), finished) == 4
