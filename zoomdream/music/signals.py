"""The signals of a film: what its schedules ask of a song, at the film's own times."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from zoomdream.config.signals import Unit
from zoomdream.music.grid import Grid
from zoomdream.music.spectrum import ROWS_PER_SECOND, Curve

_SAME = 0.02
"""Of a beat: one that was that little before the film begins is its first."""


@dataclass(frozen=True, slots=True)
class SongSignals:
    """The music of a film, equal where `key` is. names: what may be called. offset: seconds of the song that are over
    when the film begins. curves: by name, of the song; `chroma` has twelve columns. held: names of curves that keep
    their last value beyond their end; others are 0 there. sections: when each begins. release: as in config.Music.
    length: of the song in seconds.
    facts: what a person is told; notes: what one should know before the render.
    """

    key: str
    names: tuple[str, ...]
    offset: float
    curves: Mapping[str, Curve] = field(compare=False)
    held: frozenset[str] = field(compare=False)
    grid: Grid = field(compare=False)
    sections: tuple[float, ...] = field(compare=False)
    release: float = field(compare=False)
    length: float = field(compare=False)
    facts: tuple[str, ...] = field(compare=False, default=())
    notes: tuple[str, ...] = field(compare=False, default=())

    def value(self, name: str, arguments: Sequence[float], width: float) -> float:
        """See config.signals.Signals."""
        moment = arguments[0] + self.offset
        match name:
            case "beats":
                return self.grid.count("b", moment) - self._first("b")
            case "bar":
                return self.grid.count("bars", moment) - self._first("bars")
            case "beat":
                return self._beat(moment, width)
            case "section":
                return float(max(bisect_right(self.sections, moment + 1e-6) - 1, 0))
            case "chroma":
                return _largest(self.curves[name][:, math.floor(arguments[1]) % 12], moment, width, held=False)
            case _:
                return _largest(self.curves[name], moment, width, held=name in self.held)

    def moment(self, amount: Fraction, unit: Unit) -> Fraction:
        """See config.signals.Signals."""
        return Fraction(self.grid.time(unit, float(amount) + self._first(unit)) - self.offset)

    def describe(self) -> list[str]:
        """See config.signals.Signals."""
        return [*self.facts, *self.notes]

    def _first(self, unit: Unit) -> int:
        """The song's number of the first beat or bar of the film."""
        return max(0, math.ceil(self.grid.count(unit, self.offset) - _SAME))

    def _beat(self, moment: float, width: float) -> float:
        if self.grid.near(moment - width / 2, moment + width / 2):
            return 1.0
        since = self.grid.since(moment)
        return 0.0 if since is None or self.release == 0 else math.exp((width / 2 - since) / self.release)


def _largest(curve: Curve, moment: float, width: float, *, held: bool) -> float:
    """The largest value of a curve in a time around a moment: what is heard for 10 ms only is seen in some frame."""
    begin, end = (moment - width / 2) * ROWS_PER_SECOND, (moment + width / 2) * ROWS_PER_SECOND
    first, last = math.ceil(begin), math.floor(end)
    ends = max(_between(curve, begin, held), _between(curve, end, held))
    inside = curve[max(first, 0) : max(last + 1, 0)]
    return max(ends, float(inside.max())) if len(inside) else ends


def _between(curve: Curve, row: float, held: bool) -> float:
    """The value between two rows."""
    below = math.floor(row)
    left, right = _at(curve, below, held), _at(curve, below + 1, held)
    return left + (right - left) * (row - below)


def _at(curve: Curve, row: int, held: bool) -> float:
    if held:
        return float(curve[min(max(row, 0), len(curve) - 1)])
    return float(curve[row]) if 0 <= row < len(curve) else 0.0
