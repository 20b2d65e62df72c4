"""The frame rate behind a clip's timestamps, and the frame that is on screen at a time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

_USUAL = tuple(
    rate for whole in (24, 30, 48, 60, 120) for rate in (Fraction(whole), Fraction(whole * 1000, 1001))
) + tuple(Fraction(whole) for whole in (1, 2, 5, 6, 8, 10, 12, 15, 16, 18, 20, 25, 50, 90, 100, 144, 240))

_STRAY = Fraction(1, 4)
"""Frames, to either side, by which timestamps may stray from a grid that they are said to fit."""

_SINGLES = Fraction(1, 10)
"""At least this share of steps must be of one position, or a grid as fine as the ticks would fit everything."""


@dataclass(frozen=True, slots=True)
class FrameRate:
    """rate: frames per second. grid: the position of each frame on the grid of that rate, None where no grid fits."""

    rate: Fraction
    grid: Sequence[int] | None

    @property
    def steady(self) -> bool:
        """Whether every position of the grid holds a frame."""
        return self.grid is not None and self.grid[-1] == len(self.grid) - 1


def monotonic_times(
    ticks: Sequence[int], missing: int, tick: Fraction, nominal: Fraction | None
) -> tuple[Fraction, ...]:
    """Times in seconds of frames at `ticks` (each `tick` seconds), none before its neighbour.

    A frame without a time (`missing`) comes one frame after the last; times that jump back are held.
    """
    step = round(1 / (nominal or Fraction(25)) / tick)
    times: list[int] = []
    for moment in ticks:
        last = times[-1] if times else 0
        times.append((last + step if times else 0) if moment == missing else max(moment, last) if times else moment)
    return tuple(moment * tick for moment in times)


def find_rate(times: Sequence[Fraction], last_duration: Fraction, nominal: Fraction | None) -> FrameRate:
    """The rate of frames at `times` (seconds, in order), of which the last is shown for `last_duration`.

    The nominal rate or a usual one if the times fit its grid, else the exact average. `nominal` may be nonsense.
    """
    count = len(times)
    if count == 1:
        return FrameRate(1 / last_duration if last_duration > 0 else nominal or Fraction(25), range(1))
    if times[-1] == times[0]:
        return FrameRate(nominal or Fraction(25), range(count))
    average = (count - 1) / (times[-1] - times[0])
    stated = [] if nominal is None else [_nearest_usual(nominal)]
    ticks, second = in_ticks(times)
    for rate in [*stated, *sorted(_USUAL, key=lambda rate: abs(rate - average))]:
        if abs(rate / average - 1) < Fraction(1, 20) and _is_steady(ticks, rate / second):
            return FrameRate(rate, range(count))
    if _is_steady(ticks, average / second):
        return FrameRate(average, range(count))
    for rate in [*stated, *sorted(_USUAL)]:
        if rate > average:
            grid = _grid_positions(ticks, rate / second)
            if grid is not None:
                return FrameRate(rate, grid)
    return FrameRate(count / (times[-1] - times[0] + max(last_duration, Fraction(0))), None)


def in_ticks(times: Sequence[Fraction]) -> tuple[list[int], int]:
    """The times since the first one in whole ticks, and the number of ticks in a second.

    An hour has a hundred thousand times, and arithmetic of fractions takes ten times as long as that of integers.
    """
    second = lcm(*{time.denominator for time in times})
    first = int(times[0] * second)
    return [time.numerator * (second // time.denominator) - first for time in times], second


def frames_on_screen(ticks: Sequence[int], first: Fraction, step: Fraction, count: int) -> tuple[int, ...]:
    """The numbers of the frames that are shown at `count` moments: `first`, and then every `step`.

    All in ticks; `ticks`: when each frame begins, in order. A frame is shown until the next one begins, the first also
    before it does.
    """
    parts = lcm(first.denominator, step.denominator)
    begin, stride = int(first * parts), int(step * parts)
    moments = ((begin + number * stride) // parts for number in range(count))
    return tuple(max(0, bisect_right(ticks, moment) - 1) for moment in moments)


def _nearest_usual(rate: Fraction) -> Fraction:
    """The usual rate behind one that was guessed from rounded times: 24000/1001 and 24 are a thousandth apart."""
    nearest = min(_USUAL, key=lambda usual: abs(usual - rate))
    return nearest if abs(nearest / rate - 1) < Fraction(4, 10000) else rate


def _is_steady(ticks: Sequence[int], rate: Fraction) -> bool:
    """Whether frames at `ticks`, the first of them 0, stay near a steady run of `rate` frames a tick.

    It ends with the first that strays: most rates are refused after a few frames.
    """
    across, frame = rate.numerator, rate.denominator
    limit = int(2 * _STRAY * frame)
    least = most = 0
    for number, tick in enumerate(ticks):
        stray = tick * across - number * frame
        if stray < least:
            least = stray
        elif stray > most:
            most = stray
        if most - least > limit:
            return False
    return True


def _grid_positions(ticks: Sequence[int], rate: Fraction) -> tuple[int, ...] | None:
    """The positions of frames at `ticks`, the first of them 0, on a grid of `rate` positions a tick, with steps of one
    position among them; None if one strays.

    Two frames at one position are damage; the later is shown.
    """
    across, between = rate.numerator, rate.denominator
    limit = int(_STRAY / 2 * between)
    least = most = 0
    positions: list[int] = []
    singles = 0
    for tick in ticks:
        position = (2 * tick * across + between) // (2 * between)
        stray = tick * across - position * between
        least, most = min(least, stray), max(most, stray)
        if most - least > limit:
            return None
        singles += bool(positions) and position - positions[-1] == 1
        positions.append(position)
    return tuple(positions) if singles >= _SINGLES * (len(positions) - 1) else None
