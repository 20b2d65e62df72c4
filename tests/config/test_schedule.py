"""Schedules: constants, expressions, keyframes; one value per frame, or an error that says when."""

from __future__ import annotations

import math
import pickle
from fractions import Fraction
from itertools import pairwise

import pytest

from tests.counted_work import calls
from zoomdream.config.schedule import Limits, Schedule
from zoomdream.errors import ConfigError

ANY = Limits(-100, 100, "units")
LOG = Limits(0.05, 20, "times per second", log=True)


def values(written, frames=101, fps=Fraction(10), seed=7, limits=ANY):
    return limits.read(written).values(frames, fps, seed)


def test_a_constant_is_the_same_at_every_frame():
    assert values(1.5, frames=3) == [1.5, 1.5, 1.5]


def test_time_is_frame_over_fps_and_u_goes_from_0_to_1():
    assert values("t", frames=3, fps=Fraction(30000, 1001)) == pytest.approx([0, 1001 / 30000, 2002 / 30000])
    assert values("u", frames=5) == [0, 0.25, 0.5, 0.75, 1]
    assert values("u", frames=1) == [0]


def test_keyframes_hold_before_the_first_and_after_the_last():
    got = values({"keys": {"2s": 1, "4s": 3}})
    assert got[:21] == [1] * 21
    assert got[30] == pytest.approx(2)
    assert got[40:] == [3] * 61


def test_keyframes_in_seconds_frames_percent_and_numbers_meet():
    for moment in ("5s", "50f", "50%", "5", "0:05"):
        assert values({"keys": {"0s": 0, moment: 10}})[25] == pytest.approx(5)


def test_keyframes_may_be_written_in_any_order():
    assert values({"keys": {"4s": 3, "2s": 1}}) == values({"keys": {"2s": 1, "4s": 3}})


def test_an_expression_keyframe_blends_instead_of_jumping():
    """Deforum's grammar jumps from an expression to a number; here both sides are worked out at the moment itself."""
    got = values({"keys": {"0s": "sin(t)", "10s": 5}})
    steps = [abs(after - before) for before, after in pairwise(got)]
    assert max(steps) < 0.2
    assert got[0] == 0
    assert got[-1] == 5


def test_zoom_between_keyframes_changes_by_equal_factors():
    got = values({"keys": {"0s": 1, "10s": 4}}, limits=LOG)
    assert got[50] == pytest.approx(2)
    assert [b / a for a, b in pairwise(got)] == pytest.approx([4**0.01] * 100)


def test_hold_steps_exactly_at_its_keyframe():
    got = values({"keys": {"0s": 1, "5s": 2}, "ease": "hold"})
    assert got[49:51] == [1, 2]


def test_smooth_passes_through_every_keyframe():
    got = values({"keys": {"0s": 1, "3s": 7, "5s": 6, "10s": 0}, "ease": "smooth"})
    assert [got[frame] for frame in (0, 30, 50, 100)] == pytest.approx([1, 7, 6, 0])
    assert max(got) <= 7 + 1e-9


def test_smooth_keeps_its_speed_at_a_keyframe():
    got = values({"keys": {"0s": 0, "3s": 3, "5s": 9, "10s": 11}, "ease": "smooth"})
    for frame in (30, 50):
        before, after = got[frame] - got[frame - 1], got[frame + 1] - got[frame]
        assert after == pytest.approx(before, rel=0.5)  # along straight lines 3 and 7.5 times as much


@pytest.mark.parametrize("frames", [1, 2])
def test_shares_of_the_way_may_meet_in_a_film_of_one_frame(frames):
    assert len(values({"keys": {"0%": 1, "50%": 2, "100%": 3}, "ease": "smooth"}, frames=frames)) == frames


def test_two_keyframes_at_the_same_moment_are_an_error():
    with pytest.raises(ConfigError, match="same moment: 2s and 20f"):
        values({"keys": {"2s": 1, "20f": 3}})


def test_a_value_out_of_range_names_key_time_and_range():
    schedule = LOG.read("1 + t").bound("camera.zoom", None)
    with pytest.raises(ConfigError) as caught:
        schedule.values(1000, Fraction(10), 7)
    assert caught.value.key == "camera.zoom"
    assert "the value is 20.1 at 19.1 s (frame 191)" in str(caught.value)
    assert "0.05 to 20 times per second" in str(caught.value)
    assert '"1 + t"' in str(caught.value)


def test_a_division_by_zero_names_the_time():
    with pytest.raises(ConfigError, match=r"divides by zero at 2 s \(frame 20\)"):
        values("1/(t-2)")


def test_a_keyframe_that_has_no_logarithm_is_an_error():
    with pytest.raises(ConfigError, match="not above 0"):
        values({"keys": {"0s": "0*t", "1s": 2}}, limits=LOG)


NOT_NUMBERS = [True, None, [1, 2], 101, math.inf, math.nan, 10**500]
NOT_KEYFRAMES = [
    {},
    {"keys": {}},
    {"keys": 3},
    {"keys": {"0s": 1}, "eas": 3},
    {"keys": {"0s": 1}, "ease": "lin"},
    {"keys": {"5x": 1}},
    {"keys": {"0s": [1]}},
    {"keys": {"0s": 101}},
    {"keys": {"0s": "foo"}},
]


@pytest.mark.parametrize("written", [*NOT_NUMBERS, *NOT_KEYFRAMES])
def test_what_is_no_schedule_is_refused(written):
    with pytest.raises(ValueError, match=r".{10}"):
        ANY.read(written)


def test_schedules_are_equal_by_what_they_say_not_by_where_they_stand():
    one, other = ANY.read("1+t").bound("camera.zoom", 30), ANY.read("1+t")
    assert one == other
    assert hash(one) == hash(other)
    assert one != ANY.read("1 + 2*t")
    assert pickle.loads(pickle.dumps(one)) == one


def test_what_a_schedule_writes_reads_back_equal():
    for written in (1, "1 + t", {"keys": {"0.5s": 1, "150f": "t", "80%": 2}, "ease": "in_expo", "loop": True}):
        schedule = ANY.read(written)
        assert ANY.read(schedule.tree()) == schedule


def test_a_timeline_keeps_shares_where_they_were_in_the_longer_film():
    schedule = ANY.read({"keys": {"0%": 0, "50%": "10*u"}})
    whole = schedule.values(101, Fraction(10), 7)
    assert schedule.bound("x", timeline=101).values(30, Fraction(10), 7) == whole[:30]


def test_twenty_thousand_frames_read_their_expression_once():
    written = "1.3 + 0.1*sin(2*pi*t/8) + 0.1*noise(t/4)"
    assert calls(lambda: values(written, frames=20_000, fps=Fraction(30))) < 100 * 20_000


def test_a_schedule_of_the_wrong_class_is_never_made():
    assert isinstance(ANY.read(1), Schedule)
    assert ANY.read(1).constant == 1
    assert ANY.read("1").constant is None


def looped(written, closing=25, frames=100):
    schedule = ANY.read(written).bound("x", None, closing)
    return [schedule.at(frame, frames, Fraction(10), 7) for frame in range(frames + 1)]


def test_in_a_loop_noise_is_back_at_its_first_value_and_runs_as_ever_until_the_closing():
    for written in ("noise(t/3)", "noise(0.7*t + 2, 3)", "noise(u*6)"):
        found, ever = looped(written), values(written.replace("u", "frame/100"), frames=100)
        assert found[:75] == pytest.approx(ever[:75])
        assert found[100] == pytest.approx(found[0])
        assert max(abs(after - now) for now, after in pairwise(found)) < 0.2  # no jump
        assert all(-1 <= value <= 1 for value in found)


def test_in_a_loop_the_whole_way_ends_where_it_began():
    assert looped("sin(2*pi*u)")[100] == pytest.approx(0)
    assert looped({"keys": {"0%": 1, "50%": 3, "100%": 1}})[50] == 3
    assert looped("u")[:100] == pytest.approx([frame / 100 for frame in range(100)])


def test_keyframes_that_loop_return_to_the_first_by_themselves():
    for ease in ("linear", "in_out_sine", "smooth"):
        found = looped({"keys": {"1s": 1, "6s": 3}, "ease": ease, "loop": True})
        assert (found[10], found[60]) == (1, 3)
        assert found[100] == pytest.approx(found[0])
        assert found[0] == pytest.approx(found[20], abs=0.5)
        assert max(abs(after - now) for now, after in pairwise(found)) < 0.1
    assert looped({"0%": 1, "50%": 3, "100%": 1, "loop": True})[25] == 2
    with pytest.raises(ValueError, match="true or false"):
        ANY.read({"keys": {"0s": 1}, "loop": "yes"})
