from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rendering.synthetic import job, maker
from zoomdream.errors import OutputError
from zoomdream.rendering import render_frames

Disk = Callable[[int], Path]


def test_a_disk_that_is_full_at_once_leaves_nothing(disk: Disk) -> None:
    folder = disk(40)
    with pytest.raises(OutputError, match="disk is full"):
        render_frames(maker(70), job(folder / "a.mp4", 70))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("kilobytes", [200, 270, 400])
def test_a_disk_that_fills_up_keeps_what_is_finished_until_there_is_room(
    disk: Disk, tmp_path: Path, kilobytes: int, decoded: Callable[[Path], list[str]]
) -> None:
    folder = disk(kilobytes)
    with pytest.raises(OutputError, match="disk is full"):
        render_frames(maker(70, pause=0.02), job(folder / "a.mp4", 70))  # so that segments end one by one
    assert [entry.name for entry in folder.iterdir()] == ["a.mp4.zoomdream"]
    assert (folder / "a.mp4.zoomdream" / "segment_00000.mp4").exists()
    disk(5000)
    render_frames(maker(70), job(folder / "a.mp4", 70))
    render_frames(maker(70), job(tmp_path / "whole.mp4", 70))
    assert decoded(folder / "a.mp4") == decoded(tmp_path / "whole.mp4")


def test_a_folder_that_cannot_be_written_is_an_output_error(disk: Disk) -> None:
    folder = disk(5000)
    (folder / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be written"):
        render_frames(maker(5), job(folder / "file" / "a.mp4", 5))
    assert (folder / "file").read_text() == "x"
