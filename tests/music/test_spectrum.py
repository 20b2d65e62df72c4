"""The spectrum of a sound: bands hear their own pitches, onsets are on time, long songs are the same in pieces."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import song

from zoomdream.music import spectrum
from zoomdream.music.spectrum import RATE, ROWS_PER_SECOND, Spectrum, analyze

BANDS = {"bass": (20, 150), "mid": (150, 2000), "high": (2000, 12000)}


def heard(samples: np.ndarray) -> Spectrum:
    return analyze([samples.astype("<f4").tobytes()])


@pytest.mark.parametrize(("pitch", "band"), [(60, "bass"), (500, "mid"), (5000, "high")])
def test_a_tone_moves_only_its_own_band(pitch: float, band: str) -> None:
    found = heard(song.tone(pitch, 2, level=0.5))
    levels = {name: float(found.band(*edges).max()) for name, edges in BANDS.items()}
    assert levels.pop(band) == pytest.approx(0.5 / 2**0.5, rel=0.03)  # the root of the mean square of a sine
    assert max(levels.values()) < 0.02


def test_a_band_between_others_counts_by_its_share() -> None:
    noise = np.random.default_rng(0).standard_normal(2 * RATE) * 0.1
    found = heard(noise)
    whole, halves = found.band(1000, 2000), [found.band(1000, 1500), found.band(1500, 2000)]
    np.testing.assert_allclose(whole**2, halves[0] ** 2 + halves[1] ** 2, rtol=1e-3)


def test_onsets_are_on_time() -> None:
    times = [0.5, 1.13, 1.7, 2.401]
    flux = heard(song.clicks(times, 3)).flux
    peaks = [
        row for row in range(1, len(flux) - 1) if flux[row] > 0.3 * flux.max() and flux[row - 1 : row + 2].argmax() == 1
    ]
    assert [row / ROWS_PER_SECOND for row in peaks] == pytest.approx(times, abs=0.0101)


def test_a_held_tone_sets_in_once() -> None:
    flux = heard(song.tone(440, 2)).flux
    assert flux[:20].max() > 10 * flux[20:180].max()


def test_pitches_are_told_apart() -> None:
    found = heard(np.concatenate([song.tone(440 * 2 ** (steps / 12), 1) for steps in (0, 1, 7)])).chroma
    assert [int(found[row].argmax()) for row in (50, 150, 250)] == [9, 10, 4]  # A, A sharp, E


def test_silence_is_exactly_nothing() -> None:
    found = heard(song.silence(1))
    assert len(found.power) == ROWS_PER_SECOND
    assert not any(part.any() for part in (found.power, found.flux, found.chroma, found.bright()))


def test_samples_that_are_no_numbers_are_silent_in_songs_of_any_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectrum, "_BLOCK", 50)
    sound = song.tone(100, 3)
    sound[RATE : RATE + 9] = np.nan
    assert np.isfinite(heard(sound).power).all()


def test_a_song_is_the_same_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = song.clicks([0.3, 1.1, 1.9], 3) + song.tone(300, 3)
    whole = heard(samples)
    monkeypatch.setattr(spectrum, "_BLOCK", 100)
    data = samples.tobytes()
    parts = analyze(data[at : at + 40_000] for at in range(0, len(data), 40_000))
    for name in ("power", "flux", "chroma"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), atol=1e-6)
