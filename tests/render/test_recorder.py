"""What the recorder does not record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from synthetic import job, states

from zoomdream.errors import OutputError
from zoomdream.render import render_frames
from zoomdream.types import State


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "h264"), ("frames/%05d.png", "png"), ("a.png", "png")])
@pytest.mark.parametrize("since", [3, 33])
def test_a_picture_of_no_numbers_is_an_error_and_no_segment_of_it_is_kept(
    tmp_path: Path, value: float, name: str, codec: str, since: int
) -> None:
    def make(start: State | None) -> Iterator[State]:
        for state in states(start, 40):
            if state.index == since:
                state.picture[0, 1, 5, 7] = value  # and those after it are made of it
            yield state

    wanted = job(tmp_path / name, 40, codec)
    with pytest.raises(OutputError, match=r"performance\.precision .*dream\.step_size"):
        render_frames(make, wanted)
    whole = since // 30
    kept = [path for path in tmp_path.rglob("segment_*") if path.parent.name.endswith(".zoomdream")]
    assert len(kept) == whole
    assert not list(tmp_path.rglob("*.partial*"))
    assert not wanted.output.exists()
    assert not (tmp_path / "frames").exists()
    resumed: list[State | None] = []

    def sound(start: State | None) -> Iterator[State]:
        resumed.append(start)
        return states(start, 40)

    render_frames(sound, wanted)
    (start,) = resumed
    assert (start is not None) == bool(whole)
    assert start is None or bool(torch.isfinite(start.picture).all())
