"""config and media each have tables of the codecs, because neither may know the other: they must say the same."""

from __future__ import annotations

from typing import get_args

import pytest

from zoomdream.config import load_config
from zoomdream.config.codecs import ABILITIES, HARDWARE, HARDWARE_FORMATS, Hardware
from zoomdream.config.codecs import Codec as Name
from zoomdream.encode import hardware
from zoomdream.encode.codecs import CODECS, bits


def test_both_tables_have_every_codec_in_the_same_order() -> None:
    assert list(ABILITIES) == list(CODECS) == list(get_args(Name))


@pytest.mark.parametrize("name", get_args(Name))
def test_a_codec_has_the_same_defaults_in_both_tables(name: Name) -> None:
    allowed, made = ABILITIES[name], CODECS[name]
    assert (allowed.crf, allowed.preset or "") == (made.crf, made.preset)
    assert made.pixel_format == allowed.pixel_formats[0]
    assert allowed.preset is None or allowed.preset in allowed.presets
    assert (allowed.crf is None) == (allowed.largest_crf is None)


def test_both_tables_of_hardware_have_the_same_codecs() -> None:
    assert ["off", *HARDWARE] == [hardware.OFF, *hardware.ENCODERS] == list(get_args(Hardware))
    assert {name: list(made) for name, made in HARDWARE.items()} == {
        name: list(made) for name, made in hardware.ENCODERS.items()
    }


@pytest.mark.parametrize("codec", HARDWARE_FORMATS)
def test_hardware_takes_the_first_pixel_format_of_a_codec_and_others_that_it_has(codec: Name) -> None:
    formats = HARDWARE_FORMATS[codec]
    assert formats[0] == CODECS[codec].pixel_format
    assert set(formats) <= set(ABILITIES[codec].pixel_formats)
    assert [bits(hardware.layout(name)) for name in formats] == [bits(name) for name in formats]
    assert all(codec in made for made in HARDWARE.values()) == (codec != "av1")


def test_hardware_keeps_the_crf_and_has_no_preset() -> None:
    encode = load_config({"encode": {"hardware": "nvenc"}}).encode
    assert (encode.codec, encode.crf, encode.preset) == ("h264", 18, None)
    assert load_config({}, ["encode.hardware=off"]).encode == load_config({}).encode
    given = {"encode": {"codec": "h265", "preset": "slow", "pixel_format": "yuv420p10le"}}
    encode = load_config(given, ["encode.hardware=qsv", "encode.preset=null"]).encode
    assert (encode.preset, encode.pixel_format) == (None, "yuv420p10le")
