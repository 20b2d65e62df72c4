"""Curves from 0 to 1: what is loud for this song is 1, peaks are on time and keep their height."""

from __future__ import annotations

import numpy as np
import pytest

from zoomdream.music.curves import enveloped, normalized


def test_a_curve_spans_what_the_song_has() -> None:
    found = normalized(np.linspace(0.1, 0.6, 2000, dtype=np.float32))
    assert found.min() == 0
    assert found.max() == 1
    assert found[1000] == pytest.approx(0.5, abs=0.05)


def test_short_and_rare_peaks_count_as_loud() -> None:
    rare = np.zeros(2000, np.float32)
    rare[50::100] = 0.2  # 10 ms of each second
    assert normalized(rare).max() == 1


def test_one_crack_does_not_make_the_rest_quiet() -> None:
    steady = np.tile(np.array([0.1, 0.2], np.float32), 2000)
    cracked = steady.copy()
    cracked[777] = 4
    np.testing.assert_allclose(normalized(cracked)[1000:], normalized(steady)[1000:], atol=0.02)


def test_what_never_changes_is_loud_and_silence_is_0() -> None:
    assert set(normalized(np.full(500, 0.3, np.float32))) == {1}
    assert set(normalized(np.zeros(500, np.float32))) == {0}
    assert normalized(np.full(500, 1e-4, np.float32)).max() < 0.2  # noise of the recording


def test_a_peak_keeps_its_time_and_height_and_has_slopes() -> None:
    curve = np.zeros(300, np.float32)
    curve[100] = 0.8
    found = enveloped(curve, attack=0.02, release=0.25)
    assert found.argmax() == 100
    assert found[100] == pytest.approx(0.8)
    assert found[125] == pytest.approx(0.8 / np.e, rel=1e-3)
    assert found[98] == pytest.approx(0.8 / np.e, rel=1e-3)
    np.testing.assert_array_equal(enveloped(curve, 0, 0), curve)


def test_an_envelope_is_the_largest_of_all_faded_values() -> None:
    curve = np.random.default_rng(0).random(400).astype(np.float32)
    found = enveloped(curve, 0, 0.1)
    slow = [max(curve[: row + 1] * np.exp((np.arange(row + 1) - row) / 10)) for row in range(400)]
    np.testing.assert_allclose(found, slow, rtol=1e-4)
