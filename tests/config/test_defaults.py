"""Which defaults a config has is decided by what it dreams: classes out of noise have their own."""

from __future__ import annotations

from typing import Any

import pytest

from zoomdream.config import load_config
from zoomdream.config.unreached import warnings

BANANA, LAYER = {"class": "banana"}, {"layer": "mixed4c"}
PICTURE = {"kind": "image", "path": "a.jpg"}


@pytest.mark.parametrize(
    ("tree", "of_classes"),
    [
        ({"objective": [BANANA]}, True),
        ({"objective": [BANANA, {"class": 3}], "source": {"kind": "noise"}}, True),
        ({"objective": [BANANA, LAYER]}, False),
        ({"objective": [BANANA], "source": PICTURE}, False),
        ({}, False),
    ],
)
def test_classes_and_nothing_else_out_of_noise_have_defaults_of_their_own(tree: dict[str, Any], of_classes: bool):
    dream = load_config(tree).dream
    assert (dream.jitter, dream.hues) == ((32, "natural") if of_classes else (16, "free"))


def test_classes_in_a_loop_begin_as_they_go_on():
    film, loop = (load_config({"objective": [BANANA], "loop": loop}) for loop in (False, True))
    assert film.dream.step_size.constant is None
    assert (loop.dream.step_size.constant, loop.dream.blur.constant) == (0.004, 0.5)
    assert (loop.dream.jitter, loop.dream.hues) == (32, "natural")
    assert not [text for text in warnings(loop) if "jumps" in text]


def test_a_default_is_never_put_over_what_is_given():
    dream = load_config({"objective": [BANANA], "dream": {"jitter": 8}}).dream
    assert (dream.jitter, dream.hues) == (8, "natural")
