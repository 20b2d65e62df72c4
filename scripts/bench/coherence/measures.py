"""How still a dream lies on what moves, and what else must be known to believe it. Shares no code with what it judges.

Pictures are (1, 3, H, W) float32 in [0, 1]. Flow is (1, 2, H, W) in pixels, channel 0 x (right), 1 y (down), backward:
now(p) = before(p + flow(p)). All of it is measured on the source; the dreams are only held against it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import pairwise
from typing import Literal

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Judged = list[tuple[Tensor, Tensor] | None]  # of each pair of neighbours: backward flow and mask; None across a cut
Interpolation = Literal["bilinear", "bicubic"]

# The classic thresholds (Ruder, Dosovitskiy and Brox 2016, consistencyChecker.cpp; taken over by Lai et al. 2018)
_RETURN_SHARE, _RETURN_FLOOR = 0.01, 0.5
_BOUNDARY_SHARE, _BOUNDARY_FLOOR = 0.01, 0.002
_LUMA = (0.2126, 0.7152, 0.0722)  # BT.709


def judge(frames: Sequence[Tensor], cuts: Collection[int] = ()) -> Judged:
    """Farneback's backward flow from each frame to the one before, and the pixels where it can be believed.

    cuts: the numbers of the frames with which new shots begin; the pairs that end there are None.
    Mask: (1, 1, H, W), 1 where both of Ruder's tests pass, else 0.
    """
    greys = [_grey_bytes(frame) for frame in frames]
    judged: Judged = []
    for index, (before, now) in enumerate(pairwise(greys), start=1):
        if index in cuts:
            judged.append(None)
            continue
        backward, forward = farneback(now, before), farneback(before, now)
        judged.append((backward, trusted(backward, forward)))
    return judged


def farneback(start: np.ndarray, end: np.ndarray) -> Tensor:
    """Where each pixel of `start` lies in `end`: (1, 2, H, W). Grey bytes (H, W) each."""
    blank = np.zeros((*start.shape, 2), dtype=np.float32)  # no first guess
    flow = cv2.calcOpticalFlowFarneback(
        start, end, blank, pyr_scale=0.5, levels=5, winsize=15, iterations=4, poly_n=7, poly_sigma=1.5, flags=0
    )
    return torch.from_numpy(np.ascontiguousarray(flow.transpose(2, 0, 1)))[None].float()


def trusted(flow: Tensor, opposite: Tensor) -> Tensor:
    """(1, 1, H, W), 1 where there and back again ends where it began, away from the borders of motions, inside the
    picture; else 0.
    """
    back = sample(opposite, flow)
    lost = _square(flow + back) >= _RETURN_SHARE * (_square(flow) + _square(back)) + _RETURN_FLOOR
    across = F.pad(flow[..., :, 1:] - flow[..., :, :-1], (0, 1))
    down = F.pad(flow[..., 1:, :] - flow[..., :-1, :], (0, 0, 0, 1))
    border = _square(across) + _square(down) > _BOUNDARY_SHARE * _square(flow) + _BOUNDARY_FLOOR
    return (~(lost | border) & inside(flow)).float()


def inside(flow: Tensor) -> Tensor:
    """(1, 1, H, W) bool: whether the flow from this pixel ends between the centres of the outermost pixels."""
    place = _places(flow) + flow
    height, width = flow.shape[-2:]
    last = torch.tensor((width - 1, height - 1), dtype=torch.float32).view(1, 2, 1, 1)
    return ((place >= 0) & (place <= last)).all(dim=1, keepdim=True)


def sample(picture: Tensor, flow: Tensor, interpolation: Interpolation = "bilinear") -> Tensor:
    """picture(p + flow(p)) for every pixel p; outside the picture its nearest pixel."""
    height, width = flow.shape[-2:]
    x, y = (_places(flow) + flow).unbind(dim=1)
    grid = torch.stack(((2 * x + 1) / width - 1, (2 * y + 1) / height - 1), dim=-1)
    return F.grid_sample(picture, grid, mode=interpolation, padding_mode="border", align_corners=False)


def e_warp(outputs: Sequence[Tensor], judged: Judged, interpolation: Interpolation = "bilinear") -> float:
    """E_warp (Lai et al. 2018): mean over pairs of the mean square, over trusted pixels and channels, of what a frame
    differs from the one before it moved along the source's flow. nan where no pair can be judged.

    Bilinear, as in their code. `outputs` are as many frames as were judged.
    """
    errors = [error for error in pair_errors(outputs, judged, interpolation) if not math.isnan(error)]
    return sum(errors) / len(errors) if errors else math.nan


def pair_errors(outputs: Sequence[Tensor], judged: Judged, interpolation: Interpolation = "bilinear") -> list[float]:
    """The error of each pair; nan across cuts and where nothing is trusted."""
    errors = []
    for (before, now), found in zip(pairwise(outputs), judged, strict=True):
        if found is None or not found[1].any():
            errors.append(math.nan)
            continue
        flow, mask = found
        difference = (sample(before, flow, interpolation) - now).square().mean(dim=1, keepdim=True)
        errors.append(float((mask * difference).sum() / mask.sum()))
    return errors


def coverage(judged: Judged) -> float:
    """The share of pixels that are trusted, of all pairs that are no cuts."""
    shares = [float(found[1].mean()) for found in judged if found is not None]
    return sum(shares) / len(shares) if shares else math.nan


def strength(outputs: Sequence[Tensor], sources: Sequence[Tensor], energy: Callable[[Tensor], Tensor | float]) -> float:
    """By what factor the dream has raised the objective over the source's: geometric mean over frames.

    energy: what was climbed, a positive number for a picture; its logarithm is the objective.
    """
    gains = _gains(outputs, sources, energy)
    return math.exp(sum(gains) / len(gains))


def strength_by_second(
    outputs: Sequence[Tensor], sources: Sequence[Tensor], energy: Callable[[Tensor], Tensor | float], rate: float
) -> list[float]:
    """The strength of each second by itself: a rule whose dream runs away rises. rate: frames per second."""
    gains, second = _gains(outputs, sources, energy), max(round(rate), 1)
    parts = [gains[start : start + second] for start in range(0, len(gains), second)]
    return [math.exp(sum(part) / len(part)) for part in parts]


def _gains(
    outputs: Sequence[Tensor], sources: Sequence[Tensor], energy: Callable[[Tensor], Tensor | float]
) -> list[float]:
    with torch.no_grad():
        return [
            math.log(float(energy(output))) - math.log(float(energy(source)))
            for output, source in zip(outputs, sources, strict=True)
        ]


def sharpness(outputs: Iterable[Tensor]) -> float:
    """Mean magnitude of the luma's gradient, by differences of neighbours; 1 is the full range from pixel to pixel."""
    means = []
    for output in outputs:
        grey = _luma(output)
        across, down = grey[..., :-1, 1:] - grey[..., :-1, :-1], grey[..., 1:, :-1] - grey[..., :-1, :-1]
        means.append(float(torch.sqrt(across.square() + down.square()).mean()))
    return sum(means) / len(means)


def levels(output: Tensor) -> tuple[float, float]:
    """Brightness and contrast: mean and standard deviation of the luma."""
    grey = _luma(output)
    return float(grey.mean()), float(grey.std())


def drift(outputs: Sequence[Tensor], sources: Sequence[Tensor], rate: float) -> dict[str, float]:
    """Brightness and contrast of the last second over those of the second second, each over the source's own, less 1.

    rate: frames per second. Clips of less than three seconds: their last third over their middle third.
    """
    second = min(max(round(rate), 1), max(len(outputs) // 3, 1))
    parts = (slice(second, 2 * second), slice(len(outputs) - second, None))
    found = {}
    for number, name in enumerate(("brightness", "contrast")):
        early, late = (
            sum(levels(output)[number] for output in outputs[part])
            / sum(levels(source)[number] for source in sources[part])
            for part in parts
        )
        found[name] = late / early - 1
    return found


def _luma(picture: Tensor) -> Tensor:
    return (picture * torch.tensor(_LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)


def _grey_bytes(picture: Tensor) -> np.ndarray:
    return (_luma(picture)[0, 0].clamp(0, 1) * 255).round().byte().numpy()


def _square(vectors: Tensor) -> Tensor:
    return vectors.square().sum(dim=1, keepdim=True)


def _places(flow: Tensor) -> Tensor:
    height, width = flow.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height).float(), torch.arange(width).float(), indexing="ij")
    return torch.stack((x, y))[None]
