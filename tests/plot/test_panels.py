"""What a plot shows: the schedules that move, together what belongs together, marks, and what stands still."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import pytest

from zoomdream.config import load_config
from zoomdream.plot.drawing import Line, draw
from zoomdream.plot.panels import Plot, plot_of, thinned
from zoomdream.plot.text import text

FILM = {"size": [64, 48], "fps": 10, "frames": 41}


def plotted(cuts: tuple[int, ...] = (), **more: object) -> Plot:
    return plot_of(load_config({**FILM, **more}), "a.yaml", cuts)


def test_what_moves_has_a_curve_with_its_keyframes_and_what_does_not_is_a_word() -> None:
    plot = plotted(camera={"zoom": {"keys": {"0s": 1, "2s": 3, "100%": 2, "90s": 9}}, "rotate": 7})
    (panel,) = plot.panels
    (curve,) = panel.curves
    assert (panel.name, panel.unit) == ("camera.zoom", "times per second")
    assert curve.values[20] == pytest.approx(3)
    assert curve.keyframes[:2] == ((0, 1), (20, pytest.approx(3)))
    assert [frame for frame, _ in curve.keyframes] == [0, 20, 40]  # what lies beyond the film is not in it
    assert "camera.rotate 7" in plot.constants
    assert not [word for word in plot.constants if word.startswith(("camera.zoom", "flow", "dream.turn"))]


def test_what_belongs_together_is_seen_together() -> None:
    terms = [{"layer": "mixed3b", "weight": "1 - u"}, {"class": "daisy", "weight": "u"}]
    plot = plotted(objective=terms, camera={"pivot": ["0.5 + 0.1*u", "0.5 - 0.1*u"]})
    assert {panel.name: [curve.name for curve in panel.curves] for panel in plot.panels} == {
        "objective.weight": ["objective.0.weight (mixed3b)", "objective.1.weight (daisy)"],
        "camera.pivot": ["camera.pivot.0 (x)", "camera.pivot.1 (y)"],
    }
    assert plot.panels[1].range == (0.4, 0.6)


def test_cuts_are_marks_within_the_film() -> None:
    assert plotted((10, 20)).marks[0].frames == (10, 20)
    assert plotted().marks == ()


class Metronome:
    """Music that beats every half a second, from 0.2 s on."""

    names = ("beat",)

    def value(self, name: str, arguments: Sequence[float], width: float) -> float:
        return float(arguments[0] % 0.5 < 0.25)

    def moment(self, amount: Fraction, unit: str) -> Fraction:
        return Fraction(1, 5) + amount / 2


@pytest.mark.parametrize(("zoom", "marks"), [("1 + beat(t)", [2, 7, 12, 17, 22, 27, 32, 37]), ("1 + u", [])])
def test_beats_are_marks_where_a_schedule_asks_for_them(zoom: str, marks: list[float]) -> None:
    film = {**FILM, "music": {"beats": {"bpm": 120}}, "camera": {"zoom": zoom}}
    config = load_config(film, listen=lambda config, asked: Metronome())
    found = {mark.name: mark.frames for mark in plot_of(config, "a.yaml").marks}
    assert [*found.get("beats", ())] == pytest.approx(marks)


def test_a_mark_is_seen_also_where_a_second_begins() -> None:
    drawing = draw(plotted((10, 20), camera={"zoom": "1 + u"}))
    lines = [shape for shape in drawing.shapes if isinstance(shape, Line)]
    at_one_second = [line.color for line in lines if line.points[0][0] == line.points[1][0] == drawn_at(10, lines)]
    assert len(at_one_second) == 2
    assert at_one_second[-1] == "#ff6b6b"


def drawn_at(frame: int, lines: Sequence[Line]) -> float:
    """Where a frame of the film is in a drawing of it."""
    curve = next(line for line in lines if line.width == 2)
    return curve.points[frame][0]


def test_a_thinned_curve_keeps_every_peak_and_has_no_gap() -> None:
    values = [0.0] * 10_000
    values[5_003], values[7_777] = 9.0, -9.0
    parts = thinned(values, 100)
    assert (max(most for _, most in parts), min(least for least, _ in parts)) == (9, -9)
    rising = thinned([0, 1, 2], 50)
    assert all(before[1] == pytest.approx(after[0]) for before, after in pairwise(rising))
    assert thinned([5], 3) == [(5, 5)] * 3


@pytest.mark.parametrize("braille", [True, False])
def test_text_rises_where_the_curve_rises(braille: bool) -> None:
    lines = text(plotted((20,), camera={"zoom": {"keys": {"0%": 1, "100%": 2}}}), 40, braille).splitlines()
    assert lines[0] == "a.yaml: 4.1 s, 41 frames at 10 per second"
    assert max(map(len, lines[3:])) == 40
    name = lines.index("camera.zoom  1 to 2 times per second")
    high, _, low, keys = lines[name + 1 : name + 5]
    assert [high.strip() != "", high[:20].strip() != ""] == [True, False]
    assert [low.strip() != "", low[20:].strip() != ""] == [True, False]
    assert keys == "^" + " " * 38 + "^"
    assert lines[lines.index("cuts:") + 1].index("|") == 20


def test_a_film_of_one_frame_is_plotted_too() -> None:
    plot = plotted(frames=1, camera={"zoom": {"keys": {"0%": 1, "100%": 2}}})
    assert plot.panels == ()
    assert "camera.zoom 2" in plot.constants
    assert "0.1 s, 1 frame at" in text(plot, 40)
