"""Whether scenes come and go: recurrence of a layout, and new things by a network's deepest features."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import torch
import torch.nn.functional as F
from bench.looks import window
from torch import Tensor

NEAR_SECONDS, FAR_SECONDS = 2, 60
BEGINNING = (0.10, 0.20)  # shares of a run
END = (0.90, 1.00)


class Recurrence:
    """Deviation over pixels of the mean of all frames, over the mean deviation of single frames, times the root of the
    number of scenes, which is that of the doublings of the picture.

    About 1 where scenes are independent, well above where one layout keeps coming back: the mean of n independent
    pictures has 1/sqrt(n) of their deviation.
    """

    def __init__(self) -> None:
        self._sum: Tensor | float = 0.0
        self._deviations: list[float] = []

    def add(self, grey: Tensor) -> None:
        """One more frame, (1, 1, H, W)."""
        self._sum = self._sum + grey.double()
        self._deviations.append(float(grey.std()))

    def value(self, doublings: float) -> float:
        """`doublings`: the sum of |log2| of the zoom from frame to frame."""
        if not isinstance(self._sum, Tensor) or doublings == 0:
            return math.nan
        count = len(self._deviations)
        single = sum(self._deviations) / count
        return float((self._sum / count).std()) / max(single, 1e-9) * math.sqrt(doublings)


def describe(activation: Tensor) -> Tensor:
    """What is in a picture: the deepest features (1, C, h, w) averaged over all places, length 1. (C,)."""
    return F.normalize(activation.float().mean(dim=(2, 3))[0], dim=0)


def novelty(features: Sequence[Tensor], every: int, fps: Fraction) -> dict[str, float]:
    """Mean distance (1 - cosine) between frames 2 seconds apart, at the beginning and at the end of a run, and between
    frames 60 seconds apart, wherever the run has them; nan for what it is too short for.

    features: those of every `every`-th frame, as `describe` gives them. Pairs at the beginning begin in 10-20 % of the
    run; those at the end end in its last 10 %.
    """
    count = len(features)
    near = max(1, round(NEAR_SECONDS * fps / every))
    far = round(FAR_SECONDS * fps / every)
    first = round(0.025 * count)  # the very first frames are hardly dreamt
    return {
        "near_beginning": _distance(features, [(index, index + near) for index in window(count, BEGINNING)]),
        "near_end": _distance(features, [(index - near, index) for index in window(count, END)]),
        "far": _distance(features, [(index, index + far) for index in range(first, count - far)]),
    }


def _distance(features: Sequence[Tensor], pairs: Sequence[tuple[int, int]]) -> float:
    present = [(left, right) for left, right in pairs if left >= 0 and right < len(features)]
    if not present:
        return math.nan
    distances = [1 - float(torch.dot(features[left], features[right])) for left, right in present]
    return sum(distances) / len(distances)
