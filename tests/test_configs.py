"""Every ready config loads and, made small and short, becomes a video."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from zoomdream import ffmpeg
from zoomdream.api import load_config
from zoomdream.cli.new import first_comment
from zoomdream.config.unreached import warnings
from zoomdream.ffmpeg import probe
from zoomdream.networks import catalog
from zoomdream.rendering import render

CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("*.yaml"))
EMBEDDED = catalog.networks()[0]
SMALL = ["size=[96, 64]", "frames=4", "dream.warmup=1", "dream.steps=1"]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_ready_config_loads_and_begins_with_what_it_shows(path: Path) -> None:
    config = load_config(path)
    assert config.output == Path(f"{path.stem}.{'gif' if path.stem == 'loop_gif' else 'mp4'}")
    assert len(first_comment(path)) > 20
    assert list(warnings(config)) == []


@pytest.fixture(scope="module")
def untrained_raft(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RAFT's weights are elsewhere: random ones of the same shapes."""
    from torchvision.models.optical_flow import raft_small

    path = tmp_path_factory.mktemp("raft") / "untrained.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tensors = {name: tensor for name, tensor in raft_small().state_dict().items() if "num_batches" not in name}
    save_file(tensors, path)
    return path


@pytest.mark.skipif(not EMBEDDED.present, reason="the embedded network's weights are not in this checkout")
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_ready_config_renders(path: Path, tmp_path: Path, untrained_raft: Path) -> None:
    own = [f"flow.weights={untrained_raft}"] if "raft" in path.stem else []
    config = load_config(path, [*SMALL, *own], output=tmp_path / "small.mp4")
    finished = render(config)
    facts = probe.probe(ffmpeg.executable(), finished)
    assert (facts.width, facts.height) == (96, 64)
    assert probe.count_frames(ffmpeg.executable(), finished) == 4
