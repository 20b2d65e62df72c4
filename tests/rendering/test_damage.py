"""What a disk or a person has changed in the working folder of a stopped render."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from tests.rendering.synthetic import job, maker, states, watching
from zoomdream.encode import metadata
from zoomdream.errors import ConfigError, OutputError, RenderInterrupted
from zoomdream.rendering import Job, loop, publish, render_frames
from zoomdream.rendering.job import recall
from zoomdream.rendering.recording import Recording
from zoomdream.types import State

Decoded = Callable[[Path], list[str]]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes are POSIX's")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a render of 100 frames leaves that is stopped when three segments are kept."""
    wanted = job(tmp_path_factory.mktemp("kept") / "a.mp4", 100)
    stop(wanted)
    return wanted.output.parent


@pytest.fixture
def stopped(tmp_path: Path, kept: Path) -> Job:
    """Such a render."""
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    return job(tmp_path / "a.mp4", 100)


def stop(wanted: Job) -> None:
    def make(start: State | None) -> Iterator[State]:
        yield from states(start, 96)
        raise KeyboardInterrupt

    with pytest.raises(RenderInterrupted):
        render_frames(make, wanted)


def folder(wanted: Job) -> Path:
    return wanted.output.with_name("a.mp4.zoomdream")


def rot(path: Path) -> None:
    """Change four bytes in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4] = bytes(255 - byte for byte in data[len(data) // 2 : len(data) // 2 + 4])
    path.write_bytes(data)


def go_on(wanted: Job) -> tuple[int, list[str]]:
    """After how many frames the render has gone on, and of what it has warned."""
    begun: list[int] = []
    said: list[str] = []

    def make(start: State | None) -> Iterator[State]:
        begun.append(0 if start is None else start.index + 1)
        return states(start, wanted.frames)

    render_frames(make, wanted, observers=watching(lambda told: said.append(told.message) if told.warning else None))
    return begun[0], said


@pytest.mark.parametrize(
    ("names", "after"),
    [
        (["segment_00002.mp4"], 60),
        (["state.safetensors"], 60),
        (["state.before.safetensors"], 90),
        (["state.safetensors", "segment_00000.mp4"], 0),
        (["state.safetensors", "state.before.safetensors"], 0),
    ],
)
def test_what_is_damaged_is_rendered_again_after_the_last_good_state_and_told(
    stopped: Job, names: list[str], after: int, decoded: Decoded
) -> None:
    for name in names:
        rot(folder(stopped) / name)
    begun, said = go_on(stopped)
    assert begun == after
    assert [name in said[0] for name in names] == [True] * len(names) if after < 90 else not said
    render_frames(maker(100), job(stopped.output.with_name("whole.mp4"), 100))
    assert decoded(stopped.output) == decoded(stopped.output.with_name("whole.mp4"))
    assert {entry.name for entry in stopped.output.parent.iterdir()} == {"a.mp4", "whole.mp4"}


@pytest.mark.parametrize(("names", "dreamed"), [(["00000"], 30 + 10), (["00001", "00000"], 60 + 10)])
@pytest.mark.parametrize("lost", [rot, Path.unlink])
def test_of_a_damaged_early_segment_only_what_leads_up_to_it_is_dreamed_again(
    stopped: Job, names: list[str], dreamed: int, lost: Callable[[Path], None], decoded: Decoded
) -> None:
    for name in names:
        lost(folder(stopped) / f"segment_{name}.mp4")
    made: list[int] = []

    def make(start: State | None) -> Iterator[State]:
        for state in states(start, stopped.frames):
            made.append(state.index)
            yield state

    render_frames(make, stopped)
    assert len(made) == dreamed
    render_frames(maker(100), job(stopped.output.with_name("whole.mp4"), 100))
    assert decoded(stopped.output) == decoded(stopped.output.with_name("whole.mp4"))


def test_who_stops_while_an_early_segment_is_rendered_again_keeps_the_rest(stopped: Job) -> None:
    rot(folder(stopped) / "segment_00000.mp4")

    def make(start: State | None) -> Iterator[State]:
        for state in states(start, stopped.frames):
            if state.index == 10:
                raise KeyboardInterrupt
            yield state

    with pytest.raises(RenderInterrupted, match="is used when the same command runs again"):
        render_frames(make, stopped)
    assert (folder(stopped) / "segment_00001.mp4").is_file()


def test_a_damaged_early_segment_that_does_not_come_back_begins_the_render_anew(stopped: Job) -> None:
    """As where another version dreams it."""
    rot(folder(stopped) / "segment_00000.mp4")
    begun: list[int] = []

    def make(start: State | None) -> Iterator[State]:
        begun.append(0 if start is None else start.index + 1)
        for state in states(start, stopped.frames):
            yield replace(state, picture=1 - state.picture)

    render_frames(make, stopped)
    assert begun == [0, 0]


def test_a_kept_segment_that_cannot_be_read_is_noticed_at_the_start(stopped: Job) -> None:
    (folder(stopped) / "segment_00002.mp4").write_bytes(b"")
    assert go_on(stopped)[0] == 60


@pytest.mark.parametrize("times", [1, 99])
def test_what_is_damaged_while_the_rest_is_rendered_is_noticed_before_joining(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decoded: Decoded, times: int
) -> None:
    wanted, keep, again, damaged = job(tmp_path / "a.mp4", 40), Recording.keep, loop._record_again, []

    def damage() -> None:
        if len(damaged) < times:
            damaged.append(1)
            rot(folder(wanted) / "segment_00000.mp4")

    def kept(recording: Recording, state: State) -> None:
        keep(recording, state)
        if state.index == 39:
            damage()

    def recorded_again(*arguments: Any) -> None:
        again(*arguments)
        damage()

    render_frames(maker(40), job(tmp_path / "whole.mp4", 40))
    monkeypatch.setattr(Recording, "keep", kept)
    monkeypatch.setattr(loop, "_record_again", recorded_again)
    if times > 1:
        with pytest.raises(OutputError, match="the disk damages"):
            render_frames(maker(40), wanted)
        return
    render_frames(maker(40), wanted)
    assert decoded(wanted.output) == decoded(tmp_path / "whole.mp4")


def test_numbered_pictures_are_looked_at_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One may be in its place already: a render can be killed while they are published."""
    wanted = job(tmp_path / "f" / "%05d.png", 40, "png")
    with monkeypatch.context() as patch:
        patch.setattr(publish, "_move_pictures", interrupted)
        with pytest.raises(RenderInterrupted):
            render_frames(maker(40), wanted)
    kept = tmp_path / "f.zoomdream"
    wanted.output.parent.mkdir(exist_ok=True)
    os.replace(kept / "segment_00000" / "00000.png", tmp_path / "f" / "00000.png")
    render_frames(never, wanted)
    assert len(list((tmp_path / "f").iterdir())) == 40


def test_a_rotten_numbered_picture_is_made_again(tmp_path: Path) -> None:
    wanted = job(tmp_path / "f" / "%05d.png", 100, "png")
    stop(wanted)
    rot(tmp_path / "f.zoomdream" / "segment_00002" / "00007.png")
    assert go_on(wanted)[0] == 60


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def never(start: State | None) -> Iterator[State]:
    raise AssertionError("nothing is left to dream")


@pytest.mark.parametrize(
    ("facts", "tensors"),
    [
        ({}, {"picture": torch.zeros(1, 3, 48, 64)}),
        ({"index": "29", "channels_last": "picture"}, {"picture": torch.zeros(7)}),
        ({"index": "29", "channels_last": ""}, {"picture": torch.zeros(1, 3, 48, 64, dtype=torch.int64)}),
        ({"index": "-5", "channels_last": ""}, {"picture": torch.zeros(1, 3, 48, 64)}),
        ({"index": "1" + "0" * 12, "channels_last": ""}, {"picture": torch.zeros(1, 3, 48, 64)}),
        ({"index": "9" * 5000, "channels_last": ""}, {"picture": torch.zeros(1, 3, 48, 64)}),
    ],
)
@pytest.mark.parametrize("summed", [False, True])
def test_a_state_that_is_none_is_damaged_whatever_it_holds(
    stopped: Job, facts: dict[str, str], tensors: dict[str, torch.Tensor], summed: bool
) -> None:
    from zoomdream.rendering.state_file import _checksum

    (folder(stopped) / "state.before.safetensors").unlink()
    facts = {**facts, "sums": ""}
    save_file(
        tensors,
        folder(stopped) / "state.safetensors",
        {**facts, **({"checksum": _checksum(facts, tensors)} if summed else {})},
    )
    assert go_on(stopped)[0] == 0


def test_nested_brackets_without_end_are_a_damaged_run(stopped: Job) -> None:
    (folder(stopped) / "run.json").write_text("[" * 100_000)
    with pytest.raises(OutputError, match=r"damaged.*--restart"):
        render_frames(maker(100), stopped)


def test_nested_brackets_in_the_comment_of_a_video_are_no_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.mp4").touch()
    origin = metadata.Origin("1", "a", "# made with " + "[" * 100_000)
    monkeypatch.setattr(metadata, "read_origin", lambda *_: origin)
    assert recall(tmp_path / "a.mp4", Path("ffmpeg")) is None


@pytest.mark.parametrize("number", ["encoder_threads", "tile"])
def test_a_changed_digit_in_the_run_is_noticed(stopped: Job, number: str) -> None:
    place = folder(stopped) / "run.json"
    run = json.loads(place.read_text())
    run["plan"][number] += 1
    place.write_text(json.dumps(run))
    with pytest.raises(OutputError, match="damaged"):
        render_frames(maker(100), stopped)


@POSIX
@pytest.mark.parametrize("name", ["lock", "run.json", "state.safetensors", "segment_00000.mp4"])
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_nothing_in_a_working_folder_leads_out_of_it_or_is_waited_for(stopped: Job, name: str, kind: str) -> None:
    place, thesis = folder(stopped) / name, stopped.output.with_name("thesis.txt")
    thesis.write_text("years of work")
    place.unlink()
    if kind == "link":
        place.symlink_to(thesis)
    else:
        os.mkfifo(place)
    with pytest.raises(OutputError, match=r"--restart|move that away"):
        render_frames(maker(100), stopped)
    assert (recall(stopped.output, stopped.settings.program) is None) == (name == "run.json")
    assert thesis.read_text() == "years of work"


def test_a_folder_in_the_place_of_the_last_state_gives_way_to_the_state_before(stopped: Job) -> None:
    (folder(stopped) / "state.safetensors").unlink()
    (folder(stopped) / "state.safetensors" / "x").mkdir(parents=True)
    assert go_on(stopped)[0] == 60


def test_a_folder_in_the_place_of_the_lock_is_to_be_moved_away(stopped: Job) -> None:
    (folder(stopped) / "lock").unlink()
    (folder(stopped) / "lock").mkdir()
    with pytest.raises(OutputError, match=r"lock is not a file of a render's: move that away"):
        render_frames(maker(100), stopped)


@POSIX
def test_a_pipe_in_the_place_of_the_config_beside_an_output_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.gif.yaml")
    with pytest.raises(ConfigError, match="not made by a render"):
        render_frames(maker(2), job(tmp_path / "a.gif", 2, "gif"))
