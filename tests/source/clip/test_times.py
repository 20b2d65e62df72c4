from __future__ import annotations

import random
from fractions import Fraction

import pytest

from zoomdream.source.clip.times import FrameRate, find_rate, stay


def rate_of(*times: float, last: float = 0, stated: tuple[int, ...] = ()) -> FrameRate:
    return find_rate(
        [Fraction(round(time * 1000), 1000) for time in times],
        Fraction(last).limit_denominator(1000),
        [Fraction(rate) for rate in stated],
    )


def test_stillness_does_not_slow_down_motion() -> None:
    moving = [number / 25 for number in range(25)]
    later = [10 + number / 25 for number in range(25)]
    for times in (moving + later, [*moving, 8, 9, 10, 11, 12, 13, 14]):
        found = rate_of(*times)
        assert found.rate == 25
        assert found.grid is not None
        assert found.grid[-1] == round(times[-1] * 25)


def test_a_stated_rate_holds_where_most_frames_are_left_out() -> None:
    chosen = sorted(random.Random(2).sample(range(600), 60))
    found = rate_of(*(number / 30 for number in chosen), stated=(30,))
    assert (found.rate, found.rule) == (30, "as the file states, some left out")
    assert found.grid == tuple(number - chosen[0] for number in chosen)


@pytest.mark.parametrize("stated", [(), (30,), (1000,), (90000, 30)])
def test_a_jittery_clock_keeps_its_rate(stated: tuple[int, ...]) -> None:
    dice = random.Random(1)
    times = [number / 30 + dice.uniform(-0.008, 0.008) + (6 if number >= 45 else 0) for number in range(90)]
    assert rate_of(*times, stated=stated).rate == 30


def test_where_no_grid_fits_the_shortest_usual_gaps_count() -> None:
    dice = random.Random(3)
    times, now = [], 0.0
    for number in range(200):
        times.append(now)
        now += dice.uniform(0.029, 0.037) if number % 50 else dice.uniform(2, 3)
    found = rate_of(*times)
    assert 27 <= found.rate <= 34
    assert "shortest usual gaps" in found.rule


def test_a_stated_rate_that_the_times_contradict_is_not_believed() -> None:
    assert rate_of(*(number / 25 for number in range(50)), stated=(8,)).rate == 25
    assert rate_of(*(number / 15 for number in range(50)), stated=(60,)).rate == 15


def test_milliseconds_do_not_hide_the_rate_of_a_recording_that_stands_still() -> None:
    moving = [number for start in (0, 90, 210, 420) for number in range(start, start + 12)]
    for rate in (Fraction(30), Fraction(30000, 1001)):
        assert rate_of(*(float(number / rate) for number in moving), stated=(1000,)).rate == rate


def test_the_last_picture_stays_as_long_as_the_file_says() -> None:
    assert stay(Fraction(1), Fraction(3), Fraction(25), None) == 3
    assert stay(Fraction(1), Fraction(3), Fraction(25), Fraction(4)) == 3
    assert stay(Fraction(1), Fraction(0), Fraction(25), None) == Fraction(1, 25)
    assert stay(Fraction(1), Fraction(10**6), Fraction(25), None) == Fraction(1, 25)
    assert stay(Fraction(1), Fraction(500), Fraction(25), Fraction(2)) == Fraction(1, 25)
