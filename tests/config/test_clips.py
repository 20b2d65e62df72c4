"""Configs of clips: what the clip decides, and what only clips have."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from zoomdream.config import ClipFacts, Config, FramesSource, VideoSource, json_schema, load_config, load_config_text
from zoomdream.config.defaults import CLIP_DEFAULTS
from zoomdream.config.preview import preview
from zoomdream.config.schema_source import Footage, Series
from zoomdream.errors import ConfigError

FACTS = ClipFacts(size=(271, 481), fps=Fraction(24), seconds=Fraction(10))
SOURCE = {"kind": "video", "path": "a.mp4"}


def load(
    changes: dict[str, Any] | None = None, overrides: tuple[str, ...] = (), facts: ClipFacts = FACTS, **source: Any
) -> Config:
    """A config of a clip that is as `facts` say; `source` are keys of its source."""
    tree = {"source": {**SOURCE, **source}, **(changes or {})}
    return load_config(tree, overrides, clip_facts=lambda path: facts)


def test_size_rate_and_length_are_the_clips_own_where_they_are_left_out():
    config = load()
    assert config.size == (480, 270)
    assert config.fps == 24
    assert config.frames == 240
    assert config.source == VideoSource(kind="video", path=Path.cwd() / "a.mp4")
    chosen = load({"size": [64, 48], "fps": 12, "duration": "2s"})
    assert (chosen.size, chosen.fps, chosen.frames) == ((64, 48), 12, 24)
    assert load({"fps": 12}).frames == 120
    assert load({"size": None, "fps": None, "frames": None, "duration": None}) == config


@pytest.mark.parametrize(
    ("output", "encode", "size"),
    [
        ("a.mp4", {}, (480, 270)),
        ("a.mp4", {"pixel_format": "yuv422p"}, (480, 271)),
        ("a.mp4", {"pixel_format": "yuv444p"}, (481, 271)),
        ("a.webm", {}, (480, 270)),
        ("a.mkv", {"codec": "ffv1"}, (481, 271)),
        ("a.mkv", {"codec": "prores"}, (480, 271)),
        ("a.gif", {}, (481, 271)),
        ("a.webp", {}, (481, 271)),
        ("a.webp", {"pixel_format": "yuv420p"}, (480, 270)),
        ("a/%05d.png", {}, (481, 271)),
    ],
)
def test_the_size_is_rounded_down_only_where_pixels_share_their_colour(output, encode, size):
    assert load({"output": output, "encode": encode}).size == size


def test_the_defaults_of_clips_lie_under_what_is_given(monkeypatch):
    changed = {"camera.zoom": 1.25, "dream.warmup": 3, "seed": 5, "objective": [{"layer": "x"}, {"layer": "y"}]}
    monkeypatch.setattr("zoomdream.config.defaults.CLIP_DEFAULTS", changed)
    config = load({"camera": {"rotate": 2, "zoom": None}, "seed": 9}, ("objective.1.weight=0.5",))
    assert (config.camera.zoom.constant, config.camera.rotate.constant) == (1.25, 2)
    assert (config.dream.warmup, config.seed) == (3, 9)
    assert [(term.layer, term.weight.constant) for term in config.objective] == [("x", 1), ("y", 0.5)]
    assert load_config({}).camera.zoom.constant != 1.25
    assert load({"camera": {"zoom": 1.5}, "dream": None}).camera.zoom.constant == 1.5


def test_a_clip_stands_still_unless_the_camera_is_told_to_move():
    camera = load().camera
    assert (camera.zoom.constant, camera.rotate.constant) == (1, 0)
    assert load_config({}).camera.zoom.constant != 1


def test_every_default_of_clips_is_a_key_with_an_allowed_value():
    tree = load().tree()
    for key, value in CLIP_DEFAULTS.items():
        *section, name = key.split(".")
        assert (tree[section[0]] if section else tree)[name] == value


def test_start_and_end_cut_out_a_part():
    config = load(start="2s", end="00:00:05.5")
    assert isinstance(config.source, VideoSource)
    assert (config.source.start, config.source.end, config.frames) == (2, Fraction(11, 2), 84)
    assert load(start=9).frames == 24
    assert load({"fps": 10}, start=9).frames == 10


@pytest.mark.parametrize(
    ("start", "end", "frames"),
    [
        ("2.51s", "3s", 11),  # frames 61 to 71: frame 72 begins at 3 s
        ("2.5s", "3s", 12),
        ("2.5417s", "3s", 11),  # frame 61, as YAML tells its time
        ("2.51s", "3.0001s", 12),
        ("0.02s", None, 239),  # of 240
        ("0.02s", "10.02s", 239),  # an end that is rounded up adds no frame
        ("9.99s", None, 0),
    ],
)
def test_at_its_own_rate_a_part_has_the_frames_from_start_on_and_before_the_end(start, end, frames):
    if frames:
        assert load(start=start, end=end).frames == frames
        assert load({"frames": frames}, start=start, end=end).frames == frames
    with pytest.raises(ConfigError, match=f"there are {frames} "):
        load({"frames": frames + 1}, start=start, end=end)


def test_where_a_clip_is_sampled_the_seconds_count():
    no_grid = ClipFacts((64, 64), Fraction(24), Fraction(10), grid=False)
    assert load(facts=no_grid, start="2.51s", end="3s").frames == 12  # 11.76
    assert load({"fps": 48}, start="2.51s", end="3s").frames == 24  # 23.52
    assert load({"fps": 12}, start="2.6s", end="3.1s").frames == 6


def test_times_in_a_clip_count_the_clips_own_frames():
    config = load({"fps": 12, "flow": {"cuts": ["120f", "1s", 1, "48f"]}}, start="24f", end="72f")
    assert isinstance(config.source, VideoSource)
    assert (config.source.start, config.source.end, config.frames) == (1, 3, 24)
    assert config.flow.cuts == (1, 2, 5)


def test_a_length_beyond_the_clips_end_by_less_than_half_a_frame_is_rounding():
    facts = ClipFacts((64, 64), Fraction(24), Fraction("9.99"))
    config = load({"duration": "10s"}, facts=facts, end="10s")
    assert config.frames == load(facts=facts).frames == 240
    with pytest.raises(ConfigError, match=r"source\.end \(10\.1 s\)"):
        load(facts=facts, end="10.1s")


@pytest.mark.parametrize("seed", range(30))
def test_a_resolved_config_loads_again_to_the_same(seed):
    rng = random.Random(seed)
    fps = rng.choice([Fraction(24), Fraction(30000, 1001), Fraction(24000, 1001), Fraction(12345, 678)])
    facts = ClipFacts((rng.randrange(16, 99), rng.randrange(16, 99)), fps, Fraction(rng.randrange(100, 9999), 100))
    cuts: Any = rng.choice(["auto", "off", [], [f"{rng.randrange(1, 20)}f", "0.5s"]])
    config = load(
        {"flow": {"method": "raft_small", "weights": "w.pth", "cuts": cuts, "carry": "0.5 + 0.4*u"}},
        facts=facts,
        start=f"{rng.randrange(0, 7)}f",
        end=f"{rng.randrange(9, 15)}f",
    )
    again = load_config_text(config.to_yaml(), clip_facts=lambda path: facts)
    assert again == config
    assert again.to_yaml() == config.to_yaml()
    assert again.fingerprint_text() == config.fingerprint_text()
    assert hash(again) == hash(config)


def test_times_are_written_as_short_decimals_or_as_exact_fractions():
    facts = ClipFacts((64, 64), Fraction(30000, 1001), Fraction(10))
    text = load(facts=facts, start="1.5s", end="100f").to_yaml()
    assert "start: 1.5s, end: 1001/300s" in text


def test_flow_is_written_for_clips_and_for_nothing_else():
    assert load().tree()["flow"] == {"method": "dis", "carry": 0.95, "cuts": "auto"}
    assert "flow" not in load_config({}).tree()
    assert load_config({"flow": None}) == load_config({"flow": {}}) == load_config({})


def test_the_clip_and_its_flow_count_for_the_fingerprint():
    different = [
        load(),
        load({"flow": {"method": "farneback"}}),
        load({"flow": {"cuts": "off"}}),
        load({"flow": {"cuts": [1]}}),
        load({"dream": {"opacity": 0.5}}),
        load({"dream": {"mask": "mask.png"}}),
        load({"frames": 10}),
        load({"frames": 10}, start=1),
        load(fit="stretch"),
        load({"encode": {"audio": "none"}}),
    ]
    assert len({hashlib.sha256(config.fingerprint_text().encode()).hexdigest() for config in different}) == 10


def test_paths_of_clips_masks_and_weights_are_relative_to_the_file(tmp_path):
    asked: list[Path] = []

    def facts(path: Path) -> ClipFacts:
        asked.append(path)
        return FACTS

    text = (
        "source: {kind: video, path: films/a.mp4}\ndream: {mask: ../mask.png}\n"
        "flow: {method: raft_large, weights: w.pth}\nencode: {ffmpeg: path}\n"
    )
    config = load_config_text(text, folder=tmp_path / "here", clip_facts=facts)
    assert asked == [tmp_path / "here/films/a.mp4"]
    assert config.dream.mask == tmp_path / "mask.png"
    assert config.flow.weights == tmp_path / "here/w.pth"


def test_the_sound_is_the_sources_unless_the_file_cannot_hold_it():
    assert load().encode.audio == "source"
    assert load({"encode": {"audio": "none"}}).encode.audio == "none"
    assert load({"output": "a.gif"}).encode.audio == "none"
    assert load({"output": "a.gif", "encode": {"audio": "source"}}).encode.audio == "none"
    assert load({"encode": {"audio": "song.mp3"}}).encode.audio == Path.cwd() / "song.mp3"


def test_a_preview_of_a_clip_shows_the_same_moments():
    config = load({"flow": {"cuts": [3]}}, start=2)
    draft = preview(config)
    assert (draft.fps, draft.source, draft.flow.cuts) == (24, config.source, config.flow.cuts)
    assert load_config_text(draft.to_yaml(), clip_facts=lambda path: FACTS) == draft


def test_an_average_rate_of_many_digits_is_rounded_to_one_that_files_can_hold():
    fps = Fraction(12_345_678_901, 456_789_012)
    seconds = Fraction(100_000) / fps
    config = load(facts=ClipFacts((64, 64), fps, seconds))
    assert max(config.fps.numerator, config.fps.denominator) <= 1_000_000
    assert abs(config.fps / fps - 1) < Fraction(1, 10**7)
    assert config.frames == 100_000


def test_a_clip_may_be_given_on_the_command_line_alone():
    facts: Callable[[Path], ClipFacts] = lambda path: FACTS  # noqa: E731
    for overrides in (("source.path=a.mp4", "source.kind=video"), ("source.kind=video", "source.path=a.mp4")):
        config = load_config({}, overrides, clip_facts=facts)
        assert isinstance(config.source, VideoSource)
        assert config.camera.zoom.constant == 1


def test_numbered_pictures_are_shown_at_fps_which_is_24_by_default():
    asked: list[Footage] = []

    def facts(footage: Footage) -> ClipFacts:
        asked.append(footage)
        assert isinstance(footage, Series)
        return ClipFacts((48, 64), footage.rate, 10 / footage.rate)

    source = {"kind": "frames", "path": "a/%05d.png", "missing": "hold", "end": "5f"}
    config = load_config({"source": source}, clip_facts=facts)
    assert isinstance(config.source, FramesSource)
    assert (config.fps, config.frames, config.source.end) == (24, 5, Fraction(5, 24))
    assert config.camera.zoom.constant == 1  # the default of clips
    assert asked == [Series(Path.cwd() / "a/%05d.png", Fraction(24), "hold", "auto")]
    ten = load_config({"source": {"kind": "frames", "path": "a"}, "fps": 10}, clip_facts=facts)
    assert (ten.frames, ten.fps) == (10, 10)
    assert load_config(ten.tree(), clip_facts=facts) == ten


def test_the_schema_knows_clips():
    schema = json_schema()
    assert set(schema["properties"]["source"]["discriminator"]["mapping"]) == {
        "noise",
        "image",
        "video",
        "frames",
    }
    assert "On clips the default is 1." in schema["$defs"]["Camera"]["properties"]["zoom"]["description"]
    assert schema["$defs"]["Flow"]["properties"]["method"]["default"] == "dis"
    assert schema["$defs"]["VideoSource"]["properties"]["start"]["default"] == "0"
