"""The time that is left, on made-up series of frames: within a fifth after five of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.rendering.synthetic import job
from zoomdream.api import load_config
from zoomdream.rendering.eta import BLOCK, Eta, ending
from zoomdream.timeline import Timeline


def at(seconds: Sequence[float], passes: Sequence[float], told: int, done: int = 0) -> float:
    """What the ETA is when `told` frames since `done` are done, over what the rest takes."""
    eta, now = Eta(passes, done, 100.0), 100.0
    for index in range(done, done + told):
        now += seconds[index]
        eta.frame_done(now)
    left = eta.seconds_left
    assert left is not None
    return left / sum(seconds[done + told :])


def taken(passes: Sequence[float], *, each: float = 0.4, rest: float = 0.02, spread: float = 0.1) -> list[float]:
    """Seconds that such frames take; the first makes everything ready, and none is quite like another."""
    chance = random.Random(3)
    seconds = [(each * dreams + rest) * chance.uniform(1 - spread, 1 + spread) for dreams in passes]
    seconds[0] += 5 * each
    return seconds


EVERY_FRAME = [11, *[1] * 299]
EVERY_SECOND = [11, *([1, 0] * 150)[:299]]
EVERY_FOURTH = [11, *([1, 0, 0, 0] * 75)[:299]]
WITH_CUTS = [11 if index % 50 == 0 else 1 for index in range(300)]
ONLY_MOVED = [0] * 300
FADING_IN = [*[0] * 20, *[1] * 280]


@pytest.mark.parametrize("told", [5, 6, 10, 45, 100, 200])
@pytest.mark.parametrize(
    "passes",
    [EVERY_FRAME, EVERY_SECOND, EVERY_FOURTH, WITH_CUTS, ONLY_MOVED],
    ids=["every frame", "every second", "every fourth", "cuts", "only moved"],
)
def test_the_time_that_is_left_is_right_within_a_fifth(passes: list[float], told: int) -> None:
    assert at(taken(passes), passes, told) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("passes", [EVERY_FRAME, EVERY_FOURTH, WITH_CUTS], ids=["every frame", "every fourth", "cuts"])
@pytest.mark.parametrize("done", [30, 60, 150])
def test_a_resumed_render_knows_it_too_although_its_first_frame_is_slow(passes: list[float], done: int) -> None:
    seconds = taken(passes)
    seconds[done] += 8
    assert at(seconds, passes, 5, done) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("told", [8, 40, 75, 120])
def test_one_hiccup_counts_for_nothing(told: int) -> None:
    seconds = taken(EVERY_FRAME)
    before = at(seconds, EVERY_FRAME, told)
    seconds[told - 2] += 600
    assert at(seconds, EVERY_FRAME, told) == pytest.approx(before, rel=0.1)


@pytest.mark.parametrize("told", [61, 75, 90, 200])
def test_waiting_for_the_encoder_once_in_a_segment_counts(told: int) -> None:
    passes = [1.0] * 300
    seconds = [1.0 if index % BLOCK == BLOCK - 1 else 0.01 for index in range(300)]
    assert at(seconds, passes, told) == pytest.approx(1, abs=0.2)


def test_a_machine_that_becomes_slower_is_noticed_within_three_segments() -> None:
    seconds = [0.1] * 100 + [0.3] * 300
    assert at(seconds, [1.0] * 400, 100 + 3 * BLOCK) == pytest.approx(1, abs=0.05)


def test_the_first_frame_is_a_measure_until_there_is_another() -> None:
    eta = Eta([11, 1, 1, 1], 0, 0.0)
    assert (eta.seconds_left, eta.seconds_per_frame) == (None, None)
    eta.frame_done(110.0)
    assert eta.seconds_left == pytest.approx(30)
    eta.frame_done(115.0)
    assert eta.seconds_left == pytest.approx(10)
    assert eta.seconds_per_frame == pytest.approx(5)


def test_nothing_is_told_that_would_be_wrong_where_making_ready_is_most_of_the_first_frame() -> None:
    eta = Eta([2, 1, 0, 0, 1], 0, 0.0)
    eta.frame_done(6.5)
    assert (eta.seconds_left, eta.seconds_per_frame) == (None, None)
    eta.frame_done(8.0)
    assert eta.seconds_left == pytest.approx(1.5)


@pytest.mark.parametrize("told", [1, 5, 20])
def test_frames_before_the_first_dream_do_not_promise_an_early_end(told: int) -> None:
    eta, now = Eta(FADING_IN, 0, 0.0), 0.0
    for seconds in taken(FADING_IN)[:told]:
        now += seconds
        eta.frame_done(now)
    assert eta.seconds_left is None


def test_when_all_is_done_nothing_is_left() -> None:
    eta = Eta([1, 1], 0, 0.0)
    eta.frame_done(1.0)
    eta.frame_done(1.5)
    assert eta.seconds_left == 0
    assert eta.seconds_per_frame == pytest.approx(0.5)


def test_frames_that_are_not_dreamt_say_nothing_of_those_that_are_until_one_was() -> None:
    seconds = taken(FADING_IN)
    assert at(seconds, FADING_IN, 30) == pytest.approx(1, abs=0.2)


def test_the_gradient_passes_count_the_dreams_of_each_frame() -> None:
    def dreams(**settings: object) -> tuple[float, ...]:
        config = load_config({"frames": 10, "size": "640x360", **settings})
        return Timeline.of(config).passes

    assert dreams(dream={"rate": 15}) == (2, 1, 0, 1, 0, 1, 0, 1, 0, 1), "four warm-up dreams at half the size"
    assert dreams(dream={"warmup": 8, "every": 3}) == (3, 1, 0, 0, 1, 0, 0, 1, 0, 0), "the next one comes first"
    assert dreams(dream={"warmup": 8, "every": 4}) == (3, 1, 0, 0, 0, 1, 0, 0, 0, 1)
    assert dreams(dream={"steps": 0}) == (0,) * 10
    assert dreams(dream={"warmup": 0, "every": 1, "step_size": "0.006 if frame > 4 else 0"}) == (*[0] * 5, *[1] * 5)


def test_an_encoder_that_looks_ahead_takes_its_time_after_the_last_frame() -> None:
    few, many = (ending(job(Path("a.mp4")).settings, frames) for frames in (31, 60))
    assert few < many
    one, four = (ending(replace(job(Path("a.mp4")).settings, threads=threads), 60) for threads in (1, 4))
    assert four < one
    assert ending(job(Path("a.mkv"), codec="ffv1").settings, 31) == ending(
        job(Path("a.mkv"), codec="ffv1").settings, 60
    )
