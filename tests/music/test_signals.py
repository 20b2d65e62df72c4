"""Signals at the times of a film."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np
import pytest

from zoomdream.music.grid import barred, steady
from zoomdream.music.signals import SongSignals

CURVE = np.zeros(1000, np.float32)
CURVE[500] = 1


def signals(offset: float = 0.0, **changes: object) -> SongSignals:
    grid = steady(120, Fraction(1, 2), 4, 10)
    made = SongSignals(
        "key", ("bass",), offset, {"bass": CURVE, "own": CURVE + 2}, frozenset({"own"}), grid, (0, 4), 0.25, 10
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("fps", [12, 24, 60])
def test_what_is_heard_for_10_ms_is_seen_in_one_frame(fps: int) -> None:
    values = [signals().value("bass", [frame / fps], 1 / fps) for frame in range(10 * fps)]
    assert values.index(1) in (5 * fps, 5 * fps - 1)  # a peak has slopes of 10 ms
    assert sum(values) < 2.1


def test_beyond_the_song_curves_are_0_and_tables_stay() -> None:
    assert signals().value("bass", [-1], 0.1) == signals().value("bass", [11], 0.1) == 0
    assert signals().value("own", [-1], 0.1) == signals().value("own", [11], 0.1) == 2


def test_an_offset_moves_everything() -> None:
    early, late = signals(), signals(offset=1.0)
    for name in ("bass", "beat", "section"):
        for moment in (0.2, 2.5, 3.0, 3.99, 4.0):
            assert late.value(name, [moment], 1 / 30) == pytest.approx(early.value(name, [moment + 1], 1 / 30))


def test_beats_are_counted_from_the_first_of_the_film() -> None:
    film = signals(offset=1.0)  # in the middle of a bar, on a beat
    assert film.value("beats", [1.25], 0) == pytest.approx(2.5)
    assert film.moment(Fraction(3), "b") == pytest.approx(1.5)
    assert film.moment(Fraction(0), "bars") == pytest.approx(1.5)
    assert film.value("bar", [2.5], 0) == pytest.approx(0.5)


def test_a_beat_is_1_in_its_frame_and_fades() -> None:
    values = [signals().value("beat", [frame / 24], 1 / 24) for frame in range(12, 24)]
    assert values[0] == 1
    assert values == sorted(values, reverse=True)
    assert values[6] == pytest.approx(np.exp(-(0.25 - 1 / 48) / 0.25))
    assert signals(grid=barred([])).value("beat", [0.5], 1 / 24) == 0


def test_sections_change_on_their_moment() -> None:
    assert [signals().value("section", [moment], 1 / 24) for moment in (-1, 0, 3.99, 4, 99)] == [0, 0, 0, 1, 1]


def test_signals_are_equal_by_what_they_are_of() -> None:
    assert signals() == signals(curves={})
    assert hash(signals()) == hash(signals(curves={}))
    assert signals() != signals(key="other")
