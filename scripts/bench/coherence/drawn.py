"""The drawn clip, whose motion is known: a subject to dream on, and the truth that flow and masks are held against."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from bench.coherence.comparing import Subject
from bench.report import Report
from synthetic.clip import DrawnClip
from torch import Tensor

from zoomdream.flow.confidence import confidence
from zoomdream.flow.estimators import open_estimator

FPS = Fraction(24)
HALF, WHOLE = 0.5, 1.0  # pixels by which a vector is off that should not be trusted
BAR = 0.8  # of precision and recall
_CUT_AT = 0.6  # of the clip
WITHOUT_WEIGHTS, RAFT = ("dis", "farneback"), ("raft_small", "raft_large")


def subject(size: tuple[int, int], frames: int, name: str) -> Subject:
    """The first frames of a clip of two scenes, rounded to 8 bits as a file's are. size: (width, height)."""
    width, height = size
    cut = max(round(_CUT_AT * frames), 1)
    clip = DrawnClip(size=(height, width), fps=FPS, seconds=frames / float(FPS), cut=cut / float(FPS))
    pictures = [clip.picture(index).mul(255).round() / 255 for index in range(clip.frames)]
    return Subject(name, pictures, FPS, clip.shots[1:])


def flow_figures(found: Report, raft: Mapping[str, Path], *, quick: bool) -> dict[str, dict[str, Any]]:
    """Of each estimator that can run here: its error, and how well the mask knows where it is wrong; bars for both.

    raft: weights by method. End-point error: mean distance in pixels from the true flow, where what is in sight was in
    sight before. Mask: that which gates what is carried; a pixel counts as unreliable below one half. It should where
    the estimate is off by more than half a pixel or nothing in the frame before was the same place. Precision is the
    share of the unreliable that should be, recall the share of those that should be that are; over all pixels of all
    pairs.

    Half a pixel, because the two ways that Ruder's test compares may miss by 0.5 squared pixels: that of two ways each
    off by half a pixel. The bars are for 640x360 at 12 frames per second. Beside them stand a small and slow clip and a
    limit of one pixel, with which the mask, which sees both ways but no truth, does worse.
    """
    figures: dict[str, dict[str, Any]] = {}
    large, small = DrawnClip(size=(360, 640), fps=Fraction(12)), DrawnClip()
    for clip, wrong, name in ((large, HALF, ""), (large, WHOLE, ", 1 pixel"), (small, HALF, ", 320x180 at 24/s")):
        if name and quick:
            continue
        for method, found_here in _figures(found, clip, wrong, raft, quick=quick).items():
            figures[method + name] = found_here
            if method == WITHOUT_WEIGHTS[0] and not name:  # the default
                for bar in ("precision", "recall"):
                    found.at_least(f"mask of {method} on the drawn clip: {bar}", found_here[bar], BAR)
    return figures


def _figures(
    found: Report, clip: DrawnClip, wrong: float, raft: Mapping[str, Path], *, quick: bool
) -> dict[str, dict[str, Any]]:
    """The figures of each estimator on one drawn clip."""
    pairs = [index for index in range(1, clip.frames, 12 if quick else 4) if index not in clip.shots]
    figures: dict[str, dict[str, Any]] = {}
    for method in (*WITHOUT_WEIGHTS, *RAFT):
        if method in RAFT and method not in raft:
            found.skipped[f"flow of {method}"] = f"no weights: give --raft {method}=FILE"
            continue
        estimate = open_estimator(method, raft.get(method), torch.device("cpu"))
        counts = Counts(wrong)
        for index in pairs:
            before, now = clip.picture(index - 1), clip.picture(index)
            backward, forward = estimate(now, before), estimate(before, now)
            counts.add(backward, confidence(backward, forward), clip.flow(index).float(), clip.visible(index))
        figures[method] = counts.figures()
    return figures


class Counts:
    """Adds up pixels over pairs. wrong: pixels by which a vector is off that should not be trusted."""

    def __init__(self, wrong: float) -> None:
        self._limit = wrong
        self._errors: list[Tensor] = []
        self._hit = self._flagged = self._wrong = self._pixels = 0

    def add(self, flow: Tensor, trust: Tensor, true: Tensor, visible: Tensor) -> None:
        """flow and true (1, 2, H, W) in pixels; trust (1, 1, H, W) in 0..1; visible (1, 1, H, W) bool."""
        error = (flow - true).square().sum(dim=1, keepdim=True).sqrt()
        self._errors.append(error[visible])
        flagged, wrong = trust < 0.5, (error > self._limit) | ~visible
        self._hit += int((flagged & wrong).sum())
        self._flagged += int(flagged.sum())
        self._wrong += int(wrong.sum())
        self._pixels += wrong.numel()

    def figures(self) -> dict[str, Any]:
        """nan where there was nothing of the kind."""
        errors = torch.cat(self._errors)
        return {
            "end-point error, mean": float(errors.mean()),
            "end-point error, median": float(errors.median()),
            "unreliable": self._flagged / self._pixels,
            "truly unreliable": self._wrong / self._pixels,
            "precision": self._hit / self._flagged if self._flagged else math.nan,
            "recall": self._hit / self._wrong if self._wrong else math.nan,
        }
