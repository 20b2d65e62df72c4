"""What the tests of batches share: tiny renders and their frames."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from synthetic import clip as drawn_clip

ROOT = Path(__file__).parents[2]

TINY = """\
size: [32, 16]
fps: 10
frames: {frames}
seed: {seed}
network: {{weights: {weights}}}
dream: {{octaves: 1, steps: 1, warmup: 0}}
encode: {{preset: ultrafast}}
performance: {{device: cpu, threads: 1}}
"""


SHOTS = """\
source: {{kind: video, path: {clip}}}
network: {{weights: {weights}}}
dream: {{octaves: 1, steps: 1, warmup: 1, every: 3}}
flow: {{cuts: [5f, 65f, 70f]}}
encode: {{preset: ultrafast}}
performance: {{device: cpu, threads: 1}}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tiny(untrained_weights: Path) -> Callable[..., str]:
    """The text of a tiny config: seed, frames, and more lines."""

    def text(seed: int = 1, frames: int = 3, more: str = "") -> str:
        return TINY.format(seed=seed, frames=frames, weights=untrained_weights) + more

    return text


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """73 frames at 12 per second, with sound."""
    drawn = drawn_clip.DrawnClip(size=(32, 48), fps=Fraction(12), seconds=Fraction(73, 12), cut=None)
    return drawn_clip.write(drawn, tmp_path_factory.mktemp("clip") / "drawn.mp4")


@pytest.fixture
def shots(here: Path, clip: Path, untrained_weights: Path) -> Path:
    """clip.yaml: four shots, of which none begins with a segment, and one holds a whole one."""
    Path("clip.yaml").write_text(SHOTS.format(clip=clip, weights=untrained_weights))
    return Path("clip.yaml")


@pytest.fixture
def batch() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `zoomdream batch` with the words, in a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "zoomdream", "batch", *words]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        started.append(
            subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment,
                start_new_session=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()  # unread: an orphan, if there is one, would keep it open
