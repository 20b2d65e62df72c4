"""Drums, tones and sections of the sample song, of which they are known."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import song

from zoomdream.music.beats import find_beats
from zoomdream.music.spectrum import Spectrum, analyze
from zoomdream.music.structure import drums_and_tones, sections


def heard(samples: np.ndarray) -> Spectrum:
    return analyze([samples.astype("<f4").tobytes()])


@pytest.fixture(scope="module")
def sample() -> Spectrum:
    return heard(song.sample())


def test_drums_are_struck_and_tones_are_held() -> None:
    struck = [0.5, 1.0, 1.5]
    drums, tones = drums_and_tones(heard(song.clicks(struck, 2.5) + song.tone(440, 2.5, level=0.2)))
    rows = [round(100 * time) for time in struck]
    assert (drums[rows] > 3 * drums[75]).all()
    assert tones[60:190].min() > 0.5 * tones.max()


def test_a_section_begins_where_the_song_changes(sample: Spectrum) -> None:
    bars = find_beats(sample.flux, sample.chroma).bars
    half = song.BARS // 2 * 4 * 60 / song.TEMPO
    assert sections(sample, bars) == pytest.approx((0, half), abs=0.02)


def test_two_parts_that_take_turns_are_told_apart_each_time() -> None:
    spectrum = heard(np.tile(song.sample(), 2))
    half = song.BARS // 2 * 4 * 60 / song.TEMPO
    found = sections(spectrum, find_beats(spectrum.flux, spectrum.chroma).bars)
    assert found == pytest.approx((0, half, 2 * half, 3 * half), abs=0.03)


def test_a_song_that_never_changes_has_one_section() -> None:
    assert sections(heard(song.tone(300, 12)), ()) == (0,)
    assert sections(heard(song.silence(12)), ()) == (0,)
