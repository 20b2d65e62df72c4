"""When a clip's frames are shown: the rate behind its timestamps, and which frame is on screen at a time. Pure."""

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
    ticks, second = in_ticks(times)
    for rate in [*stated, *sorted(_USUAL, key=lambda rate: abs(rate - average))]:
        if abs(rate / average - 1) < Fraction(1, 20) and _is_steady(ticks, rate / second):
            return Pace(rate, range(count))
    if _is_steady(ticks, average / second):
        return Pace(average, range(count))
    for rate in [*stated, *sorted(_USUAL)]:
        if rate > average:
            places = _places(ticks, rate / second)
            if places is not None:
                return Pace(rate, places)
    return Pace(count / (times[-1] - times[0] + max(lasting, Fraction(0))), None)


def in_ticks(times: Sequence[Fraction]) -> tuple[list[int], int]:
    """The times since the first one in whole ticks, and how many of these ticks make a second.

    An hour has a hundred thousand times, and arithmetic of fractions takes ten times as long as that of integers.
    """
    second = lcm(*{time.denominator for time in times})
    first = int(times[0] * second)
    return [time.numerator * (second // time.denominator) - first for time in times], second


def on_screen(ticks: Sequence[int], first: Fraction, step: Fraction, count: int) -> tuple[int, ...]:
    """The numbers of the frames that are shown at `count` moments, the first at `first` and then every `step`.

    All are counted in ticks; `ticks` say when each frame begins, in order. A frame is shown until the next one begins,
    the first also before it does.
    """
    parts = lcm(first.denominator, step.denominator)
    begins, further = int(first * parts), int(step * parts)
    moments = ((begins + number * further) // parts for number in range(count))
    return tuple(max(0, bisect_right(ticks, moment) - 1) for moment in moments)


def _proper(rate: Fraction) -> Fraction:
    """The usual rate that one guessed from rounded times must be: 24000/1001 and 24 are a thousandth apart."""
    nearest = min(_USUAL, key=lambda usual: abs(usual - rate))
    return nearest if abs(nearest / rate - 1) < Fraction(4, 10000) else rate


def _is_steady(ticks: Sequence[int], rate: Fraction) -> bool:
    """Whether frames at `ticks`, the first of them 0, stay near a steady run of `rate` frames a tick.

    It gives up with the first that strays: of irregular times no rate needs to see more than a few.
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


def _places(ticks: Sequence[int], rate: Fraction) -> tuple[int, ...] | None:
    """The places of frames at `ticks`, the first of them 0, on a grid of `rate` places a tick, with steps of one place
    among them; None with the first that strays.

    Two frames in one place are damage; the later is shown.
    """
    across, between = rate.numerator, rate.denominator
    limit = int(_STRAY / 2 * between)
    least = most = 0
    places: list[int] = []
    singles = 0
    for tick in ticks:
        place = (2 * tick * across + between) // (2 * between)
        stray = tick * across - place * between
        least, most = min(least, stray), max(most, stray)
        if most - least > limit:
            return None
        singles += bool(places) and place - places[-1] == 1
        places.append(place)
    return tuple(places) if singles >= _SINGLES * (len(places) - 1) else None
