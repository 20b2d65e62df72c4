"""What no key can tell alone: the last value that is allowed is, and the first that is not is told."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from zoomdream.config import ClipFacts, load_config, load_config_text
from zoomdream.errors import ConfigError


@pytest.mark.parametrize(
    ("allowed", "too_much", "key"),
    [
        ({"size": [8192, 8192]}, {"size": [8194, 8192]}, "size"),
        ({"encode": {"crf": 51}}, {"encode": {"crf": 52}}, "encode.crf"),
        ({"encode": {"crf": 63, "codec": "av1"}}, {"encode": {"crf": 64, "codec": "av1"}}, "encode.crf"),
        ({"frames": 9, "timeline": 9}, {"frames": 9, "timeline": 8}, "timeline"),
        ({"duration": "2s", "loop": "2s"}, {"duration": "2s", "loop": "2.1s"}, "loop"),
        ({"loop": "1s"}, {"loop": "0s"}, "loop"),
        (
            {"dream": {"octaves": 3, "steps": [1, 2, 3]}},
            {"dream": {"octaves": 3, "steps": [1, 2, 3, 4]}},
            "dream.steps",
        ),
    ],
)
def test_limits_are_where_errors_say(allowed: dict[str, Any], too_much: dict[str, Any], key: str) -> None:
    load_config(allowed)
    with pytest.raises(ConfigError, match=rf"^the config: {key} "):
        load_config(too_much)


def test_a_range_of_channels_has_both_its_ends() -> None:
    (term,) = load_config({"objective": [{"layer": "mixed4c", "channels": ["10-12", 3]}]}).objective
    assert term.channels == (10, 11, 12, 3)


DROSTE = {"camera": {"space": "droste"}}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"camera": {"droste": {"arms": 3}}}, r"camera.droste is given, and camera.space is plane"),
        ({**DROSTE, "source": {"kind": "video", "path": "a.mp4"}}, r"camera.space is droste, and source.kind is video"),
        ({**DROSTE, "dream": {"mask": "a.png"}}, r"dream.mask belongs to a frame"),
        ({"loop": True, "camera": {"space": "droste", "droste": {"alive": 2}}}, r"camera.droste.alive is 2, and loop"),
        ({**DROSTE, "dream": {"every": 2}}, r"dream.every counts frames .* camera.droste.alive"),
        ({"camera": {"space": "droste", "pan": [0, 0.1]}}, r"camera.pan.1 is not 0, .* move camera.pivot instead"),
        ({"camera": {"space": "droste", "droste": {"arms": 13}}}, r"camera.droste.arms .* 1 to 12"),
        ({"camera": {"space": "drost"}}, r"camera.space is .drost.\. Did you mean droste"),
    ],
)
def test_a_picture_that_contains_itself_has_no_keys_of_frames(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load_config(changes, clip_facts=lambda footage: ClipFacts((48, 64), Fraction(24), Fraction(2)))


def test_keys_of_the_droste_space_stand_only_where_that_is() -> None:
    plane, droste = load_config({}), load_config(DROSTE)
    assert "droste" not in plane.to_yaml()
    assert "space" not in plane.fingerprint_text()  # renders from before there were spaces go on
    assert droste.dream.warmup > plane.dream.warmup
    picture = load_config(DROSTE | {"source": {"kind": "image", "path": "a.png"}})
    assert picture.dream.step_size.constant < droste.dream.step_size.constant  # it should stay itself
    assert load_config_text(droste.to_yaml()) == droste
    others = [load_config({"camera": {"space": "droste", "droste": {key: 2}}}) for key in ("period", "arms", "twist")]
    assert len({config.fingerprint_text() for config in (plane, droste, *others)}) == 5
