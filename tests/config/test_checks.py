"""What no key can tell alone: the last value that is allowed is, and the first that is not is told."""

from __future__ import annotations

from typing import Any

import pytest

from zoomdream.config import load_config
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
        ({"dream": {"steps": [1, 2, 3]}}, {"dream": {"steps": [1, 2, 3, 4]}}, "dream.steps"),
    ],
)
def test_limits_are_where_errors_say(allowed: dict[str, Any], too_much: dict[str, Any], key: str) -> None:
    load_config(allowed)
    with pytest.raises(ConfigError, match=rf"^the config: {key} "):
        load_config(too_much)


def test_a_range_of_channels_has_both_its_ends() -> None:
    (term,) = load_config({"objective": [{"layer": "mixed4c", "channels": ["10-12", 3]}]}).objective
    assert term.channels == (10, 11, 12, 3)
