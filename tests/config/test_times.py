"""Times and rates: what people write, kept exact."""

from __future__ import annotations

from fractions import Fraction

import pytest

from zoomdream.config.times import decimal_text, parse_position, parse_rate, parse_time


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("12s", 12),
        (12, 12),
        (1.5, Fraction(3, 2)),
        ("1:30", 90),
        ("00:01:30.5", Fraction(181, 2)),
        (".5s", Fraction(1, 2)),
    ],
)
def test_all_ways_to_write_seconds_mean_the_same(written, seconds):
    assert parse_time(written).frame(1, Fraction(1)) == seconds


def test_frames_stand_where_they_are_at_any_rate():
    assert parse_time("150f").frame(999, Fraction(30000, 1001)) == 150


def test_percent_is_a_share_of_the_way_from_the_first_frame_to_the_last():
    assert parse_position("0%").frame(101, Fraction(30)) == 0
    assert parse_position("80%").frame(101, Fraction(30)) == 80
    assert parse_position("100%").frame(101, Fraction(30)) == 100


@pytest.mark.parametrize(
    "written", ["", "12x", "-1s", -1, "1.5f", "101%", "00:61:00", "0:75", True, None, [1], "1e3s", float("nan")]
)
def test_what_is_no_position_is_refused_with_what_is_allowed(written):
    with pytest.raises(ValueError, match=r"Allowed|whole numbers|between 0% and 100%|below 60"):
        parse_position(written)


def test_a_duration_is_no_share():
    with pytest.raises(ValueError, match="Allowed: seconds"):
        parse_time("80%")


@pytest.mark.parametrize(
    ("written", "rate"),
    [
        (30, Fraction(30)),
        (29.97, Fraction(2997, 100)),
        ("30000/1001", Fraction(30000, 1001)),
        ("23.976", Fraction(2997, 125)),
    ],
)
def test_rates_stay_exactly_as_they_are_written(written, rate):
    assert parse_rate(written) == rate


@pytest.mark.parametrize(
    "written", [0, 0.5, 241, "30/0", "abc", True, None, -30, float("inf"), float("nan"), "1e2", "30000/1001/2"]
)
def test_a_rate_that_is_none_is_refused(written):
    with pytest.raises(ValueError, match="Allowed"):
        parse_rate(written)


def test_a_rate_with_endless_digits_asks_for_a_fraction():
    with pytest.raises(ValueError, match="30000/1001"):
        parse_rate(29.97002997002997)


@pytest.mark.parametrize("text", ["0", "12", "1.5", "0.001", "100.25"])
def test_a_decimal_is_written_as_it_was_read(text):
    assert decimal_text(Fraction(text)) == text
