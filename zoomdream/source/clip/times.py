"""The frame rate behind a clip's timestamps, and the frame that is on screen at a time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, lcm

import numpy as np

_USUAL = tuple(
    rate for whole in (24, 30, 48, 60, 120) for rate in (Fraction(whole), Fraction(whole * 1000, 1001))
) + tuple(Fraction(whole) for whole in (1, 2, 5, 6, 8, 10, 12, 15, 16, 18, 20, 25, 50, 90, 100, 144, 240))

_STRAY = Fraction(1, 4)
"""Frames, to either side, by which timestamps may stray from a steady run that they are said to fit."""

_LOOSE, _OUTSIDE = 0.3, 0.02
"""Frames by which all but a small share of the timestamps may stray from a grid in which some are left out."""

_SINGLES, _STATED_SINGLES = 0.1, 0.02
"""At least this share of steps must be of one position, or a grid as fine as the ticks would fit everything."""

_HIGHEST, _LOWEST = 240, 1  # frames per second that are believed
_QUARTER, _ALIKE = 0.25, 1.5  # so large a share of the gaps must be alike, the longest of them 1.5 times the shortest
_LONGEST_STAY = 3600  # seconds for which a last picture is believed to stay


@dataclass(frozen=True, slots=True)
class FrameRate:
    """rate: frames per second. grid: the position of each frame on the grid of that rate, None where no grid fits.
    rule: how the rate was found, for people.
    """

    rate: Fraction
    grid: Sequence[int] | None
    rule: str

    @property
    def steady(self) -> bool:
        """Whether every position of the grid holds a frame."""
        return self.grid is not None and self.grid[-1] == len(self.grid) - 1


def monotonic_times(ticks: Sequence[int], missing: int, tick: Fraction, rate: Fraction) -> tuple[Fraction, ...]:
    """Times in seconds of frames at `ticks` (each `tick` seconds), none before its neighbour.

    A frame without a time (`missing`) comes one frame of `rate` after the last. Where times jump back they belong to
    other frames, as in containers that count in the order of decoding (AVI, MXF); those that stand twice are held.
    """
    step = round(1 / rate / tick)
    if missing not in ticks and len(set(ticks)) == len(ticks):
        ticks = sorted(ticks)
    times: list[int] = []
    for moment in ticks:
        last = times[-1] if times else 0
        times.append((last + step if times else 0) if moment == missing else max(moment, last) if times else moment)
    return tuple(moment * tick for moment in times)


def find_rate(times: Sequence[Fraction], last_duration: Fraction, rates: Sequence[Fraction]) -> FrameRate:
    """The rate at which things move, of frames at `times` (seconds, in order), the last shown for `last_duration`.

    One that the file states (`rates`, which may be nonsense) or a usual one if the times fit its grid, also where most
    are left out; else from the shortest gaps that are usual, never from the average of stillness and motion.
    """
    stated = [_nearest_usual(rate) for rate in rates if _LOWEST <= rate <= _HIGHEST]
    count = len(times)
    if count == 1 and last_duration > 0 and 1 / last_duration >= 5:
        return FrameRate(1 / last_duration, range(1), "as long as its only frame is shown")
    if count == 1 or times[-1] == times[0]:
        return FrameRate(
            stated[0] if stated else Fraction(25), range(count), "as the file states" if stated else "usual"
        )
    ticks, second = in_ticks(times)
    average, pace = (count - 1) / (times[-1] - times[0]), _pace(ticks, second)
    usual = sorted(_USUAL, key=lambda rate: abs(rate - average))
    for rate in [*stated, *usual, average]:
        if abs(rate / average - 1) < Fraction(1, 20) and _is_steady(ticks, rate / second):
            return FrameRate(rate, range(count), "as the file states" if rate in stated else "its times fit")
    near = sorted((rate for rate in _USUAL if rate > pace * Fraction(9, 10)), key=lambda rate: abs(rate - pace))
    for rate in [*stated, *near, pace]:
        if rate > average:
            found = _grid_positions(ticks, rate / second, _STATED_SINGLES if rate in stated else _SINGLES)
            if found is not None and rate in stated:
                return FrameRate(rate, found[0], "as the file states, some left out")
            if found is not None:  # times in milliseconds hide which of 30 and 30000/1001 it is until the end
                alike = [other for other in near if other != rate and abs(other / rate - 1) < Fraction(2, 1000)]
                others = ((other, _grid_positions(ticks, other / second, _SINGLES)) for other in alike)
                fits = [(rate, found), *((other, grid) for other, grid in others if grid is not None)]
                best, (positions, _) = min(fits, key=lambda fit: fit[1][1])
                return FrameRate(best, positions, "its times fit, some left out")
    nearest = _nearest_usual(pace, Fraction(6, 100))
    return FrameRate(max(nearest, average), None, "by the shortest usual gaps between its frames")


def stay(last: Fraction, duration: Fraction, rate: Fraction, stated_end: Fraction | None) -> Fraction:
    """For how long the last frame, at `last`, is shown, in seconds: as the file says, where that can be.

    A duration far beyond the end that the file states is none.
    """
    one = 1 / rate
    limit = Fraction(_LONGEST_STAY) if stated_end is None else max(one, stated_end - last + one)
    return duration if one / 2 < duration <= limit else one


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


def _pace(ticks: Sequence[int], second: int) -> Fraction:
    """Frames per second where things move, at `second` ticks a second: by the shortest gaps of which there are many."""
    gaps = np.sort(np.diff(np.asarray(ticks, np.int64)))
    gaps = gaps[gaps > 0]
    beyond = np.searchsorted(gaps, gaps * _ALIKE, side="right")
    first = int(np.argmax(beyond - np.arange(len(gaps)) >= max(1, ceil(_QUARTER * len(gaps)))))
    usual = gaps[gaps <= 2 * gaps[first : beyond[first]].mean()]  # a jittery clock makes both short and long ones
    return min(Fraction(second * len(usual), int(usual.sum())), Fraction(_HIGHEST))


def _nearest_usual(rate: Fraction, within: Fraction = Fraction(4, 10000)) -> Fraction:
    """The usual rate behind one that was guessed from rounded times: 24000/1001 and 24 are a thousandth apart."""
    nearest = min(_USUAL, key=lambda usual: abs(usual - rate))
    return nearest if abs(nearest / rate - 1) < within else rate


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


def _grid_positions(ticks: Sequence[int], rate: Fraction, singles: float) -> tuple[tuple[int, ...], float] | None:
    """The positions of frames at `ticks`, the first of them 0, on a grid of `rate` positions a tick, and by how much of
    a step they stray from them on average; None if none fits.

    singles: the share of steps that must be of one position. Two frames at one position are damage; the later is shown.
    The first frame may stray itself, so the grid is laid where the middle of them lies.
    """
    across, between = rate.numerator, rate.denominator
    exact = np.asarray(ticks, np.float64) * (across / between)
    phase = 0.0
    for _ in range(3):
        positions = np.rint(exact - phase)
        phase += float(np.median(exact - phase - positions))
    strays = np.abs(exact - phase - positions)
    steps = np.diff(positions)
    if (strays > _LOOSE).mean() > _OUTSIDE or (steps < 1).mean() > _OUTSIDE or (steps == 1).mean() < singles:
        return None
    found = np.maximum.accumulate(positions - positions[0]).astype(np.int64)
    return tuple(found.tolist()), float(strays.mean())
