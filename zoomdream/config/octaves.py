"""Which octaves a frame has: `dream.octaves: auto` made plain values, so that frames of any size show the same things.

Numbers that count octaves down from the full size show other things at each size: three of them, tuned at 640x360, draw
tiny animals at 3840x2160, because the coarsest is all that decides how large a thing can get.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

MOST_OCTAVES, SMALLEST_RATIO, LARGEST_RATIO = 12, 1.05, 4
TUNED_EDGE = 360
"""Pixels of the shorter edge of frames for which the defaults were tuned by eye."""


@dataclass(frozen=True, slots=True)
class Octaves:
    """How many octaves there are, the ratio of their sizes, and the gradient steps of each, from coarse to fine.
    detailing: so many of the finest only add detail. finest: a factor on the step size of the finest.
    """

    count: int
    scale: float
    steps: tuple[int, ...]
    detailing: int = 0
    finest: float = 1.0


def octaves_for(
    edge: int, count: Literal["auto"] | int, scale: float, coarsest: float, steps: int | tuple[int, ...]
) -> Octaves:
    """The octaves of frames whose shorter edge is `edge`, from the keys of `dream`.

    With auto those beyond the octaves of TUNED_EDGE only add detail, so that the others show the same things as there,
    as strongly; where there are fewer, the finest takes half the steps of those that are missing, each so much larger
    that in all as much is changed. Of a list of steps the last number is that of all finer octaves.
    """
    beyond = 0
    if count == "auto":
        tuned, _ = from_coarsest(TUNED_EDGE, coarsest, scale)
        count, scale = from_coarsest(edge, coarsest, scale)
        beyond = count - tuned
    listed, missing = (steps,) if isinstance(steps, int) else steps, max(-beyond, 0)
    found = [*listed, *listed[-1:] * (count + missing - len(listed))][: count + missing]
    last = found[count - 1] + sum(found[count:]) // 2
    return Octaves(
        count,
        scale,
        steps=(*found[: count - 1], last),
        detailing=max(beyond, 0),
        finest=sum(found[count - 1 :]) / last if missing and last else 1.0,
    )


def from_coarsest(edge: int, coarsest: float, scale: float) -> tuple[int, float]:
    """How many octaves lead from `coarsest` to `edge`, and by which ratio, about `scale`."""
    full = edge / coarsest
    wanted = round(math.log(full, scale))
    least, most = math.ceil(math.log(full, LARGEST_RATIO)), int(math.log(full, SMALLEST_RATIO))
    ratios = min(max(wanted, least), most, MOST_OCTAVES - 1)
    if wanted < 1 or ratios < 1:
        return 1, scale
    if abs(edge / scale**ratios - coarsest) < 0.5:  # to the pixel: 3 octaves of 1.4 at 640x360
        return ratios + 1, scale
    return ratios + 1, full ** (1 / ratios)


def beginning_size(size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of the frames as which a film of `size` begins, its own shape with TUNED_EDGE, so that what is
    found in noise at half of that is the same for films of all sizes but the smallest.
    """
    shorter = min(size)
    if shorter < TUNED_EDGE // 2:
        return size
    width, height = (max(1, round(edge * TUNED_EDGE / shorter)) for edge in size)
    return width, height


def beginning_work(size: tuple[int, int]) -> float:
    """The work of a dream before the first frame, which is half as high and wide, as a share of that of a frame."""
    return 0.25 * (min(beginning_size(size)) / min(size)) ** 2
