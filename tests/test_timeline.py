"""The timeline: every schedule once, as values per frame, and what follows from them."""

from __future__ import annotations

import math
import pickle
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

from zoomdream import load_config
from zoomdream.config import Config
from zoomdream.config.schedule import Schedule
from zoomdream.timeline import Timeline


def configured(**tree: Any) -> Config:
    return load_config({"size": [64, 48], "frames": 10, "fps": 10, **tree})


def test_every_key_that_may_change_has_a_value_at_every_frame() -> None:
    timeline = Timeline.of(configured(objective=[{"layer": "mixed4c", "weight": "1 + u"}, {"class": "banana"}]))
    assert {len(curve) for curve in timeline.curves.values()} == {10}
    assert timeline.curve("objective.0.weight") == pytest.approx([1 + frame / 9 for frame in range(10)])
    assert timeline.curve("objective.1.weight") == (1,) * 10
    assert {"camera.zoom", "camera.pan.1", "dream.noise", "flow.carry", "color.hold"} <= timeline.curves.keys()


def test_each_schedule_is_evaluated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    config = configured(camera={"zoom": "1.2 + 0.1*sin(t)"})
    asked: list[str] = []
    values = Schedule.values

    def noted(self: Schedule, *arguments: Any) -> list[float]:
        asked.append(self.key)
        return values(self, *arguments)

    monkeypatch.setattr(Schedule, "values", noted)
    timeline = Timeline.of(config)
    assert Timeline.of(config).curves == timeline.curves
    assert sorted(asked) == sorted(timeline.curves)


def test_a_preview_is_the_beginning_of_its_film() -> None:
    whole, part = (configured(timeline=length, camera={"zoom": "1 + u"}) for length in (None, 19))
    assert Timeline.of(whole).curve("camera.zoom")[9] == 2
    assert Timeline.of(part).curve("camera.zoom")[9] == 1.5


def test_a_key_has_a_value_between_two_frames_too() -> None:
    timeline = Timeline.of(configured(camera={"zoom": "1 + t", "rotate": {"keys": {"0f": 0, "4f": 8}}}))
    assert timeline.at("camera.zoom", 2) == timeline.curve("camera.zoom")[2]
    assert timeline.at("camera.zoom", 2.5) == pytest.approx(1.25)
    assert timeline.at("camera.rotate", 0.5) == pytest.approx(1)
    assert timeline.at("flow.carry", 7.3) == timeline.curve("flow.carry")[0]
    shaken = Timeline.of(configured(fps=25, seed=3, camera={"rotate": "noise(7*t)"}))
    assert shaken.at("camera.rotate", 4) == shaken.curve("camera.rotate")[4]


def test_key_frames_are_the_first_and_last_of_each_shot_and_every_so_many_between() -> None:
    timeline = Timeline.of(configured(dream={"every": 3}), cuts=(5,))
    assert timeline.shots == (0, 5)
    assert timeline.key_frames == (0, 3, 4, 5, 8, 9)
    assert Timeline.of(configured()).key_frames == tuple(range(10))
    assert Timeline.of(configured(), cuts=(0, 5, 10, 12)).shots == (0, 5)  # what is cut off has no shots


def test_what_frames_left_out_would_have_had_is_made_up_for_at_the_next_key_frame() -> None:
    steps = Timeline.of(configured(dream={"every": 3, "step_size": "0.001*frame"})).step_sizes()
    assert [round(1000 * steps[frame]) for frame in (0, 3, 6, 9)] == [0, 1 + 2 + 3, 4 + 5 + 6, 7 + 8 + 9]
    each, third = (
        Timeline.of(configured(dream={"every": every}, color={"hold": 0.9})).hold_shares() for every in (1, 3)
    )
    assert 1 - third[3] == pytest.approx((1 - each[3]) ** 3)


@pytest.mark.parametrize("rate", [5, 12, 24])
def test_a_film_is_as_strong_at_every_frame_rate(rate: float) -> None:
    def film(fps: int) -> tuple[float, float, float, float]:
        timeline = Timeline.of(
            configured(
                fps=fps,
                frames=3 * fps + 1,
                dream={"rate": rate, "step_size": "0.004 + 0.002*sin(t)"},
                color={"hold": 0.9},
            )
        )
        dreams, left = timeline.key_frames[1:], timeline.hold_shares()
        kept = math.prod(1 - left[frame] for frame in dreams)
        carried = math.prod(timeline.carry_shares()[1:])
        return len(dreams) / 3, sum(timeline.step_sizes()[frame] for frame in dreams), kept, carried

    counts, strengths, kept, carried = zip(*(film(fps) for fps in (24, 30, 60, 120)), strict=True)
    assert counts == (rate,) * 4 or counts == (24, 30, 24, 24)  # up to 5/4 of the rate all are dreamed on
    assert strengths == pytest.approx([strengths[0]] * 4, rel=0.03)
    assert kept == pytest.approx([0.1**3] * 4)
    assert carried == pytest.approx([0.95 ** (3 * 24)] * 4)


def test_dreams_are_spread_evenly_over_a_film_that_no_whole_number_divides() -> None:
    timeline = Timeline.of(configured(fps=30, frames=61, dream={"rate": 12}))
    assert {after - before for before, after in pairwise(timeline.key_frames)} == {2, 3}
    assert len(timeline.key_frames) == 25


def test_the_first_dream_of_a_shot_is_as_strong_as_the_others() -> None:
    steps = Timeline.of(configured(fps=60, frames=120, dream={"rate": 12}), cuts=(60,)).step_sizes()
    assert steps[0] == pytest.approx(steps[5]) == pytest.approx(steps[60])


def test_the_hold_per_second_does_not_depend_on_the_frame_rate() -> None:
    for fps in (10, 40):
        shares = Timeline.of(configured(fps=fps, color={"hold": 0.9})).hold_shares()
        assert (1 - shares[1]) ** fps == pytest.approx(0.1)


def test_a_frame_without_steps_or_weights_is_only_moved() -> None:
    fading = Timeline.of(configured(objective=[{"layer": "mixed4c", "weight": "1 if frame < 3 else 0"}]))
    assert fading.active == (True,) * 3 + (False,) * 7
    assert not any(Timeline.of(configured(dream={"steps": 0})).active)
    assert all(Timeline.of(configured(objective=[{"layer": "mixed4c", "weight": -1}])).active)  # that is suppressed
    assert sum(fading.passes) == 3 + configured().dream.warmup / 4


def test_each_shot_is_warmed_up_before_its_first_frame() -> None:
    timeline = Timeline.of(configured(dream={"warmup": 4}), cuts=(6,))
    assert timeline.passes == (2, 1, 1, 1, 1, 1, 2, 1, 1, 1)  # at half the size


def test_a_key_frame_is_dreamed_on_when_the_first_frame_since_the_last_one_is_asked_for() -> None:
    assert Timeline.of(configured(dream={"warmup": 4, "every": 3})).passes == (2, 1, 0, 0, 1, 0, 0, 1, 0, 0)


def test_motion_per_second_is_the_same_at_every_frame_rate() -> None:
    def zoomed(fps: int) -> float:
        total = 1.0
        for motion in Timeline.of(configured(fps=fps, frames=2 * fps, camera={"zoom": 1.5})).motions:
            total *= motion.scale
        return total ** (fps / (2 * fps - 1))

    assert zoomed(10) == pytest.approx(1.5)
    assert zoomed(30) == pytest.approx(1.5)


def test_pan_and_pivot_are_pairs_of_across_and_down() -> None:
    motion = Timeline.of(configured(camera={"pan": [0.1, 0.2], "pivot": [0.3, 0.6]})).motions[1]
    assert motion.pan == pytest.approx((0.01, 0.02))
    assert motion.pivot == pytest.approx((0.3, 0.6))


def test_a_timeline_is_a_plain_value() -> None:
    timeline = Timeline.of(configured(camera={"zoom": "1 + 0.1*u"}), cuts=(4,))
    again = pickle.loads(pickle.dumps(timeline))
    assert again == timeline
    assert again.fps == Fraction(10)
    assert all(before < after for before, after in pairwise(again.curve("camera.zoom")))


def test_a_loop_dreams_evenly_across_its_seam_and_moves_from_the_last_frame_to_the_first() -> None:
    zoom = "1.4 + 0.2*sin(2*pi*u)"
    timeline = Timeline.of(configured(frames=50, fps=25, loop="1s", camera={"zoom": zoom}))
    assert timeline.key_frames[:4] == (0, 2, 4, 6)
    assert timeline.closing == (*range(26, 50, 2), 50) or timeline.closing[0] == 25
    assert len(timeline.motions) == 51
    assert timeline.motions[50].scale == pytest.approx(timeline.motions[1].scale, rel=1e-3)
    gaps = [after - now for now, after in pairwise((*timeline.key_frames, 50))]
    assert max(gaps) - min(gaps) <= 1


def test_in_a_loop_the_first_frame_is_dreamed_for_the_time_since_the_last_key_frame() -> None:
    one = Timeline.of(configured(frames=10, loop=True, dream={"every": 5, "step_size": 0.01}))
    assert (one.step_sizes()[0], one.step_sizes()[5]) == pytest.approx((0.05, 0.05))
    assert one.hold_shares()[0] == pytest.approx(one.hold_shares()[5])


def test_what_leads_into_a_loop_is_work_too() -> None:
    closed, opened = (Timeline.of(configured(frames=40, loop=loop)) for loop in ("1s", False))
    assert sum(closed.passes) - sum(opened.passes) == 2 * 10
