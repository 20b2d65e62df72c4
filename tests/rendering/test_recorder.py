"""What the recorder does not record."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.rendering.synthetic import job, states
from zoomdream.encode.segment import SegmentWriter
from zoomdream.errors import OutputError, RenderInterrupted
from zoomdream.machine.workers import WorkerQueue
from zoomdream.rendering import render_frames
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


def test_a_segment_is_closed_while_the_next_one_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beyond, close = threading.Event(), SegmentWriter.close

    def patient(writer: SegmentWriter) -> Path:
        assert beyond.wait(30), "nothing of the next segment was taken before this one was closed"
        return close(writer)

    def make(start: State | None) -> Iterator[State]:
        for state in states(start, 70):
            yield state
            if state.index == 45:
                beyond.set()

    monkeypatch.setattr(SegmentWriter, "close", patient)
    assert render_frames(make, job(tmp_path / "a.mp4", 70)).exists()


def test_a_segment_that_cannot_be_closed_is_an_error_and_nothing_after_it_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = SegmentWriter.close
    closed: list[Path] = []

    def failing(writer: SegmentWriter) -> Path:
        if closed:
            raise OutputError("the second cannot be closed")
        closed.append(close(writer))
        return closed[0]

    monkeypatch.setattr(SegmentWriter, "close", failing)
    with pytest.raises(OutputError, match="the second cannot be closed"):
        render_frames(lambda start: states(start, 200), job(tmp_path / "a.mp4", 200))
    names = {entry.name for entry in (tmp_path / "a.mp4.zoomdream").iterdir()}
    assert names == {"lock", "run.json", "segment_00000.mp4", "state.safetensors", "watch.m3u"}
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("zoomdream")]


def test_who_interrupts_twice_does_not_wait_for_the_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second Ctrl-C comes while the recorder writes what it was given."""
    finish = WorkerQueue.finish
    interrupted: list[object] = []

    def impatient(queue: WorkerQueue[Any]) -> None:
        if threading.current_thread() is threading.main_thread() and not interrupted:
            interrupted.append(queue)
            raise KeyboardInterrupt
        finish(queue)

    def make(start: State | None) -> Iterator[State]:
        for state in states(start, 70):
            yield state
            if state.index == 40:
                raise KeyboardInterrupt

    monkeypatch.setattr(WorkerQueue, "finish", impatient)
    with pytest.raises(RenderInterrupted):
        render_frames(make, job(tmp_path / "a.mp4", 70))
    assert interrupted
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("zoomdream")]
    assert not list(tmp_path.rglob("*.partial*"))
