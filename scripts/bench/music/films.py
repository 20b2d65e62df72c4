"""What is seen and heard in finished videos that follow a song."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from bench import processes
from bench.clips import sync
from bench.endless.motion import measured_similarity
from bench.report import ROOT
from bench.video import decoded_frames
from synthetic import song

from zoomdream import ffmpeg
from zoomdream.config import Config

SIZE = (96, 64)
CLICKS = [0.63, 1.21, 2.02, 2.9]
CHEAP = {"octaves": 1, "steps": 1, "warmup": 1}


def write_song(folder: Path, ending: str) -> Path:
    """The song whose clicks the flashes have to meet, between them a quiet tone."""
    samples = song.clicks(CLICKS, 3.5, level=0.9) + song.tone(220, 3.5, level=0.01)
    return song.write(folder / f"clicks.{ending}", samples)


def write_clip(folder: Path, fps: Fraction) -> Path:
    """A clip of a gradient in which nothing moves, without a sound."""
    path = folder / f"still_{fps.numerator}.mkv"
    picture = f"gradients=s={SIZE[0]}x{SIZE[1]}:r={fps}:d=3.5:speed=0.00001:seed=1"
    ffmpeg.run(
        [str(ffmpeg.executable()), *ffmpeg.QUIET, "-y", "-f", "lavfi", "-i", picture, "-c:v", "ffv1", str(path)],
        what="drawing",
    )
    return path


def render(tree: dict[str, Any], config: Path, *words: str) -> Path:
    """Render by the public command. RuntimeError with its words where that fails."""
    config.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return run(["render", str(config), "--quiet", *words], Path(tree["output"]))


def run(words: Sequence[str], output: Path) -> Path:
    result = subprocess.run(processes.zoomdream(*words), capture_output=True, text=True, env=processes.environment())
    if result.returncode != 0:
        raise RuntimeError(f"{output.name}: exit code {result.returncode}: {result.stderr.strip()[-1000:]}")
    return output


def flash_errors(path: Path, fps: Fraction) -> list[float]:
    """Frames by which the first frame with nine tenths of a flash is later than its click, on the video's own clock."""
    frames = torch.stack(list(decoded_frames(path, SIZE))).float()
    seen = (frames - frames[0]).abs().mean((1, 2, 3)).numpy()
    peaks = []
    for peak in (
        n for n in range(1, len(seen) - 1) if seen[n] > 0.3 * seen.max() and seen[n - 1] < seen[n] >= seen[n + 1]
    ):
        while peak and seen[peak - 1] >= 0.9 * seen[peak]:
            peak -= 1
        peaks.append(peak)
    heard, *_ = sync.clicks(path)
    if len(heard) != len(CLICKS):
        raise RuntimeError(f"{path.name} has {len(heard)} clicks of {len(CLICKS)}")
    _, times = sync.flashes(path)
    return [min((float((times[peak] - click) * fps) for peak in peaks), key=abs, default=np.inf) for click in heard]


def zoom_correlation(path: Path, config: Config, bass: np.ndarray, span: int = 2) -> float:
    """How the zoom that is measured between frames correlates with the bass in that time."""
    frames = [frame.float().mean(0)[None, None] / 255 for frame in decoded_frames(path, config.size)]
    measured = [measured_similarity(a, b).log_scale for a, b in zip(frames, frames[span:], strict=False)]
    wanted = [float(bass[n + 1 : n + 1 + span].mean()) for n in range(len(measured))]
    return float(np.corrcoef(measured, wanted)[0, 1])


def zoom_film(folder: Path, path: Path, seconds: float) -> dict[str, Any]:
    """A zoom into the landscape that the bass pushes."""
    return {
        "output": str(folder / "zoom.mp4"),
        "size": [320, 192],
        "fps": 24,
        "duration": f"{seconds}s",
        "source": {"kind": "image", "path": str(ROOT / "configs" / "landscape.jpg")},
        "music": {"path": str(path)},
        "camera": {"zoom": "1.05 + 0.7*bass(t)", "rotate": 0},
        "dream": {**CHEAP, "step_size": 0.004},
        "encode": {"audio": str(path), "crf": 10},
    }
