"""Paths after `--set`, in the YAML and after `--output`: taken as they are, whatever they hold."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from zoomdream.config import load_config
from zoomdream.config.load import load_config_text

NAMES = [
    "My trip #3.png", "Trip: day 1.png", "[4K] sea.png", "@friend.png", "it's 'it'.png", '"said".png', "100% sure.png",
    "{draft}.png", "*star*.png", "&and.png", "!new.png", "| pipe.png", "> more.png", "-dash.png", "- item.png",
    "two\nlines.png", "tab\there.png", " spaces at the ends ", "%05d.png", "007", "1.5", "1e3", "0x10", "true", "off",
    "null", "~draft.png", "a=b.png", "`tick`", "back\\slash.png", "caf\udce9.png", "\u65e5\u672c.png", "\u2028.png",
]  # fmt: skip
KEYS = ["source.path", "dream.mask", "network.weights", "color.reference", "encode.audio", "objective.0.guide",
        "objective.0.network.weights"]  # fmt: skip


def at(config: object, key: str) -> object:
    for step in key.split("."):
        config = config[int(step)] if step.isdecimal() else getattr(config, step)  # type: ignore[index]
    return config


@pytest.mark.parametrize("name", NAMES)
def test_a_path_after_set_is_taken_as_it_is_and_comes_back_from_the_resolved_config(name):
    given = {"source": {"kind": "image", "path": "x"}, "objective": [{"layer": "mixed4c", "network": {}}]}
    config = load_config(given, [f"{key}={name}" for key in KEYS], output=f"{name}.mp4")
    assert [at(config, key) for key in KEYS] == [Path.cwd() / name] * len(KEYS)
    assert config.output == Path(f"{name}.mp4")
    assert load_config_text(config.to_yaml()) == config
    assert config.to_yaml().encode()  # what a file name's odd bytes become can be stored anywhere


def test_code_of_ones_own_is_a_path_too():
    assert load_config({}, ["network.python=my #1.py:make"]).network.python == f"{Path.cwd()}/my #1.py:make"


def test_a_whole_section_after_set_is_still_yaml_and_an_empty_path_is_none():
    config = load_config({}, ["source={kind: image, path: 007}", "dream.mask=a.png", "dream.mask="])
    assert config.source.path == Path.cwd() / "007"
    assert config.dream.mask is None


@pytest.mark.parametrize("name", ["007", "1.50", "0x10", "true", "off", "1e3", ".5"])
def test_a_name_in_the_yaml_that_looks_like_a_number_is_still_a_name(name):
    text = f"source: {{kind: image, path: {name}}}\nobjective:\n- layer: mixed4c\n  guide: {name}"
    config = load_config_text(text)
    assert config.source.path == config.objective[0].guide == Path.cwd() / name


def test_a_file_that_is_extended_may_be_named_like_a_number(tmp_path):
    (tmp_path / "007").write_text("seed: 5")
    (tmp_path / "a.yaml").write_text("extends: 007")
    assert load_config(tmp_path / "a.yaml").seed == 5


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_name_is_found_however_its_accents_are_written(form, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    other = "NFD" if form == "NFC" else "NFC"
    there, typed = (unicodedata.normalize(f, "é/ü.png") for f in (form, other))
    Path(there).parent.mkdir()
    Path(there).touch()
    config = load_config({"source": {"kind": "image", "path": typed}}, output=unicodedata.normalize(other, "é/new.mp4"))
    assert config.source.path == tmp_path / there
    assert config.output.parent == Path(there).parent  # no second folder that looks the same


def test_a_file_whose_name_begins_with_a_tilde_counts_before_a_home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    os.mkdir("~")
    Path("~/mine.png").touch()
    given = ["source={kind: image, path: x}", "source.path=~/mine.png", "color.reference=~/other.png"]
    config = load_config({}, given)
    assert config.source.path == tmp_path / "~" / "mine.png"
    assert config.color.reference == tmp_path / "home" / "other.png"
