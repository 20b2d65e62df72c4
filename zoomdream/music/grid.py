"""Beats and bars as moments of a song, and counting them, from a steady tempo or from a file."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median

from zoomdream.errors import InputError, require_file

_LARGEST_FILE = 10_000_000  # bytes
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Grid:
    """beats: their times in seconds of the song, in order; bars: those with which a bar begins. Where there are none,
    nothing is counted. bpm: the tempo; certainty: how sure it is, 0 to 1, None where it was given.
    """

    beats: tuple[float, ...]
    bars: tuple[float, ...]
    bpm: float
    certainty: float | None = None

    def count(self, of: str, moment: float) -> float:
        """How many beats ("b") or bars have been, counted from the first one, with the share of the one that runs."""
        times = self.beats if of == "b" else self.bars
        if not times:
            return 0.0
        index = min(max(bisect_right(times, moment) - 1, 0), max(len(times) - 2, 0))
        return index + (moment - times[index]) / self._length(times, index, of)

    def time(self, of: str, number: float) -> float:
        """When a beat or a bar is: the reverse of `count`."""
        times = self.beats if of == "b" else self.bars
        if not times:
            return 0.0
        index = min(max(math.floor(number), 0), max(len(times) - 2, 0))
        return times[index] + (number - index) * self._length(times, index, of)

    def _length(self, times: Sequence[float], index: int, of: str) -> float:
        """Seconds from a beat or bar to the next. Beyond the ends the tempo is that of the ends."""
        if len(times) > 1:
            return times[index + 1] - times[index]
        return 60 / self.bpm * (1 if of == "b" else 4)

    def since(self, moment: float) -> float | None:
        """Seconds since the last beat; None before the first."""
        index = bisect_right(self.beats, moment) - 1
        return None if index < 0 else moment - self.beats[index]

    def near(self, begin: float, end: float) -> bool:
        """Whether there is a beat from begin to end."""
        return bisect_left(self.beats, begin) < bisect_right(self.beats, end)


def steady(bpm: float, first: Fraction, per_bar: int, length: float) -> Grid:
    """A grid of a tempo that never changes over a song of `length` seconds. first: when a bar begins."""
    period = 60 / bpm
    early = math.ceil(-float(first) / period)
    numbers = range(early, math.floor((length - float(first)) / period) + 1)
    if len(numbers) < 2 * per_bar:
        numbers = range(early, early + 2 * per_bar)
    times = [float(first) + number * period for number in numbers]
    return Grid(
        tuple(times), tuple(time for number, time in zip(numbers, times, strict=True) if not number % per_bar), bpm
    )


def barred(
    times: Sequence[float], per_bar: int = 4, certainty: float | None = None, bars: Sequence[float] = ()
) -> Grid:
    """The grid of some beats. bars: with which of them a bar begins; by default with the first and every fourth."""
    gaps = [later - time for time, later in pairwise(times)]
    bpm = 60 / median(gaps) if gaps else 120.0
    return Grid(tuple(times), tuple(bars) or tuple(times[::per_bar]), bpm, certainty)


def read_beats(path: Path) -> Grid:
    """The beats of a file: a line each, its time in seconds first. As beat_this and madmom write it, the number of the
    beat in its bar stands behind the time, 1 where a bar begins; labels of Audacity have the time of its end there.

    Raises InputError that names the line.
    """
    require_file(path, "a file of beats")
    if path.stat().st_size > _LARGEST_FILE:
        raise InputError(f"{path} is larger than a file of beats can be ({_LARGEST_FILE} bytes).")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{path} is not a text file; beats are a time in seconds on each line.") from None
    times: list[float] = []
    bars: list[float] = []
    for number, line in enumerate(lines, 1):
        words = line.replace(",", " ").split()
        if not words or line.startswith(("#", "\\")):
            continue
        try:
            time = float(words[0])
        except ValueError:
            raise InputError(f'{path}, line {number}: "{line[:40]}" does not begin with a time in seconds.') from None
        if not 0 <= time <= _DAY:
            raise InputError(f"{path}, line {number}: the time is {words[0][:20]}. Allowed: 0 to {_DAY} seconds.")
        if times and time <= times[-1]:
            text = f"{time:g} s is not after the beat before it ({times[-1]:g} s). Beats stand in their order."
            raise InputError(f"{path}, line {number}: {text}")
        times.append(time)
        label = words[2] if len(words) > 2 else words[1] if len(words) == 2 and "." not in words[1] else ""
        if label == "1" or label.startswith(("1.1", "bar")) or (label.endswith(".1") and label[:-2].isdecimal()):
            bars.append(time)
    if len(times) < 2:
        raise InputError(f"{path} has {len(times)} beats; at least two are needed.")
    return barred(times, bars=bars)
