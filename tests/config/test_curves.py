"""Smooth noise and easings: the shapes that movements are made of."""

from __future__ import annotations

import statistics
from itertools import pairwise

import pytest

from zoomdream.config.curves import EASINGS, check_easing, smooth_between, smooth_noise


def test_noise_fills_its_range_evenly_and_never_leaves_it():
    values = [smooth_noise(index * 0.37, seed=3) for index in range(20_000)]
    assert -1 <= min(values) < -0.9
    assert 0.9 < max(values) <= 1
    assert abs(statistics.fmean(values)) < 0.03
    assert 0.45 < statistics.pstdev(values) < 0.55


def test_noise_never_jumps_nor_jerks():
    step = 0.01
    values = [smooth_noise(index * step, seed=3) for index in range(10_000)]
    speeds = [(after - before) / step for before, after in pairwise(values)]
    assert max(abs(speed) for speed in speeds) < 2
    assert max(abs(after - before) for before, after in pairwise(speeds)) < 0.1


def test_noise_far_apart_and_of_other_streams_is_unrelated():
    first = [smooth_noise(index * 0.5, seed=3) for index in range(4000)]
    for other in (
        [smooth_noise(index * 0.5 + 5, 3) for index in range(4000)],
        [smooth_noise(index * 0.5, 3, 1) for index in range(4000)],
    ):
        assert abs(statistics.correlation(first, other)) < 0.1


@pytest.mark.parametrize("name", [name for name in EASINGS if name not in ("hold", "step")])
def test_every_easing_goes_from_0_to_1_without_turning_back(name):
    values = [EASINGS[name](index / 100) for index in range(101)]
    assert values[0] == pytest.approx(0, abs=1e-9)
    assert values[-1] == pytest.approx(1)
    assert values == sorted(values)


def test_in_starts_slowly_and_out_ends_slowly():
    for name in ("sine", "quad", "cubic", "quart", "expo"):
        assert EASINGS[f"in_{name}"](0.1) < 0.1 < EASINGS[f"out_{name}"](0.1)
        assert EASINGS[f"in_out_{name}"](0.5) == pytest.approx(0.5)
        assert EASINGS[f"in_out_{name}"](0.1) < 0.05 < 0.95 < EASINGS[f"in_out_{name}"](0.9)


def test_hold_stays_until_the_next_keyframe():
    assert EASINGS["hold"](0.999) == 0


def test_an_unknown_easing_names_the_nearest():
    with pytest.raises(ValueError, match="Did you mean in_out_sine"):
        check_easing("in_out_sin")


def test_the_smooth_curve_meets_its_keyframes_and_never_overshoots():
    times, values = (0.0, 10.0, 12.0, 30.0), (0.0, 1.0, 5.0, 5.0)
    curve = [smooth_between(times, values, 10 + index / 50) for index in range(101)]
    assert curve[0] == pytest.approx(1)
    assert curve[-1] == pytest.approx(5)
    assert curve == sorted(curve)
    assert max(curve) <= 5 + 1e-9


def test_the_smooth_curve_does_not_dip_before_a_steep_rise():
    curve = [smooth_between((0, 0, 1, 2), (0, 0, 0.1, 10), index / 50) for index in range(51)]
    assert curve == sorted(curve)


def test_the_smooth_curve_of_points_on_a_line_is_the_line():
    assert smooth_between((0, 1, 2, 4), (0, 10, 20, 40), 1.3) == pytest.approx(13)
