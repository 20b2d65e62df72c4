"""The measures of bench_music, on songs and films whose answer is known."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from bench.music import films, songs
from bench.music.main import main
from synthetic import song

from tests.made_clips import run


def test_onsets_are_held_against_the_nearest_peak() -> None:
    curve = np.zeros(50)
    curve[[10, 31]] = 1
    assert songs.onset_errors(curve, [0.5, 1.5], 20) == pytest.approx([0, 1])
    assert songs.onset_errors(np.zeros(9), [0.2], 20) == [np.inf]


def test_a_flash_that_is_late_is_seen(tmp_path: Path) -> None:
    sound, fps = films.write_song(tmp_path, "wav"), 25
    frames = np.full((88, films.SIZE[1], films.SIZE[0], 3), 60, np.uint8)
    for time in films.CLICKS:
        frames[round(time * fps) + 1] = 200
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "{}x{}".format(*films.SIZE), "-r", fps, "-i", "-"]
    run(*raw, "-i", sound, "-c:v", "ffv1", "-c:a", "pcm_s16le", tmp_path / "film.mkv", data=frames.tobytes())
    errors = films.flash_errors(tmp_path / "film.mkv", Fraction(fps))
    assert all(0.4 < error < 1.6 for error in errors)


def test_the_bars_of_what_is_heard_hold(tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    parts = [f"--only={part}" for part in ("bands", "onsets")]
    assert main(["--quick", *parts, "--json", str(found)]) == 0
    bars = json.loads(found.read_text(encoding="utf-8"))["bars"]
    assert len(bars) == 11
    assert [name for name, bar in bars.items() if not bar["holds"]] == []


def test_the_sample_song_is_as_long_as_its_bars() -> None:
    assert len(song.sample()) / song.RATE == pytest.approx(4 * song.BARS * 60 / song.TEMPO, abs=1e-3)
