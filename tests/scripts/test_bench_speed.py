"""The arithmetic of bench_speed, where the answer is known; and parts of it once, small."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from bench import processes
from bench.report import Report
from bench.speed import accuracy, renders
from bench.speed.timing import Clock, Elsewhere, Setting, take_turns

import zoomdream
from zoomdream.config import Config
from zoomdream.rendering import Progress

SIZE = (96, 64)
FRAMES_OF_A_RENDER = 40


@pytest.fixture
def setting(random_googlenet: Path, random_torchvision: Path, tmp_path: Path) -> Setting:
    return Setting(Clock(), 1, ("float32",), 1, True, random_googlenet, random_torchvision, True, tmp_path, SIZE)


def test_every_second_round_runs_in_reverse_and_gives_a_ratio_of_its_own() -> None:
    order: list[str] = []

    def turn(name: str, seconds: list[float]) -> Callable[[], float]:
        def work() -> float:
            order.append(name)
            return seconds.pop(0)

        return work

    turns = take_turns({"floor": turn("floor", [1, 2]), "ours": turn("ours", [3, 8])}, 2, torch.get_num_threads())
    assert order == ["floor", "ours", "ours", "floor"]
    assert turns.ratios("ours", "floor") == [3, 4]
    assert turns.ratio("ours", "floor") == 3.5


def counting() -> Callable[[], float]:
    """Turns that tell the process and its threads."""
    return lambda: os.getpid() + torch.get_num_threads() / 100


def test_turns_elsewhere_share_a_process_that_is_not_this_one_and_ends() -> None:
    turn = Elsewhere(counting, 3)
    turns = take_turns({"there": turn}, 2, torch.get_num_threads())
    first, second = turns.seconds["there"]
    assert first == second
    assert int(first) != os.getpid()
    assert first % 1 == pytest.approx(0.03, abs=1e-3)
    assert not Path(f"/proc/{int(first)}").exists()


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        (FRAMES_OF_A_RENDER, 1.0),  # a window of 30 frames, the end does not count
        (14, 1 + 5 / 14),  # the encoder's delay is everyone's
    ],
)
def test_a_frames_seconds_are_those_of_a_window_of_segments(
    frames: int, expected: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    now = [0.0]

    def fake(config: Any, progress: Callable[[Progress], None]) -> Path:
        now[0] += 50
        progress(Progress(0, frames, None, None, "starting"))
        for done in range(1, frames + 1):
            now[0] += 7 if done <= 4 else 1
            progress(Progress(done, frames, 1.0, 2.0 * (frames - done)))
        now[0] += 5
        progress(Progress(frames, frames, None, 0.0, "joining the segments"))
        now[0] += 9
        path = tmp_path / "made.mp4"
        path.touch()
        return path

    monkeypatch.setattr(zoomdream, "render", fake)
    config = zoomdream.load_config({"frames": frames})
    timed = renders.timed(config, lambda: now[0])  # type: ignore[arg-type]
    assert timed.per_frame == pytest.approx(expected)
    assert timed.first == 57
    assert timed.expected == 2.0 * (frames - 5)
    assert timed.left == frames - 5 + 5 + 9
    assert timed.whole == 50 + 28 + frames - 4 + 14
    assert not (tmp_path / "made.mp4").exists()


@pytest.mark.skipif(not processes.can_see_memory(), reason="needs /proc")
def test_the_memory_of_children_counts_and_what_is_shared_counts_once() -> None:
    hold = "import os, subprocess, sys, time; held = bytes(range(256)) * 4 * 1024 * 60; "  # 60 MiB
    alone = processes.peak_of([sys.executable, "-c", hold + "time.sleep(0.4)"])
    child = hold + "subprocess.run([sys.executable, '-c', sys.argv[1] + 'time.sleep(0.4)'])"
    forked = processes.peak_of([sys.executable, "-c", hold + "os.fork() and os.wait(); time.sleep(0.4)"])
    assert 60 < alone < 200
    assert processes.peak_of([sys.executable, "-c", child, hold]) > 1.7 * alone
    assert forked < 1.3 * alone


def test_the_processors_seconds_pass_only_while_something_works() -> None:
    clock = Clock("cpu")
    before = clock()
    processes.seconds_of([sys.executable, "-c", "sum(range(10**6))"], Clock())
    assert clock() > before  # those of children too


@pytest.fixture
def small_precision(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> Setting:
    monkeypatch.setattr(accuracy, "WINDOW", 8)
    monkeypatch.setattr(accuracy, "PRECISIONS", ("float32", "float32"))
    return dataclasses.replace(setting, precisions=("float32", "bfloat16"))


def test_who_dreams_less_well_from_the_same_pictures_fails(
    small_precision: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def configs(*zoom: Any) -> tuple[Config, Config]:
        exact, other = real(*zoom)
        return exact, other.model_copy(update={"dream": other.dream.model_copy(update={"steps": 1})})

    real = accuracy.configs
    monkeypatch.setattr(accuracy, "configs", configs)
    found = Report()
    accuracy.measure(small_precision, found)
    assert found.figures["precision"]["dreamnet, bfloat16 over float32, less 1"]["objective"] < -0.1
    assert not found.bars["dreamnet: bfloat16's objective off float32's"]["holds"]


def test_a_difference_comes_with_its_standard_error() -> None:
    off, error = accuracy.changes([({"objective": 2.0}, {"objective": 2.2}), ({"objective": 4.0}, {"objective": 4.8})])
    assert off["objective"] == pytest.approx(0.15)
    assert error["objective"] == pytest.approx(0.05)
