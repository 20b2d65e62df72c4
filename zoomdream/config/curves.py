"""How a value moves: from one keyframe to the next, along a curve through all of them, or wandering by itself."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from zoomdream.config.origin import did_you_mean

Easing = Callable[[float], float]
"""Share of the way between two keyframes (0..1) to share of the change."""

_MASK = (1 << 64) - 1

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
ABOUT = {
    "linear": "Evenly from keyframe to keyframe (zoom: evenly to the eye); the default.",
    "hold": "Stays, and jumps at the next keyframe.",
    "step": "The same as hold.",
    "in_": "Starts softly and arrives at full speed.",
    "out_": "Starts at full speed and arrives softly.",
    "in_out_": "Starts and arrives softly.",
    SMOOTH: "One curve through all keyframes, without a stop at any and never beyond them.",
}
"""What easings do, by their names or by how these begin."""


def check_easing(name: object) -> str:
    """The name, if there is such an easing. Raises ValueError with the nearest name."""
    if isinstance(name, str) and name in NAMES:
        return name
    # ease-in-out, easeInCubic: other programs' names
    plain = re.sub(r"[^a-z]+", "_", re.sub(r"(?=[A-Z])", "_", str(name)).lower()).strip("_").removeprefix("ease_")
    plain = f"{plain}_sine" if f"{plain}_sine" in NAMES else plain
    hint = did_you_mean(plain, NAMES) or f" Allowed: {', '.join(NAMES)}."
    raise ValueError(f"{str(name)[:40]!r} is not an easing.{hint}")


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


def smooth_noise(x: float, seed: int, stream: int = 0) -> float:
    """Seeded noise in [-1, 1], a pure function of its arguments; values one apart in x are nearly independent.

    A uniform cubic B-spline over random knots at the whole numbers: two continuous derivatives, so that a camera
    steered by it never jerks, and no rest at the knots, as interpolated value noise has. The spline averages; knots are
    therefore cosines of uniform angles, mostly near -1 and 1, which keeps the deviation at 0.49 (uniform knots: 0.40).
    """
    cell = math.floor(x)
    f = x - cell
    weights = ((1 - f) ** 3, 3 * f**3 - 6 * f**2 + 4, -3 * f**3 + 3 * f**2 + 3 * f + 1, f**3)
    total = sum(weight * _knot(cell + index - 1, seed, stream) for index, weight in enumerate(weights))
    return max(-1.0, min(1.0, total / 6))


def _knot(index: int, seed: int, stream: int) -> float:
    mixed = _mix(_mix(_mix(seed & _MASK) ^ (stream & _MASK)) ^ (index & _MASK))
    return math.cos(math.pi * (mixed >> 11) / (1 << 53))


def _mix(value: int) -> int:
    """The finaliser of splitmix64 (Steele, Lea, Flood 2014): every input bit changes half of the output bits."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)
