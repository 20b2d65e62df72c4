"""What was found before is found again, and a cache that cannot be used is as good as none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zoomdream.music import cache
from zoomdream.music.cache import remembered


def made() -> dict[str, np.ndarray]:
    return {"values": np.arange(3)}


def never() -> dict[str, np.ndarray]:
    raise AssertionError("it is known already")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "zoomdream" / "music"


def test_it_is_made_once_for_each_kind_and_content() -> None:
    remembered("beats", "a", made)
    assert list(remembered("beats", "a", never)["values"]) == [0, 1, 2]
    for other in (("beats", "b"), ("drums", "a")):
        with pytest.raises(AssertionError):
            remembered(*other, never)


def test_a_damaged_file_is_made_again(folder: Path) -> None:
    remembered("beats", "a", made)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    directory = whole.rindex(b"PK\x01\x02")
    foreign = whole[: directory + 10] + b"\xff" + whole[directory + 11 :]  # another way of compressing
    for data in (b"", b"not a zip", whole[:-40], foreign):
        file.write_bytes(data)
        assert list(remembered("beats", "a", made)["values"]) == [0, 1, 2]


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "zoomdream").write_text("a file in the way")
    assert list(remembered("beats", "a", made)["values"]) == [0, 1, 2]


def test_the_oldest_are_thrown_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_MOST_FILES", 2)
    for content in "abc":
        remembered("beats", content, made)
    assert len(list(folder.iterdir())) == 2
