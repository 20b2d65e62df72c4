"""Beats and bars as moments: counting them, and reading them from files."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from zoomdream.errors import InputError
from zoomdream.music.grid import barred, read_beats, steady


def test_a_steady_grid_covers_the_song_and_counts_bars_from_the_first() -> None:
    grid = steady(120, Fraction(3, 4), 3, 10)
    assert grid.beats[:3] == pytest.approx((0.25, 0.75, 1.25))
    assert grid.beats[-1] == pytest.approx(9.75)
    assert grid.bars[:2] == pytest.approx((0.75, 2.25))


def test_counting_is_the_reverse_of_looking_up_also_beyond_the_ends() -> None:
    grid = barred([1, 1.5, 2.25, 3, 3.5])
    for number in (-1.5, 0, 0.5, 2, 3.75, 9):
        assert grid.count("b", grid.time("b", number)) == pytest.approx(number)
    assert grid.count("b", 1.875) == 1.5
    assert grid.time("b", 6) == 4.5  # at the tempo of the end
    assert barred([]).count("b", 7) == 0


@pytest.mark.parametrize(
    ("text", "bars"),
    [
        pytest.param("0.5\n1.0\n1.5\n2.0\n2.5\n", [0.5, 2.5], id="times alone"),
        pytest.param("0.5\t4\n1.0\t1\n1.5\t2\n2.0\t3\n2.5\t4\n", [1.0], id="beat_this and madmom"),
        pytest.param("0.5\t0.5\tx\n1.0\t1.0\t1\n1.5\t1.5\t2\n2.0\t2.0\t1\n2.5\t2.5\t\n", [1.0, 2.0], id="Audacity"),
    ],
)
def test_files_of_beats(tmp_path: Path, text: str, bars: list[float]) -> None:
    (tmp_path / "beats.tsv").write_text(text)
    grid = read_beats(tmp_path / "beats.tsv")
    assert grid.beats == (0.5, 1.0, 1.5, 2.0, 2.5)
    assert list(grid.bars) == bars
    assert grid.bpm == 120


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0.5\n0.4\n", "line 2: 0.4 s is not after the beat before it"),
        ("0.5\nnow\n", 'line 2: "now" does not begin with a time'),
        ("-1\n", "line 1: the time is -1. Allowed"),
        ("nan\n", "line 1: the time is nan. Allowed"),
        ("0.5\n", "has 1 beats; at least two"),
        ("\0\x81", "line 1"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "beats.tsv"
    path.write_text(text)
    with pytest.raises(InputError, match="beats") as error:
        read_beats(path)
    assert told in str(error.value)
