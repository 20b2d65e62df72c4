"""The working folder: what a killed render has left half written goes, what is not ours stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoomdream.errors import OutputError
from zoomdream.rendering.workspace import Workspace


def test_what_was_half_written_when_a_render_was_killed_goes_at_the_next_start(tmp_path: Path) -> None:
    folder = tmp_path / "a.mp4.zoomdream"
    folder.mkdir()
    for name in ("run.json", "state.safetensors", "segment_00000.mp4", "segment_00001.0123abcd.partial.mp4"):
        (folder / name).touch()
    (folder / "segment_00002.0123abcd.partial").mkdir()
    with Workspace(folder):
        there = {entry.name for entry in folder.iterdir()}
    assert there == {"lock", "run.json", "state.safetensors", "segment_00000.mp4"}


def test_a_folder_with_something_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a.mp4.zoomdream"
    folder.mkdir()
    (folder / "thesis.txt").touch()
    (folder / "segment_00001.0123abcd.partial.mp4").touch()
    with pytest.raises(OutputError, match=r"thesis\.txt: move that away"):
        Workspace(folder)
    assert {"thesis.txt", "segment_00001.0123abcd.partial.mp4"} <= {entry.name for entry in folder.iterdir()}
