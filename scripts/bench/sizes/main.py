"""One config at several sizes: are things as large relative to the frame, and contrasts at each scale as strong?

    python scripts/bench_sizes.py --quick                                          320x180 and 640x360, under a minute
    python scripts/bench_sizes.py --json build/sizes.json --keep build/sizes       up to 1920x1080, about an hour

What each figure means stands in docs/benchmarks.md. --keep leaves stills, to be looked at side by side.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from bench import command
from bench.report import ROOT, Report
from PIL import Image
from torch import Tensor

import zoomdream
from zoomdream.color.pyramid import bands, resize
from zoomdream.color.statistics import luma
from zoomdream.config import load_config

CONFIGS = ("endless_zoom", "journey")
TUNED = (640, 360)
SIZES = ((320, 180), TUNED, (1280, 720), (1920, 1080))
RATE, FRAMES, QUICK_FRAMES, FEW = 8, 16, 4, 6  # frames that are dreamed on; FEW of the largest
SMALL = (180, 320)  # (height, width) to which all are shrunk
COARSE = (45, 80)
BANDS = 5


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = command.parser("bench_sizes", __doc__, PARTS)
    parser.add_argument("--config", type=Path, action="append", help=f"may be repeated (default: {', '.join(CONFIGS)})")
    parser.add_argument("--size", type=command.size_of, action="append", metavar="WxH", help="may be repeated")
    parser.add_argument("--frames", type=int, help=f"dreams of each (default: {FRAMES}, of the largest size {FEW})")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of the configs")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave the first and last frames here")
    chosen = parser.parse_args(words)
    names = CONFIGS[:1] if chosen.quick else CONFIGS
    chosen.config = chosen.config or [ROOT / "configs" / f"{name}.yaml" for name in names]
    chosen.size = chosen.size or SIZES[:2] if chosen.quick else chosen.size or SIZES
    chosen.frames = chosen.frames or (QUICK_FRAMES if chosen.quick else FRAMES)
    return chosen


def main(words: Sequence[str] | None = None) -> int:
    return command.run(arguments(words), lambda options: command.run_parts(options, Report(), PARTS))


def run_sizes(options: argparse.Namespace, found: Report, folder: Path) -> None:
    for path in options.config:
        runs = {size: measure(options, path, size) for size in options.size}
        seen = {size: run.pop("seen") for size, run in runs.items()}
        found.figures[path.stem] = {f"{width}x{height}": run for (width, height), run in runs.items()}
        tuned = runs.pop(TUNED, None)
        for (width, height), run in runs.items() if tuned else ():
            name = f"{path.stem} {width}x{height} over 640x360"
            found.within(f"{name}: area of strong structures", run["area"] / tuned["area"], (0.85, 1.15))
            for band in range(BANDS):
                ratio = run["energies"][band] / tuned["energies"][band]
                found.within(f"{name}: energy of band {band}", ratio, (0.85, 1.15))
            run["likeness"] = [likeness(*pair) for pair in zip(seen[width, height], seen[TUNED], strict=False)][:RATE]
            run["over 640x360"] = run["seconds per megapixel"] / tuned["seconds per megapixel"]


def measure(options: argparse.Namespace, path: Path, size: tuple[int, int]) -> dict[str, Any]:
    """Dream a few frames, and measure each. Figures; energies from fine to coarse, relative to the frame."""
    frames = min(options.frames, FEW) if size[1] > 1000 else options.frames
    of_size = [f"size={[*size]}", f"fps={RATE}", f"dream.rate={RATE}", f"frames={frames}", "timeline=80"]
    config = load_config(path, [*of_size, "duration=null", *options.set], output=Path("sizes.mp4"))
    areas, energies, seconds, seen = [], [], [], []
    begun = time.perf_counter()
    for number, frame in enumerate(zoomdream.frames(config)):
        seconds.append(time.perf_counter() - begun)
        grey = luma(frame[None])
        areas.append(area(grey))
        seen.append(resize(frame[None], COARSE).flatten())
        energies.append([float(band.square().mean()) for band in bands(resize(grey, SMALL), BANDS)[:BANDS]])
        if options.keep and number in (0, frames - 1):
            options.keep.mkdir(parents=True, exist_ok=True)
            pixels = np.uint8(255 * frame.permute(1, 2, 0).numpy() + 0.5)
            Image.fromarray(pixels).save(options.keep / f"{path.stem}_{size[1]}_{number}.png")
        begun = time.perf_counter()
    command.say(f"{path.stem} {size[0]}x{size[1]}: {frames} frames, {statistics.median(seconds):.2f} s each")
    return {
        "frames": frames,
        "area": statistics.mean(areas),
        "energies": [statistics.mean(column) for column in zip(*energies, strict=True)],
        "seconds per megapixel": statistics.median(seconds[1:]) / math.prod(size) * 1e6,
        "seen": seen,
    }


def likeness(one: Tensor, other: Tensor) -> float:
    """The correlation of two flattened pictures."""
    return float(torch.corrcoef(torch.stack((one, other)))[0, 1])


def area(grey: Tensor) -> float:
    """The size of the strongest coarse structures of a luma (1, 1, H, W), as a share of the frame: of connected places
    that are more than a deviation lighter or darker than the mean of a picture of 80x45, weighted by their own size.
    """
    small = resize(grey, COARSE)[0, 0]
    small = (small - small.mean()) / small.std()
    found = torch.tensor([float(size) for sign in (1, -1) for size in _components(sign * small > 1)])
    return float(found.square().sum() / found.sum() / small.numel())


def _components(mask: Tensor) -> Iterator[int]:
    count, _, figures, _ = cv2.connectedComponentsWithStats(np.uint8(mask.numpy()))
    return (int(figures[number, cv2.CC_STAT_AREA]) for number in range(1, count))


PARTS: Mapping[str, command.Part] = {"sizes": run_sizes}
