"""How a value goes from one keyframe to the next: share of the way (0..1) to share of the change."""

from __future__ import annotations

import math
from collections.abc import Callable
from difflib import get_close_matches

Easing = Callable[[float], float]

SMOOTH = "smooth"
"""A curve through all keyframes that never overshoots (see `smooth_between`), instead of one easing per gap."""


def _hold(_share: float) -> float:
    return 0.0


def _reversed(ease_in: Easing) -> Easing:
    return lambda share: 1 - ease_in(1 - share)


def _both(ease_in: Easing) -> Easing:
    return lambda share: ease_in(2 * share) / 2 if share < 0.5 else 1 - ease_in(2 - 2 * share) / 2


_STARTS: dict[str, Easing] = {
    "sine": lambda share: 1 - math.cos(share * math.pi / 2),
    "quad": lambda share: share**2,
    "cubic": lambda share: share**3,
    "quart": lambda share: share**4,
    "expo": lambda share: (2 ** (10 * share) - 1) / 1023,
}

EASINGS: dict[str, Easing] = {
    "linear": lambda share: share,
    "hold": _hold,
    "step": _hold,
    **{f"in_{name}": ease for name, ease in _STARTS.items()},
    **{f"out_{name}": _reversed(ease) for name, ease in _STARTS.items()},
    **{f"in_out_{name}": _both(ease) for name, ease in _STARTS.items()},
}

NAMES = (*EASINGS, SMOOTH)


def check_easing(name: object) -> str:
    """The name, if there is such an easing. Raises ValueError with the nearest name."""
    if isinstance(name, str) and name in NAMES:
        return name
    near = get_close_matches(str(name), NAMES, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise ValueError(f"{str(name)[:40]!r} is not an easing.{hint} Allowed: {', '.join(NAMES)}.")


def smooth_between(
    times: tuple[float, float, float, float], values: tuple[float, float, float, float], at: float
) -> float:
    """A monotone cubic between the two middle points (Fritsch and Butland 1984): never beyond its keyframes.

    times and values of four points in a row; at an end of the row the end point is given twice.
    """
    before, start, end, after = times
    width = end - start
    slope = (values[2] - values[1]) / width
    slope_before = (values[1] - values[0]) / (start - before) if start > before else slope
    slope_after = (values[3] - values[2]) / (after - end) if after > end else slope
    tangent_start = _tangent(start - before, width, slope_before, slope)
    tangent_end = _tangent(width, after - end, slope, slope_after)
    x = (at - start) / width
    return (
        values[1] * (1 + 2 * x) * (1 - x) ** 2
        + width * tangent_start * x * (1 - x) ** 2
        + values[2] * x**2 * (3 - 2 * x)
        + width * tangent_end * x**2 * (x - 1)
    )


def _tangent(width_left: float, width_right: float, left: float, right: float) -> float:
    """The weighted harmonic mean of the slopes on both sides; level at a peak or a valley."""
    if left * right <= 0:
        return 0.0
    heavy_left, heavy_right = 2 * width_right + width_left, width_right + 2 * width_left
    return (heavy_left + heavy_right) / (heavy_left / left + heavy_right / right)
