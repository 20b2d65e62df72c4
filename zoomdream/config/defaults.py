"""Defaults, with those of clips and of classes out of noise; and the JSON Schema for editors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from zoomdream.config.codecs import CODECS, fitting
from zoomdream.config.fields import TIME_PATTERN
from zoomdream.config.schema import Config
from zoomdream.config.units import TIMES_ALLOWED

DEFAULT_OUTPUT = "zoomdream.mp4"
DEFAULT_DURATION = "12s"
DEFAULT_FPS = 30

CLIP_DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "camera.zoom": 1.0,
        "camera.rotate": 0.0,
        "dream.step_size": 0.0018,
        "dream.noise": 0.0,
        "dream.variety": 0.0,
        "dream.warmup": 5,
    }
)
"""Defaults that are others where the source is a clip: dotted key to value, as YAML gives it. Size, fps and length are
the clip's own.
"""

FRAMES_DEFAULTS: Mapping[str, Any] = MappingProxyType({"fps": 24})
"""What numbered pictures do not tell, dotted key to value; the other defaults are those of clips."""

EVERY_DEFAULTS: Mapping[str, Any] = MappingProxyType({"dream.warmup": 10})
"""Defaults with `dream.every`, whose dreams are weaker, one by one, than those of `dream.rate`."""

DROSTE_DEFAULTS: Mapping[str, Any] = MappingProxyType({"dream.warmup": 24, "dream.noise": 0.0})
"""Defaults in the Droste space, whose picture is dreamt once and never resampled: noise would stay in it as grain."""

DROSTE_PICTURE_DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {**DROSTE_DEFAULTS, "dream.warmup": 5, "dream.step_size": 0.002}
)
"""Defaults there where the source is a picture, which should stay itself."""

CLASS_DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "dream.rate": 24.0,
        "dream.step_size": "0.002 + 0.006*exp(-2.5*t)",
        "dream.warmup": 10,
        "dream.noise": 0.0,
        "dream.jitter": 32,
        "dream.hues": "natural",
        "dream.turn": 10.0,
        "dream.stretch": 0.1,
        "dream.blur": "0.3 + 1.2*exp(-3*t)",
        "color.hold": 0.995,
    }
)
"""Defaults that are others where all terms are classes and the source is noise: dotted key to value, as YAML gives it.

Without them a classifier sees bananas in coloured noise; see docs/benchmarks.md for what each of them contributes.
"""


CLASS_LOOP_DEFAULTS: Mapping[str, Any] = MappingProxyType({"dream.step_size": 0.004, "dream.blur": 0.5})
"""What the same begins with and what it comes to cannot differ in a loop, which has no beginning."""


def is_clip(data: dict[str, Any]) -> bool:
    """Whether the plain values of a config have a clip as their source."""
    source = data.get("source")
    return isinstance(source, dict) and source.get("kind") in ("video", "frames")


def _is_class_picture(data: dict[str, Any]) -> bool:
    """Whether the plain values of a config name nothing but classes as their objective, and noise as their source."""
    terms, source = data.get("objective"), data.get("source") or {"kind": "noise"}
    if not isinstance(terms, list) or not terms or not isinstance(source, dict) or source.get("kind") != "noise":
        return False
    return all(isinstance(term, dict) and term.get("class") is not None for term in terms)


def with_defaults(data: dict[str, Any]) -> dict[str, Any]:
    """The plain values of a config with the defaults of its kind for what is left out, codec, crf, preset and sound
    among them. `output` is among the values.
    """
    if isinstance(dream := data.get("dream"), dict) and dream.get("every") is not None:
        data = _filled(data, EVERY_DEFAULTS)
    if is_clip(data):
        data = _filled(data, CLIP_DEFAULTS)
        if data["source"]["kind"] == "frames":
            data = _filled(data, FRAMES_DEFAULTS)
    elif isinstance(camera := data.get("camera"), dict) and camera.get("space") == "droste":
        source = data.get("source")
        picture = isinstance(source, dict) and source.get("kind") == "image"
        data = _filled(data, DROSTE_PICTURE_DEFAULTS if picture else DROSTE_DEFAULTS)
    elif _is_class_picture(data):
        data = _filled(_filled(data, CLASS_LOOP_DEFAULTS) if data.get("loop") else data, CLASS_DEFAULTS)
    return _with_encoding(data)


def _filled(data: dict[str, Any], defaults: Mapping[str, Any], over: bool = False) -> dict[str, Any]:
    """The plain values with defaults for what is left out; `over`: in place of what is there.

    What should be a section and is not stays as it is: the schema reports it.
    """
    found = dict(data)
    for key, value in defaults.items():
        section, _, name = key.rpartition(".")
        inside = (found.get(section) or {}) if section else found
        if isinstance(inside, dict) and (over or inside.get(name) is None):
            found |= {section: {**inside, name: value}} if section else {name: value}
    return found


def _with_encoding(data: dict[str, Any]) -> dict[str, Any]:
    """The plain values with the codec of the output's extension, its crf, preset and sound."""
    given, output = data.get("encode", {}), data["output"]
    if not isinstance(given, dict):
        return data
    encode = dict(given)
    codecs = fitting(Path(output)) if isinstance(output, str) else ()
    if encode.get("codec") is None and codecs:
        encode["codec"] = codecs[0]
    codec = next((codec for name, codec in CODECS.items() if name == encode.get("codec")), None)
    if codec is None:
        return {**data, "encode": encode}
    if codec.silent and encode.get("audio") in (None, "source"):
        encode["audio"] = "none"
    hardware = encode.get("hardware") not in (None, "off")  # whose encoders have presets of their own, if any
    for key, value in (("crf", codec.crf), ("preset", "" if hardware else codec.preset)):
        if encode.get(key) is None and value not in (None, ""):
            encode[key] = value
    return {**data, "encode": encode}


def default_tree(clip: bool = False) -> dict[str, Any]:
    """The config of an empty file as plain values; clip: with the defaults of clips, but for what only a clip knows."""
    tree = Config().tree()
    return _filled(tree, CLIP_DEFAULTS, over=True) if clip else tree


def json_schema() -> dict[str, Any]:
    """The schema of a config file: each key with its description, unit, range and default."""
    schema = Config.model_json_schema(mode="validation")
    properties = schema["properties"]
    properties["frames"].pop("default")  # by default the duration decides
    duration = {
        "description": "Length of the render; frames = duration × fps, rounded; by default all of a clip. "
        f"Allowed: {TIMES_ALLOWED}, with music also beats (16b) or bars (8bars).",
        "anyOf": [
            {"type": "number", "exclusiveMinimum": 0},
            {"type": "string", "pattern": TIME_PATTERN + r"|^[\d.]+\s?b(eats?|ars?)?$"},
        ],
        "default": DEFAULT_DURATION,
        "examples": ["00:01:30"],
    }
    extends = {
        "description": "Another config that this one is merged over. Allowed: a path, relative to this file.",
        "type": "string",
        "examples": ["endless_zoom.yaml"],
    }
    matrix = {
        "description": "For `zoomdream batch`: lists of values, every combination of which is a render of its own. "
        "Allowed: keys with lists of values.",
        "type": "object",
        "examples": [{"seed": [1, 2, 3], "camera.zoom": [1.2, 1.5]}],
    }
    kinds = {
        "On clips": CLIP_DEFAULTS,
        "On numbered pictures": FRAMES_DEFAULTS,
        "With dream.every": EVERY_DEFAULTS,
        "In the Droste space": DROSTE_DEFAULTS,
        "There on a picture": DROSTE_PICTURE_DEFAULTS,
        "For classes out of noise": CLASS_DEFAULTS,
        "In a loop of such": CLASS_LOOP_DEFAULTS,
    }
    for place, defaults in kinds.items():
        for key, value in defaults.items():
            *section, name = key.split(".")
            owner = schema["$defs"][section[0].capitalize()]["properties"] if section else properties
            shown = f"{value:g}" if isinstance(value, float) else value
            owner[name]["description"] += f" {place} the default is {shown}."
    properties["size"]["type"] = ["array", "string"]  # the short forms that `shorthand` writes out
    properties["source"]["oneOf"].append({"type": "string"})
    properties["network"]["anyOf"] = [{"$ref": properties["network"].pop("$ref")}, {"type": "string"}]
    properties["objective"]["type"] = ["array", "object", "string"]
    properties["objective"]["items"] = {"anyOf": [properties["objective"]["items"], {"type": "string"}]}
    for name in ("output", "codec"):  # their defaults depend on the file's name
        owner = properties if name == "output" else schema["$defs"]["Encode"]["properties"]
        owner[name].pop("default", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "zoomdream",
        "properties": {**properties, "duration": duration, "extends": extends, "matrix": matrix},
        "not": {"required": ["duration", "frames"]},
    }
