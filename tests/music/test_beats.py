"""Beats of made songs, whose beats are known, judged as the field does: F at 70 ms."""

from __future__ import annotations

from itertools import pairwise

import mir_eval.beat
import numpy as np
import pytest
from synthetic import song

from zoomdream.music.beats import find_beats
from zoomdream.music.grid import Grid
from zoomdream.music.spectrum import analyze


def found_in(samples: np.ndarray) -> Grid:
    spectrum = analyze([samples.tobytes()])
    return find_beats(spectrum.flux, spectrum.chroma)


def f_measure(times: list[float], grid: Grid) -> float:
    return float(mir_eval.beat.f_measure(np.array(times), np.array(grid.beats)))


@pytest.mark.parametrize("tempo", [75, 80, 113.3, 160])
def test_clicks_are_beats(tempo: float) -> None:
    times = list(np.arange(0.37, 24, 60 / tempo))
    grid = found_in(song.clicks(times, 24))
    assert f_measure(times, grid) >= 0.99
    assert grid.bpm == pytest.approx(tempo, rel=0.002)
    assert grid.certainty is not None
    assert grid.certainty > 0.6


def test_the_tempo_may_change_and_beats_may_swing() -> None:
    slow = [0.5 + number * 0.6 for number in range(25)]
    times = [*slow, *(slow[-1] + 60 / 130 * number for number in range(1, 25))]
    swing = [time + 2 / 3 * (later - time) for time, later in pairwise(times)]
    samples = song.clicks(times, 27) + song.clicks(swing, 27, level=0.2)
    assert f_measure(times, found_in(samples)) >= 0.99


def test_bars_of_a_song_begin_where_its_chords_change() -> None:
    late = 60 / song.TEMPO + 0.2
    samples = song.sample()[: 20 * song.RATE][round(late * song.RATE) :]  # it begins with the second beat
    grid = found_in(samples)
    times = [time - late for time in song.beats() if late <= time < 20]
    assert f_measure(times, grid) >= 0.99
    assert grid.bars[0] == pytest.approx(4 * 60 / song.TEMPO - late, abs=0.02)
    assert len(grid.bars) == len(grid.beats[3:]) // 4 + 1


@pytest.mark.parametrize(
    "samples", [song.silence(5), song.silence(0.2), song.tone(200, 6, fade=2)], ids=["0", "1", "2"]
)
def test_where_nothing_sets_in_there_are_no_beats(samples: np.ndarray) -> None:
    assert found_in(samples).beats == ()
