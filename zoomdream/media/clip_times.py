"""When a clip's frames are shown: the rate behind its timestamps, and which frame is on screen at a time. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

_USUAL = tuple(
    rate for whole in (24, 30, 48, 60, 120) for rate in (Fraction(whole), Fraction(whole * 1000, 1001))
) + tuple(Fraction(whole) for whole in (1, 2, 5, 6, 8, 10, 12, 15, 16, 18, 20, 25, 50, 90, 100, 144, 240))

_STRAY = Fraction(1, 4)
"""Frames, to either side, by which timestamps may stray from a grid that they are said to fit."""

_SINGLES = Fraction(1, 10)
"""The share of steps that must be single for a finer grid to count: else a grid of ticks would fit everything."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a clip runs: its rate; the place of each frame on the grid of that rate, None where no grid fits."""

    rate: Fraction
    places: Sequence[int] | None

    @property
    def steady(self) -> bool:
        """Whether every place of the grid holds a frame."""
        return self.places is not None and self.places[-1] == len(self.places) - 1


def increasing(ticks: Sequence[int], missing: int, tick: Fraction, nominal: Fraction | None) -> tuple[Fraction, ...]:
    """Times in seconds of frames at `ticks` (each `tick` seconds), none before its neighbour.

    Where a file gives no time (`missing`), the frame comes one after the last; times that jump back are held.
    """
    step = round(1 / (nominal or Fraction(25)) / tick)
    times: list[int] = []
    for moment in ticks:
        last = times[-1] if times else 0
        times.append((last + step if times else 0) if moment == missing else max(moment, last) if times else moment)
    return tuple(moment * tick for moment in times)


def pace(times: Sequence[Fraction], lasting: Fraction, nominal: Fraction | None) -> Pace:
    """The rate of frames at `times` (seconds, in order), the last of which stays for `lasting`.

    The nominal rate or a usual one if the times fit its grid, else the average, exact. `nominal` may be nonsense.
    """
    count = len(times)
    if count == 1:
        rate = nominal if nominal is not None and lasting <= 0 else 1 / lasting if lasting > 0 else Fraction(25)
        return Pace(rate, range(1))
    if times[-1] == times[0]:
        return Pace(nominal or Fraction(25), range(count))
    average = (count - 1) / (times[-1] - times[0])
    stated = [] if nominal is None else [_proper(nominal)]
    for rate in [*stated, *sorted(_USUAL, key=lambda rate: abs(rate - average))]:
        if abs(rate / average - 1) < Fraction(1, 20) and _strays(times, rate) <= 2 * _STRAY:
            return Pace(rate, range(count))
    if _strays(times, average) <= 2 * _STRAY:
        return Pace(average, range(count))
    for rate in [*stated, *sorted(_USUAL)]:
        if rate > average:
            places = _places(times, rate)
            if places is not None:
                return Pace(rate, places)
    return Pace(count / (times[-1] - times[0] + max(lasting, Fraction(0))), None)


def on_screen(times: Sequence[Fraction], moment: Fraction) -> int:
    """The number of the frame that is shown at a moment: the last that began by then. The first one before that."""
    return max(0, bisect_right(times, moment) - 1)


def _proper(rate: Fraction) -> Fraction:
    """The usual rate that one guessed from rounded times must be: 24000/1001 and 24 are a thousandth apart."""
    nearest = min(_USUAL, key=lambda usual: abs(usual - rate))
    return nearest if abs(nearest / rate - 1) < Fraction(4, 10000) else rate


def _strays(times: Sequence[Fraction], rate: Fraction) -> Fraction:
    """By how many frames the times wander against a steady run at that rate, from the earliest to the latest."""
    strays = [(time - times[0]) * rate - number for number, time in enumerate(times)]
    return max(strays) - min(strays)


def _places(times: Sequence[Fraction], rate: Fraction) -> tuple[int, ...] | None:
    """The places on a grid, with steps of one place among them; None if the times do not fit it.

    Two frames in one place are damage; the later is shown.
    """
    exact = [(time - times[0]) * rate for time in times]
    places = tuple(round(place) for place in exact)
    strays = [place - where for place, where in zip(exact, places, strict=True)]
    steps = [after - before for before, after in pairwise(places)]
    fits = max(strays) - min(strays) <= _STRAY / 2 and min(steps) >= 0
    return places if fits and steps.count(1) >= _SINGLES * len(steps) else None
