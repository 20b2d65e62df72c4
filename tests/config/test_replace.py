"""`config.replace`: some keys have other values, and all that follows from them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from zoomdream.config import ClipFacts, load_config
from zoomdream.errors import ConfigError


def test_the_named_keys_change_and_all_else_stays(tmp_path):
    (tmp_path / "a.yaml").write_text("size: 640x360\ncamera: {zoom: 1.5}\nobjective: mixed4c\n")
    config = load_config(tmp_path / "a.yaml")
    other = config.replace(seed=3, duration="1m", **{"camera.zoom": 1.2, "objective[0].weight": {"0s": 0, "2s": 1}})
    sets = ["seed=3", "duration=1m", "camera.zoom=1.2", "objective.0.weight={0s: 0, 2s: 1}"]
    assert other == load_config(tmp_path / "a.yaml", sets)
    assert config == load_config(tmp_path / "a.yaml")
    assert config.replace() == config


def test_short_forms_and_values_of_python_will_do():
    config = load_config({}).replace(size="320x180", source=Path("photo.jpg"), objective="mixed4d", fps=Fraction(25, 2))
    assert config == load_config({"size": [320, 180], "source": "photo.jpg", "objective": "mixed4d", "fps": 12.5,
                                  "frames": 360})  # fmt: skip


def test_an_output_of_another_kind_has_its_own_codec():
    config = load_config({"encode": {"crf": 25}})
    assert config.replace(output="b.mkv").encode.crf == 25
    assert config.replace(output="b.webm").encode == load_config({"output": "b.webm"}).encode
    with pytest.raises(ConfigError, match=r"^replace\(encode\.codec\): encode\.codec is h264"):
        config.replace(output="b.webm", **{"encode.codec": "h264"})


def test_what_is_wrong_is_told_with_its_place():
    with pytest.raises(ConfigError, match=r"^replace\(camera\.zom\): camera\.zom .* Did you mean camera\.zoom\?"):
        load_config({}).replace(**{"camera.zom": 2})


@pytest.mark.parametrize("value", [{"a": 1}, 3, [], "b"])
def test_an_output_that_is_none_is_told_too(value):
    with pytest.raises(ConfigError, match=r"^replace\(output\): output is "):
        load_config({}).replace(output=value)


def test_a_clip_is_asked_again_where_it_counts():
    asked = []

    def facts(footage):
        asked.append(footage)
        return ClipFacts((48, 64), Fraction(25), Fraction(len(asked)))

    config = load_config({"source": "a.mp4"}, clip_facts=facts)
    assert config.replace(source="b.mp4", frames=None).frames == 50
    assert [path.name for path in asked] == ["a.mp4", "b.mp4"]
