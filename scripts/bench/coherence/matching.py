"""The step size at which a rule dreams as strongly as another: by bisection, in the logarithm."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

LIMITS = (1e-5, 0.25)  # step sizes; below nothing is seen, above nothing is left of the picture


@dataclass(frozen=True, slots=True)
class Match:
    """A rule's frames at the step size that came closest; `share` is its strength over the wanted one."""

    step_size: float
    strength: float
    share: float
    outputs: Sequence[Tensor]
    tries: int


def match(
    run: Callable[[float], Sequence[Tensor]],
    strength: Callable[[Sequence[Tensor]], float],
    wanted: float,
    start: float,
    *,
    tolerance: float = 0.02,
    tries: int = 10,
) -> Match:
    """Run a rule at changing step sizes until its strength is `wanted`, within `tolerance` as a share.

    Strength must rise with the step size. A first guess is corrected as if the strength's logarithm (1 is no dream at
    all) were proportional to a power of the step size; once the answer lies between two tries it is looked for in
    between, by the straight line through them, and by halves where that stalls. Returns the closest try.
    """
    goal, step = math.log(wanted), start
    low: tuple[float, float] | None = None  # logarithms of a step size that is too small, and of its strength over 1
    high: tuple[float, float] | None = None
    best: Match | None = None
    for count in range(1, tries + 1):
        outputs = run(step)
        found = strength(outputs)
        share = found / wanted
        if best is None or abs(math.log(share)) < abs(math.log(best.share)):
            best = Match(step, found, share, outputs, count)
        if abs(share - 1) <= tolerance:
            break
        place = (math.log(step), math.log(found) - goal)
        low, high = (place, high) if share < 1 else (low, place)
        following = min(max(math.exp(_next(low, high, goal, count)), LIMITS[0]), LIMITS[1])
        if following == step:
            break
        step = following
    assert best is not None
    return Match(best.step_size, best.strength, best.share, best.outputs, count)


def _next(low: tuple[float, float] | None, high: tuple[float, float] | None, goal: float, count: int) -> float:
    if low is None or high is None:
        place, error = low or high or (0.0, 0.0)
        reached = max(error + goal, 0.05 * goal)  # a try that dreamt nothing must not ask for an endless step
        change = (0.5 + 0.5 * count) * math.log(goal / reached)  # bolder each time, so that it is soon bracketed
        return place + math.copysign(min(max(abs(change), 0.1), 2.0), change)
    if count % 2 == 0:
        return (low[0] + high[0]) / 2
    share = -low[1] / (high[1] - low[1])
    return low[0] + min(max(share, 0.05), 0.95) * (high[0] - low[0])
