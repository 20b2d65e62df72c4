"""docs/cookbook.md: each look is a config that loads and renders, with its picture."""

from __future__ import annotations

import pytest
import yaml

from docs import cookbook
from zoomdream.api import load_config_text
from zoomdream.config.unreached import warnings

LOOKS = cookbook.looks()
PICTURES = cookbook.PAGE.parent / "cookbook"


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_loads_without_a_warning_and_names_its_own_file(name: str):
    config = load_config_text(LOOKS[name].text, folder=cookbook.FOLDER)
    assert config.output.stem == name
    assert list(warnings(config)) == []


@pytest.mark.parametrize("name", ["smaller", "upright", "back"])
def test_its_picture_is_of_a_small_film_that_shows_what_it_shows(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(cookbook.FOLDER)
    config = cookbook.small(yaml.safe_load(LOOKS[name].text))
    assert config.frames == 12
    assert config.size == {"smaller": (640, 360), "upright": (224, 400), "back": (400, 224)}[name]


def test_each_block_of_the_page_is_a_look_and_each_look_has_a_picture_that_is_small():
    page = cookbook.PAGE.read_text(encoding="utf-8")
    assert page.count("```yaml") == page.count("\n### ") == len(LOOKS) >= 20
    assert {path.stem for path in PICTURES.glob("*.webp")} == set(LOOKS), "run `python scripts/docs/cookbook.py NAME`"
    assert sum(path.stat().st_size for path in PICTURES.iterdir()) < 1_500_000
