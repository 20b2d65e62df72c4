"""The shots of a clip, rendered apart and put together, are the frames of a render in one go."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.batch.test_scheduler import Pretended
from tests.emulated_encoders import asked, emulated_ffmpeg
from zoomdream import ffmpeg
from zoomdream.api import load_config
from zoomdream.batch import work
from zoomdream.batch.parallel_shots.shots import split
from zoomdream.batch.renders import Render
from zoomdream.batch.scheduler import schedule
from zoomdream.batch.work import Advanced, Event, Failed, Finished, WarmNetworks, Work, perform
from zoomdream.cli import main
from zoomdream.config import Config
from zoomdream.ffmpeg import probe
from zoomdream.rendering import render

Decoded = Callable[[Path], list[str]]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def config(shots: Path) -> Config:
    return load_config(shots)


def done(work: Work, networks: WarmNetworks) -> list[Event]:
    told: list[Event] = []
    perform(work, networks, told.append)
    assert isinstance(told[-1], Finished), told[-1]
    return told


@pytest.mark.parametrize("output", ["clip.mp4", "clip.mkv", "clip.gif"])
def test_parts_become_the_very_same_video(config: Config, output: str, decoded: Decoded) -> None:
    changes = {"clip.mkv": ["encode.pixel_format=yuv420p10le"], "clip.gif": ["encode.codec=gif", "encode.preset="]}
    config = load_config("clip.yaml", changes.get(output, []), output=output)
    alone = render(config.model_copy(update={"output": Path(f"alone_{output}")}))
    found = split(config, 1, 100)
    assert found is not None
    plan, parts = found
    assert [(part.begin, part.end) for part in parts] == [(0, 5), (5, 65), (65, 70), (70, 73)]
    networks = WarmNetworks()
    for key, part in enumerate(reversed(parts)):  # in any order
        told = done(Work(key, config, 1, plan=plan, part=part, parts=parts), networks)
        assert [event.progress.done for event in told if isinstance(event, Advanced)][-1] == part.end - part.begin
    assert not Path(output).exists()
    there = parts[0].folder.parent.glob("segment_*")
    shared = {path.stem for path in there if path.suffix != ".checksum"}
    assert shared == {"segment_00000", "segment_00002"}, "nothing is left to be encoded at the end"
    done(Work(9, config, 1, plan=plan, parts=parts), networks)
    assert decoded(Path(output)) == decoded(alone)
    assert not list(Path().glob("*zoomdream*"))
    if output == "clip.mp4":
        assert probe.probe(ffmpeg.executable(), Path(output)).audio == "aac"
        assert render(config) == Path(output)  # it is that render, and finished


def test_hardware_that_does_not_work_is_told_before_a_part_is_dreamed(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = emulated_ffmpeg(tmp_path / "bin", "refuses")
    monkeypatch.setenv("PATH", str(program.parent))
    config = load_config("clip.yaml", ["encode.hardware=qsv", "encode.ffmpeg=path", "encode.preset="])
    found = split(config, 1, 100)
    assert found is not None
    plan, parts = found
    told: list[Event] = []
    perform(Work(0, config, 1, plan=plan, part=parts[0], parts=parts), WarmNetworks(), told.append)
    assert isinstance(told[-1], Failed)
    assert "qsv does not work here: h264_qsv cannot encode" in told[-1].text
    assert (told[-1].exit_code, told[-1].passing) == (4, False)
    assert len(asked(program)) == 1


def test_neighbouring_shots_go_together_where_fewer_parts_are_wanted(config: Config) -> None:
    found = split(config, 1, 2)
    assert found is not None
    assert [(part.begin, part.end) for part in found[1]] == [(0, 65), (65, 73)]
    assert split(config, 1, 1) is None
    assert split(load_config("clip.yaml", ["flow.cuts=off"]), 1, 100) is None


def test_the_last_clip_is_done_shot_by_shot_and_the_longest_come_first(config: Config) -> None:
    found = [Render(Path(), {}, config.model_copy(update={"output": Path(f"{number}.mp4")})) for number in range(3)]
    engine = Pretended(lambda work, attempt: Finished(work.key, 1.0))
    schedule(found, engine, lambda changed: None)
    assert [one.status for one in found] == ["done"] * 3
    assert [spans(work) for work in engine.works] == [None, None, (0, 65), (65, 73), None]
    assert [len(work.parts) for work in engine.works] == [0, 0, 2, 2, 2]
    assert found[2].done == 73
    engine = Pretended(lambda work, attempt: Finished(work.key, 1.0), jobs=4)
    schedule([Render(Path(), {}, config)], engine, lambda changed: None)
    assert [spans(work) for work in engine.works] == [(5, 65), (0, 5), (65, 70), (70, 73), None]


def spans(work: Work) -> tuple[int, int] | None:
    return None if work.part is None else (work.part.begin, work.part.end)


def test_one_worker_does_a_clip_in_one_piece(config: Config) -> None:
    engine = Pretended(lambda work, attempt: Finished(work.key, 1.0), jobs=1)
    schedule([Render(Path(), {}, config)], engine, lambda changed: None)
    assert [work.parts for work in engine.works] == [()]


def test_a_part_that_was_stopped_goes_on_after_its_last_segment(
    config: Config, decoded: Decoded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "_SECONDS_BETWEEN_REPORTS", 0.0)  # the whole part may take less than what is usual
    alone = render(load_config("clip.yaml", output="alone.mp4"))
    found = split(config, 1, 100)
    assert found is not None
    plan, parts = found
    networks = WarmNetworks()

    def stop(event: Event) -> None:
        if event.key == 1 and isinstance(event, Advanced) and event.progress.done > 60 - 5:
            # it is being written beside the dreaming, which with so small a network may be over before
            written = Path(parts[1].folder, "segment_00001.mp4")
            for _ in range(6000):
                if written.exists():
                    break
                time.sleep(0.01)
            raise KeyboardInterrupt
        told.append(event)

    told: list[Event] = []
    for key, part in enumerate(parts):
        perform(Work(key, config, 1, plan=plan, part=part, parts=parts), networks, stop)
    assert [event.stopped for event in told if isinstance(event, Failed)] == [True]
    told = done(Work(1, config, 1, plan=plan, part=parts[1], parts=parts), networks)
    assert next(event.progress.done for event in told if isinstance(event, Advanced)) == 60 - 5
    done(Work(9, config, 1, plan=plan, parts=parts), networks)
    assert decoded(Path("clip.mp4")) == decoded(alone)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_batch_of_one_clip_uses_several_workers_and_survives_being_killed(
    config: Config, batch: Start, decoded: Decoded
) -> None:
    words = ("clip.yaml", "--jobs", "2", "--set", "dream.every=1")
    process = batch(*words)
    while not list(Path().glob("clip.mp4.zoomdream-parts/*/*/state.safetensors")) and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not Path("clip.mp4").exists()
    assert main(["batch", *words, "--quiet", "--report", "report.json"]) == 0
    (one,) = json.loads(Path("report.json").read_text())["renders"]
    assert (one["status"], one["done"], one["frames"]) == ("done", 73, 73)
    assert sorted(os.listdir()) == ["clip.mp4", "clip.yaml", "report.json"]
    assert decoded(Path("clip.mp4")) == decoded(render(load_config("clip.yaml", ["dream.every=1"], output="alone.mp4")))


@pytest.mark.parametrize("name", ["state.safetensors", "frames_00000.raw"])
def test_what_a_disk_has_damaged_in_a_finished_part_is_rendered_again_by_the_next_start(
    shots: Path, name: str, decoded: Decoded
) -> None:
    config = load_config("clip.yaml", output="clip.mp4")
    alone = render(config.model_copy(update={"output": Path("alone.mp4")}))
    found = split(config, 1, 100)
    assert found is not None
    plan, parts = found
    networks = WarmNetworks()

    def all_parts() -> None:
        for key, part in enumerate(parts):
            done(Work(key, config, 1, plan=plan, part=part, parts=parts), networks)

    all_parts()
    place = parts[1].folder / name
    place.write_bytes(place.read_bytes()[:-4] + b"good")
    told: list[Event] = []
    perform(Work(9, config, 1, plan=plan, parts=parts), networks, told.append)
    assert isinstance(told[-1], Failed)
    assert f"is damaged ({name})" in told[-1].text
    all_parts()
    done(Work(9, config, 1, plan=plan, parts=parts), networks)
    assert decoded(Path("clip.mp4")) == decoded(alone)
