"""What a config writes: YAML that loads to the same config, canonical text, drafts, and the schema for editors."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from zoomdream.config import Config, json_schema, load_config, load_config_text

RICH = {
    "output": "films/rich.mkv",
    "size": [333, 222],
    "fps": "30000/1001",
    "duration": "00:00:09.5",
    "seed": 2**63 - 1,
    "source": {"kind": "image", "path": "a b: 'c' #.jpg"},
    "network": {"name": "googlenet", "weights": "w.pth"},
    "objective": [
        {"layer": "mixed3b", "channels": [3, 1], "weight": "1 if t < 3 else 0"},
        {
            "layer": "mixed4d",
            "weight": {"keys": {"0s": -1, "2.5s": "noise(t)", "90f": 1, "80%": 0.1}, "ease": "in_out_expo"},
        },
    ],
    "dream": {"step_size": 1e-5, "octave_scale": 2, "normalize": "std"},
    "camera": {
        "zoom": "1.3 + 0.1*sin(2*pi*t/8)",
        "pan": [0, "t/100"],
        "pivot": [0.5, {"keys": {"0": 0, "5": 1}}],
        "border": "wrap",
    },
    "color": {"hold": 0, "reference": "look.png"},
    "encode": {"audio": "song.wav", "metadata": False, "ffmpeg": "path"},
    "performance": {"device": "cuda:1", "precision": "bfloat16", "threads": 3},
}


@pytest.mark.parametrize("mapping", [{}, RICH, {"output": "a.mkv", "encode": {"codec": "ffv1"}}])
def test_a_resolved_config_loads_again_to_the_same(mapping, tmp_path):
    config = load_config(mapping)
    again = load_config_text(config.to_yaml(), "again", tmp_path)
    assert again == config
    assert again.to_yaml() == config.to_yaml()
    assert again.fingerprint_text() == config.fingerprint_text()


@pytest.mark.parametrize(
    "name",
    [
        "1e3",
        "0o7",
        "0x1f",
        "no",
        "null",
        "~",
        "true",
        "1:30",
        ".inf",
        "a: b",
        "# x",
        "é\n ü",
        " x ",
        "<<",
        "-",
        "[",
        "'",
        "\x85",
        "a\u2028b",
        "\t",
    ],
)
def test_any_text_survives_being_written(name):
    config = load_config({"objective": [{"layer": name}], "network": {"name": name}})
    assert load_config_text(config.to_yaml()) == config


def test_random_text_survives_being_written():
    rng = random.Random(3)
    for _ in range(100):
        name = "".join(
            chr(rng.choice([rng.randrange(32, 127), rng.randrange(160, 0xD7FF), rng.randrange(1, 32)]))
            for _ in range(9)
        )
        config = load_config({"objective": [{"layer": name}]})
        assert load_config_text(config.to_yaml()) == config


def test_everything_is_written_out():
    text = load_config({}).to_yaml()
    for section in (
        "output",
        "size",
        "fps",
        "frames",
        "seed",
        "source",
        "network",
        "objective",
        "dream",
        "camera",
        "color",
        "encode",
        "performance",
    ):
        assert f"\n{section}: " in f"\n{text}" or f"\n{section}:\n" in f"\n{text}"


def test_the_fingerprint_ignores_output_and_folders_and_nothing_else(tmp_path, monkeypatch):
    def fingerprint(folder: str, **changes: Any) -> str:
        (tmp_path / folder).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / folder)
        return load_config({**RICH, **changes}).fingerprint_text()

    assert fingerprint("a") == fingerprint("b", output="elsewhere/b.mkv")
    assert str(tmp_path) not in fingerprint("a")
    for change in (
        {"seed": 1},
        {"size": [64, 64]},
        {"duration": "9s"},
        {"fps": 30},
        {"source": {"kind": "noise"}},
        {"output": "a.webm"},  # another codec
        {"dream": {"steps": 1}},
    ):
        assert fingerprint("a", **change) != fingerprint("a")


def test_renders_from_before_there_was_hardware_go_on():
    def fingerprint(**encode: Any) -> str:
        return load_config({"encode": encode}).fingerprint_text()

    assert "hardware" not in fingerprint()
    assert fingerprint(hardware="off") == fingerprint()
    assert len({fingerprint(), fingerprint(hardware="nvenc"), fingerprint(hardware="qsv")}) == 3
    assert "hardware: 'off'" in load_config({}).to_yaml()


def test_renders_from_before_pictures_were_fitted_go_on():
    def fingerprint(**source: str) -> str:
        return load_config({"source": {"kind": "image", "path": "a.png", **source}}).fingerprint_text()

    assert '"fit"' not in fingerprint()
    assert fingerprint(fit="fill") == fingerprint()
    assert fingerprint(fit="fit") != fingerprint()


def test_the_schema_describes_every_key():
    schema = json_schema()
    sections = [schema["properties"], *(section["properties"] for section in schema["$defs"].values())]
    for properties in sections:
        for name, key in properties.items():
            assert "Allowed: " in key["description"], name
    assert set(schema["properties"]) == {*Config.model_fields, "extends", "duration", "matrix"}
    assert not any(section["additionalProperties"] for section in (schema, *schema["$defs"].values()))


def test_the_schema_gives_the_length_once():
    schema = json_schema()
    assert schema["properties"]["duration"]["default"] == "12s"
    assert "default" not in schema["properties"]["frames"]
    assert schema["not"] == {"required": ["duration", "frames"]}


def test_the_schema_offers_numbers_expressions_and_keyframes_for_schedules():
    zoom = json_schema()["$defs"]["Camera"]["properties"]["zoom"]
    number, expression, keyframes = zoom["anyOf"]
    assert (number["type"], number["minimum"], number["maximum"]) == ("number", 0.05, 20)
    assert expression["type"] == "string"
    assert "in_out_sine" in keyframes["properties"]["ease"]["enum"]
    assert zoom["default"] == 1.35


def test_the_schema_takes_short_forms_beside_the_long_ones():
    keys = json_schema()["properties"]
    assert "string" in keys["size"]["type"]
    assert "string" in keys["objective"]["type"]
    assert {"type": "string"} in keys["source"]["oneOf"]


def test_every_default_is_inside_its_own_range():
    assert load_config(load_config({}).tree()) == load_config({})


def test_an_output_at_home_is_at_home_and_another_stays_relative(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert load_config({"output": "~/a.mp4"}).output == tmp_path / "a.mp4"
    assert load_config({"output": "b/a.mp4"}).output == Path("b/a.mp4")
