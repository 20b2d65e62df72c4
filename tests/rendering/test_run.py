"""run.json: what a stopped render goes on with, and what it says where it cannot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.rendering.synthetic import job, maker, states, watching
from zoomdream.encode.segment import EncodeSettings
from zoomdream.errors import OutputError, RenderInterrupted
from zoomdream.rendering import Job, render_frames
from zoomdream.rendering.run import FORMAT, Run, parse_plan, parse_run, write_run
from zoomdream.types import Plan, State

PLAN = Plan("cpu", "float32", 1, "yuv420p", cuts=(3, 17), tile=512, encoder_threads=2)
RUN = Run("a" * 64, 40, 7, PLAN, {"torch": "2"}, True, False, "frames: 1\n")


@pytest.fixture
def stopped(tmp_path: Path) -> Job:
    """A render of 40 frames, stopped when 30 were kept."""

    def make(start: State | None) -> Iterator[State]:
        yield from states(start, 36)
        raise KeyboardInterrupt

    wanted = job(tmp_path / "a.mp4", 40)
    with pytest.raises(RenderInterrupted):
        render_frames(make, wanted)
    return wanted


def run_file(wanted: Job) -> Path:
    return wanted.output.with_name("a.mp4.zoomdream") / "run.json"


def test_a_run_is_read_as_it_was_written() -> None:
    assert parse_run(write_run(RUN)) == RUN


@pytest.mark.parametrize("name", ["format", "checksum", *Run.__slots__])
@pytest.mark.parametrize("change", ["missing", "odd"])
def test_a_run_in_which_anything_is_missing_or_odd_is_none(name: str, change: str) -> None:
    plain = json.loads(write_run(RUN))
    assert name in plain
    if change == "missing":
        del plain[name]
    else:
        plain[name] = [plain[name]]
    with pytest.raises(ValueError, match="another version" if name == "format" else "damaged"):
        parse_run(json.dumps(plain))


@pytest.mark.parametrize("name", Plan.__slots__)
@pytest.mark.parametrize("change", ["missing", "odd"])
def test_a_plan_in_which_anything_is_missing_or_odd_is_none(name: str, change: str) -> None:
    plain = asdict(PLAN)
    assert parse_plan({**plain, "opencv": "5.0"}) == PLAN
    assert (
        parse_plan(
            {key: value for key, value in plain.items() if key != name} if change == "missing" else {**plain, name: {}}
        )
        is None
    )


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "1"])
def test_what_is_no_run_at_all_is_damaged(text: str) -> None:
    with pytest.raises(ValueError, match="damaged"):
        parse_run(text)


def test_true_is_no_number() -> None:
    with pytest.raises(ValueError, match="damaged"):
        parse_run(write_run(RUN).replace('"seed": 7', '"seed": true'))


@pytest.mark.parametrize("kind", ["another version", "damaged"])
def test_a_stopped_render_that_cannot_go_on_says_so_and_is_kept_until_restart(stopped: Job, kind: str) -> None:
    place = run_file(stopped)
    plain = json.loads(place.read_text())
    text = json.dumps({**plain, "format": FORMAT + 1}) if kind == "another version" else place.read_text()[:-40]
    place.write_text(text)
    with pytest.raises(OutputError, match=rf"run\.json .*{kind}.*--restart"):
        render_frames(maker(40), stopped)
    assert place.read_text() == text
    assert place.with_name("segment_00000.mp4").is_file()
    render_frames(maker(40), stopped, restart=True)
    assert [entry.name for entry in stopped.output.parent.iterdir()] == ["a.mp4"]


def test_a_damaged_run_with_nothing_finished_stands_in_nobodys_way(stopped: Job) -> None:
    run_file(stopped).write_text("{")
    run_file(stopped).with_name("state.safetensors").unlink()
    assert render_frames(maker(40), stopped).is_file()


def test_what_is_left_is_encoded_as_what_is_there(stopped: Job) -> None:
    run = parse_run(run_file(stopped).read_text())
    run_file(stopped).write_text(write_run(replace(run, plan=replace(run.plan, encoder_threads=5))))
    settings: list[EncodeSettings] = []
    render_frames(maker(40), stopped, fill=lambda recording: settings.append(recording.settings))
    assert [one.threads for one in settings] == [5]


@pytest.mark.parametrize("library", ["zoomdream", "torch", "opencv", "scenedetect", "ffmpeg"])
def test_a_resumed_render_says_which_library_has_changed_since_its_start(stopped: Job, library: str) -> None:
    run = parse_run(run_file(stopped).read_text())
    run_file(stopped).write_text(write_run(replace(run, versions={**run.versions, library: "0.1"})))
    said: list[str] = []
    render_frames(maker(40), stopped, observers=watching(lambda progress: said.append(progress.message)))
    assert said[0].startswith(f"going on after frame 30; {library} 0.1 is now ")
    assert said[0].count(" is now ") == 1
