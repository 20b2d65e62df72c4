"""What expressions may name: variables, constants and functions, with what they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from zoomdream.config.curves import smooth_noise


class Function(NamedTuple):
    """A function that expressions may call; `usage` shows its arguments, of which there are `fewest` to `most`."""

    call: Callable[..., float]
    fewest: int
    most: int
    usage: str
    about: str


def _phase(x: float, period: float) -> float:
    return (x / period) % 1.0


def _clamp(x: float, low: float, high: float) -> float:
    return max(low, min(high, x))


def _smoothstep(low: float, high: float, x: float) -> float:
    share = _clamp((x - low) / (high - low), 0.0, 1.0)
    return share * share * (3 - 2 * share)


def _triangle(x: float, period: float) -> float:
    return 1 - 4 * abs(_phase(x + period / 4, period) - 0.5)


def _square(x: float, period: float) -> float:
    return 1.0 if _phase(x, period) < 0.5 else -1.0


def _pulse(x: float, period: float, width: float = 0.5) -> float:
    return 1.0 if _phase(x, period) < width else 0.0


FUNCTIONS: dict[str, Function] = {
    "sin": Function(
        math.sin, 1, 1, "sin(x)", "The sine; 2*pi is one round: sin(2*pi*t/8) swings between -1 and 1 every 8 seconds."
    ),
    "cos": Function(math.cos, 1, 1, "cos(x)", "The cosine: the sine a quarter of a round earlier."),
    "tan": Function(math.tan, 1, 1, "tan(x)", "The tangent."),
    "exp": Function(math.exp, 1, 1, "exp(x)", "e to the power of x: exp(-2*t) fades from 1 towards 0."),
    "log": Function(math.log, 1, 1, "log(x)", "The natural logarithm of x above 0."),
    "sqrt": Function(math.sqrt, 1, 1, "sqrt(x)", "The square root of x from 0."),
    "abs": Function(abs, 1, 1, "abs(x)", "x without its sign."),
    "min": Function(min, 2, 8, "min(a, b)", "The smallest of 2 to 8 numbers."),
    "max": Function(max, 2, 8, "max(a, b)", "The largest of 2 to 8 numbers."),
    "floor": Function(lambda x: float(math.floor(x)), 1, 1, "floor(x)", "The next whole number below."),
    "ceil": Function(lambda x: float(math.ceil(x)), 1, 1, "ceil(x)", "The next whole number above."),
    "clamp": Function(_clamp, 3, 3, "clamp(x, low, high)", "x, but never below low nor above high."),
    "lerp": Function(
        lambda a, b, share: a + (b - a) * share, 3, 3, "lerp(a, b, share)", "From a (share 0) to b (share 1)."
    ),
    "smoothstep": Function(
        _smoothstep, 3, 3, "smoothstep(low, high, x)", "0 below low, 1 above high, and a soft rise between."
    ),
    "tri": Function(_triangle, 2, 2, "tri(t, period)", "A triangle wave between -1 and 1 that begins at 0 and rises."),
    "saw": Function(
        lambda x, period: 2 * _phase(x, period) - 1,
        2,
        2,
        "saw(t, period)",
        "A ramp from -1 to 1 that jumps back after each period.",
    ),
    "square": Function(_square, 2, 2, "square(t, period)", "1 for half a period, then -1."),
    "pulse": Function(
        _pulse, 2, 3, "pulse(t, period, width)", "1 for the share `width` of each period (0.5 where left out), else 0."
    ),
    "noise": Function(
        smooth_noise,
        1,
        2,
        "noise(t, stream)",
        "A smooth walk between -1 and 1, new about each 1 of t and the same for a seed; other streams are others.",
    ),
}

CONSTANTS = {"pi": math.pi, "e": math.e, "tau": math.tau}
NAMES = {
    "t": "Seconds since the start of the film.",
    "frame": "The frame's number, from 0; between two frames a fraction.",
    "frames": "How many frames the film has.",
    "u": "How much of the film has passed: 0 at the first frame, 1 at the last; in a loop 1 is the first frame again.",
    "fps": "Frames per second.",
    "seed": "The config's seed.",
    "pi": "3.14159..., half a round.",
    "e": "2.71828..., the base of exp and log.",
    "tau": "2*pi, a whole round.",
}
"""What expressions may name: the fields of a moment, then the constants, with what they are."""
