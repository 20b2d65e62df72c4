"""What fingers type: each typing ends in the config that it means, or in a message with something to copy."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from zoomdream.config import ClipFacts, load_config
from zoomdream.config.origin import steps
from zoomdream.errors import ConfigError

CLIP = ClipFacts((48, 64), Fraction(25), Fraction(400))


def loaded(text: str, overrides: list[str], folder: Path) -> Any:
    path = folder / "a.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path, overrides, clip_facts=lambda _: CLIP)


def at(config: Any, key: str) -> Any:
    for step in steps(key):
        config = config[step] if isinstance(step, int) else getattr(config, step)
    return getattr(config, "source", config) if key != "source" else config


UNDERSTOOD: dict[str, tuple[str, Any]] = {
    "duration: 1m": ("frames", 1800),
    "duration: 1m30s": ("frames", 2700),
    "duration: 500ms": ("frames", 15),
    "duration: 2h": ("frames", 216_000),
    "duration: 1.5 min": ("frames", 2700),
    "duration: 90 seconds": ("frames", 2700),
    "duration: 150 frames": ("frames", 150),
    "fps: 24fps": ("fps", 24),
    "fps: 30000/1001 fps": ("fps", Fraction(30000, 1001)),
    "size: 1280x720": ("size", (1280, 720)),
    "size: 1280 × 720": ("size", (1280, 720)),
    "size: [640px, 360px]": ("size", (640, 360)),
    "source: noise": ("source.kind", "noise"),
    "source: photo.jpg": ("source.kind", "image"),
    "source: {path: photo.JPG}": ("source.kind", "image"),
    "source: holiday.mp4": ("source.kind", "video"),
    "source: shots/%05d.png": ("source.kind", "frames"),
    "source: shots/####.exr": ("source.kind", "frames"),
    "source: 'photo #3.jpg'": ("source.kind", "image"),
    "objective: mixed4c": ("objective.0.layer", "mixed4c"),
    "objective: [mixed4c, mixed4d]": ("objective.1.layer", "mixed4d"),
    "objective: {class: banana}": ("objective.0.class", ("banana",)),
    "network: googlenet": ("network.name", "googlenet"),
    "camera: {zoom: 1.35x}": ("camera.zoom", 1.35),
    "camera: {zoom: 1.35x/s}": ("camera.zoom", 1.35),
    "camera: {rotate: 90deg}": ("camera.rotate", 90),
    "camera: {rotate: -3°/s}": ("camera.rotate", -3),
    "camera: {pan: [10%, 0]}": ("camera.pan.0", 0.1),
    "camera: {pivot: [50%, 25%]}": ("camera.pivot.1", 0.25),
    "color: {hold: 95%}": ("color.hold", 0.95),
    "dream: {jitter: 16px}": ("dream.jitter", 16),
    "dream: {rate: 8 fps}": ("dream.rate", 8),
    "dream: {noise: 2%}": ("dream.noise", 0.02),
    "performance: {tile: 512px}": ("performance.tile", 512),
}


@pytest.mark.parametrize("text", UNDERSTOOD)
def test_what_has_one_meaning_is_understood(text: str, tmp_path: Path) -> None:
    key, value = UNDERSTOOD[text]
    config = loaded(text, [], tmp_path)
    assert at(config, key) == value
    assert loaded(config.to_yaml(), [], tmp_path) == config


SET: dict[str, tuple[str, Any]] = {
    "size=1280x720": ("size", (1280, 720)),
    "fps=24fps": ("fps", 24),
    "source=noise": ("source.kind", "noise"),
    "source=my photo #3.jpg": ("source.path.name", "my photo #3.jpg"),
    "source=[4K] sea.mp4": ("source.path.name", "[4K] sea.mp4"),
    "source={path: holiday.mp4, start: 1s}": ("source.start", 1),
    "objective=mixed4d": ("objective.0.layer", "mixed4d"),
    "objective[0].layer=mixed4d": ("objective.0.layer", "mixed4d"),
    "network=googlenet": ("network.name", "googlenet"),
    "network.name=inception5h": ("network.name", "inception5h"),
    "objective[0].weight=2": ("objective.0.weight", 2),
    "camera.pivot[1]=25%": ("camera.pivot.1", 0.25),
    "camera.rotate=90deg": ("camera.rotate", 90),
}


@pytest.mark.parametrize(
    "given", [{"source": "a.png", "network": "googlenet"}, {"source": {"kind": "video", "path": "b.mp4", "start": 2}}]
)
@pytest.mark.parametrize("override", SET)
def test_the_same_is_understood_after_set_whatever_the_file_says(override: str, given: dict[str, Any]) -> None:
    key, value = SET[override]
    assert at(load_config(given, [override], clip_facts=lambda _: CLIP), key) == value


@pytest.mark.parametrize("given", ["{}", "camera: {zoom: {keys: {9s: 3}}}", "camera: {zoom: {9s: 3, ease: hold}}"])
def test_keyframes_need_no_keys_and_replace_those_of_another_file(given: str, tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(given)
    text = "extends: base.yaml\ncamera: {zoom: {0s: 1.2x, 80%: 1.6, ease: smooth}}"
    long = "camera: {zoom: {keys: {0s: 1.2, 80%: 1.6}, ease: smooth}}"
    assert loaded(text, [], tmp_path).camera == loaded(long, [], tmp_path).camera


def test_a_path_without_a_kind_keeps_the_kind_of_the_file_below(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("source: {kind: video, path: a.mp4, start: 2s}")
    source = loaded("extends: base.yaml\nsource: {path: animated.png}", [], tmp_path).source
    assert (source.kind, source.start) == ("video", 2)


def test_errors_below_a_short_form_still_name_their_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"a\.yaml, line 4: objective\.0\.weigth .* objective\.0\.weight\?"):
        loaded("fps: 30\nobjective:\n  layer: mixed4c\n  weigth: 2", [], tmp_path)


MISTAKES = {
    # the line, and that line as it should be; all else as it is
    "fps: 30\ncamera:\n\tzoom: 2": (3, "  zoom: 2"),
    "fps:\t30": (1, "fps: 30"),
    "fps 30\nseed: 7": (1, "fps: 30"),
    "fps: 30\nseed 7\nsize: [64, 64]": (2, "seed: 7"),
    "fps: 30\ncamera\n  zoom: 2": (2, "camera:"),
    "camera:\n  zoom: 2\n  rotate 3\n": (3, "  rotate: 3"),
    "camera:\n  zoom:2\n  rotate: 3": (2, "  zoom: 2"),
    "fps = 30  # frames\nseed: 7": (1, "fps: 30"),
    "size: [640, 360\nfps: 30": (1, "size: [640, 360]"),
    "source: {kind: noise\nfps: 30": (1, "source: {kind: noise}"),
    "fps: 30\ncamera:\n  zoom: \"1.3 + t/9\nseed: 7": (3, '  zoom: "1.3 + t/9"'),
    "camera:\n  zoom: 2\n   rotate: 3\nfps: 30": (3, "  rotate: 3"),
    "camera:\n    zoom: 2\n  rotate: 3\nfps: 30": (3, "    rotate: 3"),
    "objective:\n  - layer: mixed4c\n  weight: 2": (3, "    weight: 2"),
    "source: @friend.png": (1, "source: '@friend.png'"),
    'source: "C:\\photos\\a.jpg"': (1, "source: 'C:\\photos\\a.jpg'"),
    "output: a: b.mp4": (1, "output: 'a: b.mp4'"),
    "camera: {zoom: 2 rotate: 3}": (1, "camera: {zoom: 2, rotate: 3}"),
    "camera:\n\u00a0\u00a0zoom: 2": (2, "  zoom: 2"),
}  # fmt: skip


@pytest.mark.parametrize("text", MISTAKES)
def test_a_slip_in_the_yaml_is_told_with_its_line_and_that_line_mended(text: str, tmp_path: Path) -> None:
    number, mended = MISTAKES[text]
    with pytest.raises(ConfigError) as caught:
        loaded(text, [], tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'a.yaml'}, line {number}: ")
    assert f"`{mended}`" in message
    lines = text.splitlines()
    lines[number - 1] = mended
    loaded("\n".join(lines), [], tmp_path)


ASKED = {
    # what is no YAML of ours, or means several things, and what the message gives to copy
    "fps:30": "`fps: 30`",
    "fps: 30 seed: 7": "`fps: 30`, and below it `seed: 7`",
    "```yaml\nfps: 30\n```": "Leave the line out",
    "objective:\n  -layer: mixed4c": "`- layer: mixed4c`",
    "camera: {zoom:2}": "`zoom: 2`",
    "camera: {zoom: “1.3 + t”}": '`"1.3 + t"`',
    "fps: 30,": "fps: 30.",
    "seed: '7'": "seed: 7.",
    "size: 720p": "size: 1280x720",
    "size: 960": "size: 960x540",
    "size: 640 by 360": "size: 640x360",
    "width: 640": "size: 640x360",
    "frames: 10s": "duration: 10s",
    "fps: 29,97": "fps: 29.97",
    "length: 10": "duration: 10?",
    "output: film": "output: film.mp4",
    "encode: h265": "encode: {codec: h265}",
    "camera: 1.2": "camera: {zoom: 1.2}",
    "performance: cuda": "performance: {device: cuda}",
    "input: a.mp4": "source: a.mp4",
    "width: 96\nheight: 64": "size: 96x64?",
    "image: sea.jpg": "source: sea.jpg?",
    "palette: sea.jpg": "color: {reference: sea.jpg}",
    "color: sea.jpg": "color: {reference: sea.jpg}",
    "music: on": "music: {}",
    "camera:\n  zoom 1.5": "camera: {zoom: 1.5}",
    "camera:zoom: 1.5": "camera: {zoom: 1.5}",
    "camera: {zoom: 1,5}": "zoom: 1.5.",
    "camera: {pivot: center}": "pivot: [0.5, 0.5]",
    "camera: {pivot: 50% 50%}": "pivot: [50%, 50%]",
    "zoom_speed: 2": "camera.zoom?",
    "camera: {zoom_speed: 2}": "camera.zoom?",
    "dream: {strength: 0.01}": "dream.step_size?",
    "output: frames/": "frames/%05d.png",
    "output: g/####.png": "output: g/%04d.png",
    "loop: yes": "loop: true",
    "encode: {codec: hevc}": "codec: h265",
    "encode: {crf: high}": "crf: 15",
    "seed: random": "seed: 4711",
    "performance: {threads: all}": "threads: auto",
    "performance: {memory: 6}": "memory: 6 GiB",
    "source: {kind: photo, path: a.jpg}": "kind: image",
    "layer: mixed4d": "objective.layer",
    "camera: {rotation: 3}": "camera.rotate",
    "dream: {iterations: 9}": "dream.steps",
    "source: loop.gif": 'source: {kind: video, path: "loop.gif"}',
    "source: shots": 'source: {kind: frames, path: "shots"}',
    "source: {kind: noise, path: a.jpg}": "source: a.jpg",
    "objective: {mixed4c: 2}": "objective: [{layer: mixed4c, weight: 2}]",
    "camera: {zoom: 5%}": "1.05",
    "camera: {zoom: '1,35'}": "1.35",
    "camera: {zoom: '0:(1.2), 60:(1.5)'}": "{0f: 1.2, 60f: 1.5}",
    "camera: {zoom: [1.2, 1.6]}": "{0%: 1.2, 100%: 1.6}",
    "camera: {zoom: 1.2 -> 1.6}": "{0%: 1.2, 100%: 1.6}",
    "camera: {zoom: {start: 1.2, end: 1.6}}": "{0%: 1.2, 100%: 1.6}",
    "camera: {zoom: '{0s: 1.2, 4s: 1.6}'}": "written {0s: 1.2, 4s: 1.6}",
    "camera: {zoom: '0:1.2 4:1.6'}": "{0s: 1.2, 4s: 1.6}",
    "camera: {zoom: 1 + 0.1 sin(t)}": "1 + 0.1*sin(t)",
    "camera: {zoom: {0s: 1, 5s: 2, ease: ease-in-out}}": "Did you mean in_out_sine?",
    "camera: {zoom: {0s: 1, 5s: 2, ease: easeInCubic}}": "Did you mean in_cubic?",
    "camera: {zoom: {0s: 1, 5s: 2, easing: smooth}}": "Did you mean ease?",
    "dream: {warmup: 2s}": 'warmup is "2s". Allowed:',
    "camera: {zoom: 1.2 + time/9}": "did you mean t?",
    "camera: {zoom: 1.2^t}": "instead of **",
    "camera: {zoom: {0s: 1, 9s: 2, ease: ease_in_out}}": "in_out_",
    "camera: {rotate: 1turn}": "such as 1.",
    "dream: {octaves: 3x}": "octaves: 3.",
    "encode: {crf: '18'}": "crf: 18.",
    "zoom: 1.2": "camera.zoom",
}


@pytest.mark.parametrize("text", ASKED)
def test_what_is_not_understood_is_answered_with_what_to_write(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(text, [], tmp_path)
    assert ASKED[text] in str(caught.value)
    assert str(tmp_path / "a.yaml") in str(caught.value)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("camera.zoom 1.5", "--set camera.zoom=1.5"),
        ("camera.zoom: 1.5", "--set camera.zoom=1.5"),
        ("objective.layer=mixed4d", "objective.0.layer"),
        ("source.path=photo.jpg", "source: photo.jpg"),
    ],
)
def test_a_slip_after_set_is_answered_too(override: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"^--set {re.escape(override)}") as caught:
        loaded("source: noise\nobjective: mixed4c", [override], tmp_path)
    assert told in str(caught.value)
