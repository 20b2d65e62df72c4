"""A real render in a process of its own, killed in the middle of things."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rendering.rendering import Rendering
from tests.rendering.synthetic import job, maker
from zoomdream.rendering import render_frames

Start = Callable[[Path, int, float], Rendering]
FRAMES = 75

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")


def test_killed_at_any_moment_a_render_ends_with_the_same_frames(
    tmp_path: Path, start: Start, decoded: Callable[[Path], list[str]]
) -> None:
    render_frames(maker(FRAMES), job(tmp_path / "whole.mp4", FRAMES))
    output = tmp_path / "killed.mp4"
    moments = random.Random(5)
    for text in (
        "starting",
        "done=3,",
        "done=30,",
        "done=33,",
        "done=61,",
        "done=75,",
        "joining",
        "joining",
        "joining",
    ):
        rendering = start(output, FRAMES, 0.005)
        rendering.wait_for(text)
        time.sleep(moments.uniform(0, 0.1))
        rendering.kill()
    assert start(output, FRAMES, 0).end() == "done"
    assert decoded(output) == decoded(tmp_path / "whole.mp4")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["killed.mp4", "whole.mp4"]


def test_numbered_pictures_survive_being_killed_while_they_are_delivered(tmp_path: Path, start: Start) -> None:
    output = tmp_path / "frames" / "%05d.png"
    for _ in range(3):
        rendering = start(output, 40, 0)
        rendering.wait_for("joining")
        rendering.kill()
    assert start(output, 40, 0).end() == "done"
    assert len(list(output.parent.iterdir())) == 40


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_within_a_frame_and_keeps_what_is_finished(tmp_path: Path, start: Start, number: int) -> None:
    rendering = start(tmp_path / "a.mp4", 300, 0.02)
    rendering.wait_for("done=40,")
    assert rendering.pid is not None
    os.kill(rendering.pid, number)
    said = rendering.end()
    assert said.startswith("RenderInterrupted: Stopped. 30 of 300 frames")
    assert (tmp_path / "a.mp4.zoomdream" / "segment_00000.mp4").exists()
    assert not (tmp_path / "a.mp4").exists()


def test_a_second_render_of_the_same_output_is_told_who_has_it(tmp_path: Path, start: Start) -> None:
    first = start(tmp_path / "a.mp4", 300, 0.02)
    first.wait_for("done=1,")
    said = start(tmp_path / "a.mp4", 300, 0).end()
    first.kill()
    assert said == f"OutputError: a.mp4 is being rendered by process {first.pid} already."


def test_the_lock_goes_with_a_killed_process(tmp_path: Path, start: Start) -> None:
    first = start(tmp_path / "a.mp4", 5, 0.02)
    first.wait_for("done=1,")
    first.kill()
    assert start(tmp_path / "a.mp4", 5, 0).end() == "done"
