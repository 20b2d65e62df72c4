"""How a loop closes, measured on its decoded frames: all neighbours of the round, the last and the first among them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from bench import looks
from bench.endless import motion
from bench.report import Report
from bench.video import decoded_frames
from torch import Tensor

from zoomdream.camera.motion import Motion, camera_flow, outside
from zoomdream.camera.warp import warp
from zoomdream.color.statistics import luma
from zoomdream.config import Config
from zoomdream.timeline import Timeline

SEAM_SPANS = 8  # places across the seam where motion is measured, over motion.SPAN frames each


@dataclass(frozen=True, slots=True)
class Round:
    """differences and similarities (SSIM): of each frame with the next, the last with the first, once the camera's
    motion is taken off; looks and sharpness of each frame; slope: motion across the seam over the camera's; closing:
    the first frame of the closing.
    """

    differences: list[float]
    similarities: list[float]
    looks: list[looks.FrameLook]
    sharpness: list[float]
    slope: float
    closing: int


def observe(path: Path, config: Config) -> Round:
    """Decode a film and measure it as a loop, whether it closes or not."""
    frames = [pixels[None].float() / 255 for pixels in decoded_frames(path, config.size)]
    camera = Timeline.of(config.model_copy(update={"loop": config.loop or True})).motions
    pairs = [_pair(frame, frames[(n + 1) % len(frames)], camera[n + 1]) for n, frame in enumerate(frames)]
    return Round(
        differences=[difference for difference, _ in pairs],
        similarities=[similarity for _, similarity in pairs],
        looks=[looks.look(frame) for frame in frames],
        sharpness=[_sharpness(frame) for frame in frames],
        slope=_slope(frames, camera),
        closing=len(frames) - config.closing,
    )


def judge(found: Report, name: str, seen: Round) -> dict[str, object]:
    """Put the bars of a loop that closes into the report, and return its figures."""
    median = statistics.median(seen.differences)
    ratios = [difference / median for difference in seen.differences]
    found.at_most(f"{name}: difference at the seam over the median", ratios[-1], 1.1)
    found.at_most(f"{name}: largest difference of neighbours over the median", max(ratios), 1.5)
    fifth = statistics.quantiles(seen.similarities, n=20, method="inclusive")[0]
    found.at_least(f"{name}: SSIM at the seam over the 5th percentile", seen.similarities[-1] / fifth, 1)
    found.within(f"{name}: motion across the seam over the camera's", seen.slope, (0.97, 1.03))
    mean, ends = looks.mean_look(seen.looks, (0, 1)), seen.looks[seen.closing :]
    apart = {
        quantity: max((getattr(look, quantity) / getattr(mean, quantity) - 1 for look in ends), key=abs)
        for quantity in looks.NAMES
        if quantity == "contrast" or quantity.startswith("band")
    }
    for quantity, share in apart.items():
        found.at_most(f"{name}: {quantity} of a frame of the closing off the mean", abs(share), 0.1)
    sharpness = min(seen.sharpness[seen.closing :]) / statistics.mean(seen.sharpness)
    found.at_least(f"{name}: sharpness of a frame of the closing over the mean", sharpness, 0.95)
    return {
        "seam": ratios[-1],
        "largest": max(ratios),
        "median difference": median,
        "largest before the closing": max(ratios[: seen.closing - 1]),
        "farthest off the mean, closing": apart,
        "farthest off the mean, before": _farthest(seen, mean),
        "least sharpness, closing": sharpness,
    }


def _farthest(seen: Round, mean: looks.FrameLook) -> dict[str, float]:
    """How far a film that does not close wanders by itself: of the frames before the closing."""
    rows = [astuple(look) for look in seen.looks[: seen.closing]]
    return {
        name: max((value / whole - 1 for value in column), key=abs)
        for name, column, whole in zip(looks.NAMES, zip(*rows, strict=True), astuple(mean), strict=True)
    }


def _pair(frame: Tensor, following: Tensor, moved: Motion) -> tuple[float, float]:
    """The mean difference and the SSIM of a frame, moved by the camera, with the next, where nothing is revealed."""
    flow = camera_flow(moved, (frame.shape[-2], frame.shape[-1]))
    inside, expected = 1 - outside(flow), warp(frame, flow)
    difference = (inside * (expected - following).abs()).sum() / (3 * inside.sum())
    similarity = (inside * ssim(luma(expected), luma(following))).sum() / inside.sum()
    return float(difference), float(similarity)


def ssim(one: Tensor, other: Tensor) -> Tensor:
    """The structural similarity (Wang et al. 2004) around every pixel of two lumas (1, 1, H, W), windows of 7x7."""

    def mean(values: Tensor) -> Tensor:
        return F.avg_pool2d(F.pad(values, (3, 3, 3, 3), mode="reflect"), 7, stride=1)

    a, b = mean(one), mean(other)
    of_one, of_other, both = mean(one**2) - a**2, mean(other**2) - b**2, mean(one * other) - a * b
    return (2 * a * b + 0.01**2) * (2 * both + 0.03**2) / ((a**2 + b**2 + 0.01**2) * (of_one + of_other + 0.03**2))


def _sharpness(frame: Tensor) -> float:
    """Mean gradient of the luma."""
    grey = luma(frame)
    return float(torch.stack([grey.diff(dim=2).abs().mean(), grey.diff(dim=3).abs().mean()]).mean())


def _slope(frames: Sequence[Tensor], camera: Sequence[Motion]) -> float:
    """The motion found over that of the camera, zoom and rotation as one vector, of spans across the seam."""
    count, span = len(frames), motion.SPAN
    found, true = list[float](), list[float]()
    for start in range(count - SEAM_SPANS // 2 - span, count + SEAM_SPANS // 2 - span):
        seen = motion.measured_similarity(luma(frames[start % count]), luma(frames[(start + span) % count]))
        steps = [camera[(start + step) % count + 1] for step in range(span)]
        moved = motion.between((Motion(), *steps), 0, span)
        found += [seen.log_scale, math.radians(seen.degrees)]
        true += [moved.log_scale, math.radians(moved.degrees)]
    return motion.slope(found, true)
