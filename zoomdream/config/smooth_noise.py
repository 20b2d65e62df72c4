"""Seeded smooth noise of one number, for schedules: a value wanders without ever jumping or repeating."""

from __future__ import annotations

import math

_MASK = (1 << 64) - 1


def smooth_noise(x: float, seed: int, stream: int = 0) -> float:
    """A number in [-1, 1] that depends only on its arguments; values one apart in x are nearly independent.

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
