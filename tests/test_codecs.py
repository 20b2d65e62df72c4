"""config and media each have a table of the codecs, because neither may know the other: they must say the same."""

from __future__ import annotations

from typing import get_args

import pytest

from zoomdream.config.codecs import ABILITIES
from zoomdream.config.codecs import Codec as Name
from zoomdream.media.codecs import CODECS


def test_both_tables_have_every_codec_in_the_same_order() -> None:
    assert list(ABILITIES) == list(CODECS) == list(get_args(Name))


@pytest.mark.parametrize("name", get_args(Name))
def test_a_codec_has_the_same_defaults_in_both_tables(name: Name) -> None:
    allowed, made = ABILITIES[name], CODECS[name]
    assert (allowed.crf, allowed.preset or "") == (made.crf, made.preset)
    assert made.pixel_format == allowed.pixel_formats[0]
    assert allowed.preset is None or allowed.preset in allowed.presets
    assert (allowed.crf is None) == (allowed.largest_crf is None)
