"""The camera of a config, and the motion that is really in the frames."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from zoomdream.camera.motion import Motion, camera_flow
from zoomdream.camera.warp import warp
from zoomdream.config import Config
from zoomdream.timeline import Timeline

SPAN = 3  # frames between the two whose motion is measured: one frame's motion is a pixel at most


@dataclass(frozen=True, slots=True)
class Similarity:
    """Natural logarithm of the scale, and the rotation in degrees, counter-clockwise on screen."""

    log_scale: float
    degrees: float


def motions(config: Config) -> tuple[Motion, ...]:
    """The camera's motion into each frame from the one before."""
    return Timeline.of(config).motions


def doublings(path: Sequence[Motion]) -> float:
    """How often the picture doubles (or halves) along a path."""
    return sum(abs(math.log2(motion.scale)) for motion in path)


def between(path: Sequence[Motion], frame: int, span: int) -> Similarity:
    """The camera's motion from a frame to the one `span` later."""
    steps = path[frame + 1 : frame + 1 + span]
    return Similarity(sum(math.log(step.scale) for step in steps), sum(step.degrees for step in steps))


def correlation(grey: Tensor, following: Tensor, motion: Motion, margin: float = 0.08) -> float:
    """Pearson's correlation of a frame moved by the camera with the one that follows, away from the edges.

    grey, following (1, 1, H, W); margin: share of each edge that is left out.
    """
    height, width = grey.shape[-2:]
    moved = warp(grey, camera_flow(motion, (height, width)))
    top, left = math.ceil(margin * height), math.ceil(margin * width)
    inner = (..., slice(top, height - top), slice(left, width - left))
    pair = torch.stack((moved[inner].flatten(), following[inner].flatten()))
    return float(torch.corrcoef(pair)[0, 1])


def measured_similarity(grey: Tensor, later: Tensor, margin: float = 0.08) -> Similarity:
    """The similarity that fits the optical flow from one frame to a later one. (1, 1, H, W) in [0, 1] each.

    Dense inverse search at full resolution (OpenCV); ImportError where cv2 is missing.
    """
    import cv2

    estimator = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    estimator.setFinestScale(0)
    estimator.setVariationalRefinementIterations(10)
    pair = [(frame[0, 0].clamp(0, 1) * 255).round().byte().cpu().numpy() for frame in (grey, later)]
    flow = estimator.calc(pair[0], pair[1], None).astype(np.float64)
    height, width = flow.shape[:2]
    top, left = math.ceil(margin * height), math.ceil(margin * width)
    y, x = np.mgrid[top : height - top, left : width - left].astype(np.float64)
    inner = flow[top : height - top, left : width - left]
    start = np.stack((x.ravel(), y.ravel()), axis=1)
    return fit_similarity(start, start + inner.reshape(-1, 2))


def slope(found: Sequence[float], true: Sequence[float]) -> float:
    """What the truth must be multiplied by to give what was found, by least squares; nan where the truth is 0.

    Not the ratio of the means: a camera that turns to and fro has a mean of nearly nothing.
    """
    power = sum(value * value for value in true)
    return sum(left * right for left, right in zip(found, true, strict=True)) / power if power > 0 else math.nan


def fit_similarity(start: np.ndarray, end: np.ndarray, rounds: int = 10, keep: float = 2.5) -> Similarity:
    """Least squares on points (N, 2) in pixels, x right and y down, without the outliers.

    Points further off than `keep` times the median residual are left out and the fit is repeated.
    """
    chosen = np.ones(len(start), dtype=bool)
    for _ in range(rounds):
        origin, target = start[chosen].mean(axis=0), end[chosen].mean(axis=0)
        (x, y), (u, v) = (start[chosen] - origin).T, (end[chosen] - target).T
        norm = (x * x + y * y).sum()
        # u = cosine x + sine y, v = -sine x + cosine y: counter-clockwise where y points down
        cosine, sine = (x * u + y * v).sum() / norm, (y * u - x * v).sum() / norm
        turned = (start - origin) @ np.array([[cosine, -sine], [sine, cosine]]) + target
        residual = np.hypot(*(end - turned).T)
        now = residual <= max(keep * float(np.median(residual)), 1e-6)
        if (now == chosen).all():
            break
        chosen = now
    return Similarity(math.log(math.hypot(cosine, sine)), math.degrees(math.atan2(sine, cosine)))
