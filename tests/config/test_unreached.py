"""What a film never reaches of its schedules is warned of, with the likely meaning; what it reaches is not."""

from __future__ import annotations

import pytest

from zoomdream.config import load_config_text
from zoomdream.config.unreached import warnings

LOOP = "loop: 2s\n"
FILM = "size: [64, 48]\nfps: 30\nduration: 2s\n"


def told(zoom: str, more: str = "") -> list[str]:
    return list(warnings(load_config_text(f"{FILM}{more}camera:\n  zoom: {zoom}\n", "a.yaml")))


@pytest.mark.parametrize(
    ("zoom", "parts"),
    [
        (
            "{keys: {0: 1.2, 60: 1.8}}",
            ["the keyframe at 60s lies", "(2s, 60 frames)", "frame 60 is written 60f"],
        ),
        (
            "{keys: {0: 1.2, 30: 1.5, 60: 1.8}}",
            ["keyframes at 30s, 60s lie", "their values", " 30 is written 30f"],
        ),
        ("{keys: {0f: 1.2, 150f: 1.8}}", ["the keyframe at 150f lies", "counted from 0f to 59f"]),
        ("{keys: {0%: 1.2, 00:01:30: 1.8}}", ["the keyframe at 90s lies"]),
        ("{keys: {0%: 1.2, 3s: 1.8}}", ["the keyframe at 3s lies"]),  # its unit says what it means
        (
            "{keys: {10: 1.2, 20: 1.8}}",
            ["all keyframes lie beyond", "stays that of the first", "frame 10 is written 10f"],
        ),
        ("{keys: {0: 1.2, 5000: 1.8}}", ["the keyframe at 5000s lies"]),
        ("1.2 if t < 60 else 1.8", ['"t < 60" looks for a moment beyond', "t counts seconds"]),
        ("1.2 if 90 <= frame else 1.8", ['"90 <= frame"', "frame counts frames"]),
        ("1 + smoothstep(30, 60, t)", ['"smoothstep(30, 60, t)"', "t counts seconds"]),
        ("1.2 if u > 50 else 1.8", ['"u > 50"', "u goes from 0 to 1"]),
        ('{keys: {0: 1.2, 1s: "1 + (t > 9)"}}', ['"t > 9"']),
    ],
)
def test_what_is_never_reached_is_told_with_its_place_and_the_likely_meaning(zoom: str, parts: list[str]) -> None:
    (warning,) = told(zoom)
    assert warning.startswith("a.yaml, line 5: camera.zoom: ")
    assert [part for part in parts if part not in warning] == []
    assert ("is written" in warning) == any("is written" in part for part in parts)


@pytest.mark.parametrize(
    "zoom",
    [
        "1.5",
        "{keys: {0s: 1.2, 2s: 1.8}}",  # the end itself, although the last frame is a thirtieth before it
        "{keys: {0f: 1.2, 60f: 1.8}}",
        "{keys: {0%: 1.2, 100%: 1.8}}",
        "1.2 if t < 2 else 1.8",
        "1 + smoothstep(0, 60, t)",
        "1.2 if frames > 100 else 1.8",
        "1.2 if sin(t) > 60 else 1.8",
    ],
)
def test_what_is_reached_is_not(zoom: str) -> None:
    assert told(zoom) == []


def test_a_part_of_a_longer_film_is_measured_by_the_whole_of_it() -> None:
    assert told("{keys: {0: 1.2, 60: 1.8}}", "timeline: 1800\n") == []


def test_every_schedule_counts() -> None:
    text = FILM + "dream: {step_size: {keys: {0: 0, 9: 0.01}}}\nobjective: [{layer: mixed4c, weight: {keys: {7: 1}}}]"
    keys = [warning.split(": ")[1] for warning in warnings(load_config_text(text, "a.yaml"))]
    assert keys == ["objective.0.weight", "dream.step_size"]


def test_a_schedule_that_jumps_where_a_loop_closes_is_told_with_the_size_of_the_jump() -> None:
    for zoom in ("1.2 + 0.1*t", "{keys: {0s: 1.2, 100%: 1.4}}"):
        (text,) = told(zoom, LOOP)
        assert "a.yaml, line 6: camera.zoom: it jumps where the loop closes, from 1.39" in text
        assert "to 1.2." in text
        assert not told(zoom)


@pytest.mark.parametrize(
    "zoom", ["1.3", "1.2 + 0.1*sin(2*pi*u)", "1.2 + 0.1*noise(t)", "{keys: {0s: 1.2, 1s: 1.4}, loop: true}"]
)
def test_a_schedule_that_closes_with_its_loop_is_not(zoom: str) -> None:
    assert not told(zoom, LOOP)


@pytest.mark.parametrize(
    "zoom",
    [
        "{keys: {0s: 1.2, 1s: 1.2}}",
        "{keys: {0s: 1.2, 2s: 1.8}, ease: hold}",  # what stands at the end comes with no frame
        "{keys: {0s: 1.2, 1s: '1.2 + 0*t'}}",
    ],
)
def test_keyframes_between_which_nothing_moves_are_told(zoom: str) -> None:
    (warning,) = told(zoom)
    assert warning == "a.yaml, line 5: camera.zoom: this never moves: its 2 keyframes make 1.2 of it all the time."


@pytest.mark.parametrize("zoom", ["1.2", "{keys: {0s: 1.2}}", "1.2*1.1", "{keys: {0f: 1.2, 58f: 1.2, 59f: 1.3}}"])
def test_what_is_constant_on_purpose_or_moves_at_the_end_is_not(zoom: str) -> None:
    assert told(zoom) == []


def test_a_file_that_says_nothing_is_told() -> None:
    (warning,) = warnings(load_config_text("# zoom: 1.5\n", "a.yaml"))
    assert warning == "a.yaml: there is no key in it, so that all of them have their defaults."


def test_a_loop_that_closes_in_few_dreams_is_told() -> None:
    (text,) = told("1.2", "loop: 1s\n")
    assert "a.yaml, line 4: loop: 1s is time for 12 dreams" in text
    assert not told("1.2", "loop: 1.5s\n")
