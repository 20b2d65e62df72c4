"""Times, rates and amounts of memory: what people write, kept exact."""

from __future__ import annotations

from fractions import Fraction

import pytest

from zoomdream.config import load_config
from zoomdream.config.units import (
    clock_time,
    decimal_text,
    memory_text,
    parse_memory,
    parse_position,
    parse_rate,
    parse_time,
    spoken_time,
)
from zoomdream.errors import ConfigError


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("12s", 12),
        (12, 12),
        (1.5, Fraction(3, 2)),
        ("1:30", 90),
        ("00:01:30.5", Fraction(181, 2)),
        ("2:00:59", 7259),
        (".5s", Fraction(1, 2)),
    ],
)
def test_all_ways_to_write_seconds_mean_the_same(written, seconds):
    assert parse_time(written).frame(1, Fraction(1)) == seconds


def test_times_are_written_as_people_read_them():
    left = [clock_time(seconds) for seconds in (0.4, 59.6, 3599, 3600 + 62, 187_200)]
    assert left == ["0:00", "1:00", "59:59", "1:01:02", "2 d 4 h"]
    each = [spoken_time(seconds) for seconds in (0.081, 0.996, 4.23, 9.999, 59.6, 120, 125, 4800)]
    assert each == ["0.08 s", "1.00 s", "4.23 s", "10 s", "1 min", "2 min", "2 min 5 s", "1 h 20 min"]


def test_frames_stand_where_they_are_at_any_rate():
    assert parse_time("150f").frame(999, Fraction(30000, 1001)) == 150


def test_percent_is_a_share_of_the_way_from_the_first_frame_to_the_last():
    assert parse_position("0%").frame(101, Fraction(30)) == 0
    assert parse_position("80%").frame(101, Fraction(30)) == 80
    assert parse_position("100%").frame(101, Fraction(30)) == 100


@pytest.mark.parametrize(
    "written", ["", "12x", "-1s", -1, "1.5f", "101%", "00:60:00", "0:60", "0:75", True, None, [1], "1e3s", float("nan")]
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
        (1, Fraction(1)),
        (240, Fraction(240)),
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


@pytest.mark.parametrize(
    ("text", "mebibytes"),
    [
        ("6 GiB", 6144),
        ("6G", 6144),
        ("1.5gib", 1536),
        ("6 GB", 5722),
        ("2048 MiB", 2048),
        ("2000MB", 1907),
        ("1T", 2**20),
    ],
)
def test_an_amount_of_memory_is_read_with_its_unit(text: str, mebibytes: int) -> None:
    assert parse_memory(text) == mebibytes * 2**20
    assert parse_memory(memory_text(parse_memory(text))) == parse_memory(text)


@pytest.mark.parametrize("value", ["6", 6, 6.5, "1023 MiB", "17 TiB", "lots", "-6 GiB", "6 KB", True, "6 GiB "[::-1]])
def test_no_other_amount_of_memory_is_read(value: object) -> None:
    with pytest.raises(ConfigError, match=r"performance\.memory is .*1 GiB to 16 TiB"):
        load_config({"performance": {"memory": value}})


def test_a_config_writes_the_memory_that_it_read() -> None:
    config = load_config({"performance": {"memory": "6000 MB", "tile": 1024}})
    assert config.tree()["performance"]["memory"] == "5722 MiB"
    assert load_config(config.tree()) == config


@pytest.mark.parametrize("tile", [255, 16385, "large", 512.5, True])
def test_a_tile_has_an_edge_within_range(tile: object) -> None:
    with pytest.raises(ConfigError, match=r"performance\.tile is .*auto, off or 256 to 16384"):
        load_config({"performance": {"tile": tile}})
