"""What is wrong with a config of a clip: by itself, and against the clip."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from zoomdream.config import ClipFacts, load_config, load_config_text
from zoomdream.errors import ConfigError, InputError

FACTS = ClipFacts(size=(271, 481), fps=Fraction(24), seconds=Fraction(10))
SOURCE = {"kind": "video", "path": "a.mp4"}


def error(text: str, facts: ClipFacts = FACTS) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config_text(text, "clip.yaml", clip_facts=lambda path: facts)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "parts"),
    [
        ("source: {kind: vidoe, path: a.mp4}", 1, ['source.kind is "vidoe"', "Did you mean video?"]),
        ("source: {kind: video}", 1, ["source.path is missing", "the path of a clip"]),
        ("source: {kind: image, path: a.png, start: 1s}", 1, ["source.start", "It belongs to kind: video or frames."]),
        ("source: {kind: noise, path: a.mp4}", 1, ["source.path", "It belongs to kind: image or video or frames."]),
        ("source: {kind: video, path: a.mp4, strat: 1}", 1, ["Did you mean source.start?"]),
        ("source: {kind: video, path: a.mp4, start: soon}", 1, ['source.start is "soon"', "frames (150f)"]),
        ("source: {kind: video, path: a.mp4, start: 50%}", 1, ['source.start is "50%"']),
        ("source: {kind: video, path: a.mp4, start: -1}", 1, ["source.start is -1"]),
        ("source: {kind: video, path: a.mp4, start: 1/0s}", 1, ['source.start is "1/0s"']),
        ("source: {kind: video, path: a.mp4, fit: full}", 1, ['source.fit is "full"', "Did you mean fill?", "stretch"]),
        ("source:\n  kind: video\n  path: a.mp4\n  start: 9s\n  end: 2s", 4, ["9 s", "not before", "2 s"]),
        ("source: {kind: video, path: a.mp4, start: 2s, end: 2s}", 1, ["source.start (2 s)", "source.end (2 s)"]),
        ("source: {kind: video, path: a.mp4, start: 10s}", 1, ["source.start (10 s)", "10 s long"]),
        ("source:\n  kind: video\n  path: a.mp4\n  end: 264f", 4, ["source.end (11 s)", "10 s long", "Leave it out"]),
        ("source: {kind: video, path: a.mp4, start: 1.01s, end: 1.02s}", 1, ["0.01 s", "not even one frame", "24"]),
        ("duration: 11s\nsource: {kind: video, path: a.mp4}", 1, ["duration", "264 frames (11 s)", "240 (10 s)"]),
        (
            "source: {kind: video, path: a.mp4, start: 2s, end: 4s}\nframes: 49",
            2,
            ["frames", "49", "source.start (2 s)", "source.end (4 s)", "48"],
        ),
        ("source: {kind: video, path: a.mp4}\nflow: {cuts: atuo}", 2, ['flow.cuts is "atuo"', "Did you mean auto?"]),
        ("source: {kind: video, path: a.mp4}\nflow:\n  cuts:\n  - 1s\n  - x", 5, ['flow.cuts.1 is "x"']),
        ("source: {kind: video, path: a.mp4}\nflow: {cuts: [1, 11]}", 2, ["flow.cuts.1 (11 s)", "10 s long"]),
        ("source: {kind: video, path: a.mp4}\nflow: {cuts: 3}", 2, ["flow.cuts is 3", "auto, off or a list"]),
        ("source: {kind: video, path: a.mp4}\nflow: {carry: 1}", 2, ["flow.carry is 1", "0 to 0.99"]),
        ("source: {kind: video, path: a.mp4}\nflow: {method: raft}", 2, ['flow.method is "raft"', "raft_small"]),
        ("source: {kind: video, path: a.mp4}\nflow: {weights: w.pth}", 2, ["flow.weights", "dis", "raft_small"]),
        ("source: {kind: video, path: a.mp4}\nflow: {cary: 1}", 2, ["Did you mean flow.carry?"]),
        ("flow: {method: dis}\nsource: {kind: image, path: a.png}", 1, ["flow is for clips", "source.kind is image"]),
        ("dream: {opacity: 0.5}", 1, ["dream.opacity", "source.kind is noise"]),
        ("dream: {mask: [3]}", 1, ["dream.mask is [3]", "a picture or a clip"]),
        ("encode: {audio: [3]}", 1, ["encode.audio is [3]", "source, none or the path"]),
    ],
)
def test_what_does_not_fit_names_itself_and_what_is_allowed(text, line, parts):
    message = error(text)
    assert message.startswith(f"clip.yaml, line {line}: ")
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_a_wrong_kind_of_source_is_one_mistake_whatever_else_belongs_to_clips():
    assert "flow" not in error("source: {kind: vidoe, path: a.mp4}\nflow: {method: dis}")


def test_mistakes_are_told_before_the_clip_is_looked_at():
    def never(path: Path) -> ClipFacts:
        raise AssertionError

    for changes in (
        {"seeed": 1},
        {"camera": {"zoom": 99}},
        {"frames": 1, "duration": 1},
        {"source": {"kind": "video"}},
    ):
        with pytest.raises(ConfigError):
            load_config({"source": SOURCE, **changes}, clip_facts=never)


def test_a_clip_that_cannot_be_read_is_named_with_its_line():
    def broken(path: Path) -> ClipFacts:
        raise InputError(f"{path} is not a video.")

    text = "seed: 1\nsource:\n  kind: video\n  path: a.mp4\n"
    with pytest.raises(InputError, match=r"clip\.yaml, line 4: source\.path: .*a\.mp4 is not a video\."):
        load_config_text(text, "clip.yaml", clip_facts=broken)


def test_a_clip_needs_somebody_to_look_at_it():
    with pytest.raises(ConfigError, match=r"source\.path.*zoomdream\.load_config"):
        load_config({"source": SOURCE})


@pytest.mark.parametrize("fps", [Fraction(1, 2), Fraction(480)])
def test_a_rate_that_no_render_can_have_asks_for_another(fps):
    facts = ClipFacts((64, 64), fps, Fraction(10))
    message = error("source: {kind: video, path: a.mp4}", facts)
    assert f"{float(fps):g} frames per second" in message
    assert "1 to 240" in message
    config = load_config({"source": SOURCE, "fps": 30}, clip_facts=lambda path: facts)
    assert config.frames == 300
