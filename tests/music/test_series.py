"""Tables of times and values."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoomdream.errors import InputError
from zoomdream.music.series import read_table


@pytest.mark.parametrize(
    "text", ["time,value\n0.0,1\n0.1,3\n", "0\t1\n0.1\t3\n", "# kick\ntime;value\n0; 1\n\n0.1; 3\n"]
)
def test_a_table_goes_straight_from_value_to_value(tmp_path: Path, text: str) -> None:
    (tmp_path / "kick.csv").write_text(text)
    assert list(read_table(tmp_path / "kick.csv")) == pytest.approx([1 + 0.2 * row for row in range(11)])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0,1\n0.1,\n0.2,3\n", 'line 2: "0.1," is not a time and a value. A series has no holes'),
        ("0,1\n0.2,nan\n", "line 2"),
        ("0,1\n0.2,1e300\n", "line 2"),
        ("0,1\n0.2,3\n0.2,4\n", "line 3: 0.2 s is not after"),
        ("time,value\n", "holds no times"),
        ("0,1,2\n", "line 1"),
    ],
)
def test_holes_and_disorder_are_told_with_their_line(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "kick.csv").write_text(text)
    with pytest.raises(InputError) as error:
        read_table(tmp_path / "kick.csv")
    assert told in str(error.value)
