"""The reference says what every key, function, easing and codec is, and each of its examples loads."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import pytest
import yaml

from zoomdream.config import ClipFacts, load_config_text, reference
from zoomdream.config.expression import Moment
from zoomdream.config.functions import CONSTANTS, NAMES
from zoomdream.config.reference import Entry, chapters, look_up

PAGE = Path(__file__).parents[2] / "docs" / "reference.md"
FACTS = ClipFacts(size=(64, 48), fps=Fraction(24), seconds=Fraction(10))
SECTIONS = {
    word: chapter for word, chapter in chapters().items() if word not in ("expressions", "signals", "easings", "codecs")
}
KEYS = [entry for chapter in SECTIONS.values() for entry in chapter.entries]

OF_CLIPS = re.compile(r"flow\.|dream.opacity|encode.audio_track")


def test_the_page_is_what_the_keys_say():
    assert PAGE.read_text(encoding="utf-8") == reference.markdown(), "run `python scripts/docs/reference.py`"


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_the_example_of_a_key_sets_it_and_loads(key: Entry, tmp_path: Path):
    assert "Example" in key.facts, f"{key.name} has no example: give its setting(...) an `example`"
    (tmp_path / "endless_zoom.yaml").write_text("seed: 5\n")
    example = key.facts["Example"]
    assert key.words[1] in str(yaml.safe_load(example))
    if key.name != "matrix":  # of which a file is many configs
        around = "source: {kind: video, path: clip.mp4}\n" if OF_CLIPS.match(key.name) else ""
        load_config_text(around + example, folder=tmp_path, clip_facts=lambda _: FACTS)


@pytest.mark.parametrize("entry", [entry for chapter in chapters().values() for entry in chapter.entries])
def test_whatever_can_be_looked_up_says_what_it_is_in_a_sentence(entry: Entry):
    assert entry.about.endswith(".")
    assert all(fact for fact in entry.facts.values())
    assert entry in look_up(entry.words[0])


def test_every_name_of_an_expression_is_explained():
    assert tuple(NAMES) == (*Moment._fields[:-2], *CONSTANTS)


def test_a_key_is_found_by_its_last_name_and_so_is_a_function_by_its_name():
    assert [entry.name for entry in look_up("Zoom")] == ["camera.zoom"]
    assert [entry.name for entry in look_up("noise")] == ["dream.noise", "noise(t, stream)"]
    assert look_up("dream.noise")[0].facts["Default"].startswith("0.02. On clips the default is 0.")
    assert [entry.name for entry in look_up("objective.0.weight")] == ["objective.weight"]
    assert look_up("objective[0].weight") == look_up("objective.weight")
    assert look_up("zomo") == []


def test_a_key_that_differs_between_kinds_of_source_stands_there_once_for_each():
    assert [entry.name for entry in look_up("source.path")] == [
        f"source.path (kind: {kind})" for kind in ("image", "video", "frames")
    ]
    assert [entry.name for entry in look_up("source.start")] == ["source.start (kind: video, frames)"]
