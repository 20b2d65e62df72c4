"""The table of codecs: each row agrees with itself, and config and encoder both read it."""

from __future__ import annotations

from typing import get_args

import pytest

from zoomdream.config import load_config
from zoomdream.config.codecs import CODECS, CONTAINERS, HARDWARE, CodecName, Hardware, bits, check_rate, check_size
from zoomdream.encode import hardware
from zoomdream.errors import ConfigError


def test_every_codec_is_in_the_table_and_fits_into_a_file() -> None:
    assert list(CODECS) == list(get_args(CodecName))
    assert {codec for codecs in CONTAINERS.values() for codec in codecs} == set(CODECS)


@pytest.mark.parametrize("name", CODECS)
def test_the_defaults_of_a_codec_are_what_it_takes(name: CodecName) -> None:
    codec = CODECS[name]
    assert (codec.crf is None) == (codec.largest_crf is None)
    assert codec.crf is None or 0 <= codec.crf <= (codec.largest_crf or 0)
    assert codec.preset in codec.presets or (codec.preset, codec.presets) == ("", ())
    ending = next(ending for ending, codecs in CONTAINERS.items() if name in codecs)
    encode = load_config({"output": f"a{ending}", "encode": {"codec": name}}).encode
    assert (encode.codec, encode.crf, encode.preset or "") == (name, codec.crf, codec.preset)


def test_every_kind_of_hardware_has_encoders() -> None:
    assert ["off", *HARDWARE] == list(get_args(Hardware))


@pytest.mark.parametrize("name", [name for name, codec in CODECS.items() if codec.hardware_formats])
def test_hardware_takes_the_first_pixel_format_of_a_codec_and_others_that_it_has(name: CodecName) -> None:
    codec = CODECS[name]
    assert codec.hardware_formats[0] == codec.pixel_formats[0]
    assert set(codec.hardware_formats) <= set(codec.pixel_formats)
    assert [bits(hardware.layout(one)) for one in codec.hardware_formats] == [
        bits(one) for one in codec.hardware_formats
    ]
    assert all(name in made for made in HARDWARE.values()) == (name != "av1")


def test_hardware_has_pixel_formats_for_all_that_it_encodes() -> None:
    made = {name for encoders in HARDWARE.values() for name in encoders}
    assert made == {name for name, codec in CODECS.items() if codec.hardware_formats}


def test_hardware_keeps_the_crf_and_has_no_preset() -> None:
    encode = load_config({"encode": {"hardware": "nvenc"}}).encode
    assert (encode.codec, encode.crf, encode.preset) == ("h264", 18, None)
    assert load_config({}, ["encode.hardware=off"]).encode == load_config({}).encode
    given = {"encode": {"codec": "h265", "preset": "slow", "pixel_format": "yuv420p10le"}}
    encode = load_config(given, ["encode.hardware=qsv", "encode.preset=null"]).encode
    assert (encode.preset, encode.pixel_format) == (None, "yuv420p10le")


@pytest.mark.parametrize(
    ("name", "depth"), [("yuv420p", 8), ("gbrp10le", 10), ("bgr0", 8), ("rgb24", 8), ("rgb48be", 16)]
)
def test_the_bits_of_a_pixel_format_stand_in_its_name(name: str, depth: int) -> None:
    assert bits(name) == depth


def test_a_size_that_a_codec_cannot_hold_is_told_with_the_nearest_larger_one() -> None:
    check_size("h264", "yuv420p", 66, 48)
    check_size("h264", "yuv422p", 66, 47)
    with pytest.raises(ConfigError, match=r"even width and height\. The nearest that does is \[66, 48\]"):
        check_size("h264", "yuv420p", 65, 47)


def test_a_gif_shows_at_most_50_frames_in_a_second() -> None:
    check_rate("gif", 50)
    check_rate("h264", 240)
    with pytest.raises(ConfigError, match="50"):
        check_rate("gif", 50.1)
