"""What fingers type, written out: `size: 1280x720`, `source: photo.jpg`, `objective: mixed4c` are the lists and
sections that they mean. What could mean several things stays as it is, and is answered with what to write.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any

from zoomdream.config.origin import KeyPath, dotted
from zoomdream.config.read_yaml import Tree
from zoomdream.config.units import number_written

PICTURES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".bmp", ".ppm", ".pgm", ".pnm", ".avif"),
    *(".heic", ".heif", ".exr", ".hdr", ".pfm"),
)
"""Endings of pictures, also of numbered ones."""

CLIPS = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m2v", ".ts", ".mts", ".m2ts", ".wmv", ".flv"),
    *(".3gp", ".ogv", ".vob", ".mxf", ".apng", ".y4m", ".dv", ".asf"),
)
BOTH = (".gif", ".webp")
"""Endings of files that may be a picture or a clip."""

_SIZE = re.compile(r"(\d{1,6})\s?(?:px)?\s?[x×*,]\s?(\d{1,6})\s?(?:px)?", re.IGNORECASE)
_EDGE = re.compile(r"(\d{1,6})\s?px")
_HEIGHTS = {"360p": "640x360", "480p": "854x480", "hd": "1280x720", "720p": "1280x720", "full hd": "1920x1080"}
_HEIGHTS |= {"fullhd": "1920x1080", "1080p": "1920x1080", "1440p": "2560x1440", "2160p": "3840x2160"}
_HEIGHTS |= {"uhd": "3840x2160", "4k": "3840x2160"}


_ON, _OFF, _CENTRE = ("yes", "on", "true"), ("no", "off"), ("center", "centre", "middle")
_WORDS = {
    "loop": {**dict.fromkeys(_ON, "true"), **dict.fromkeys(_OFF, "false")},
    "music": dict.fromkeys(_ON, "{}"),
    "seed": {"random": "4711, or any other number; each dreams another film"},
    "camera.pivot": dict.fromkeys(_CENTRE, "[0.5, 0.5]"),
    "encode.codec": {"hevc": "h265", "x265": "h265", "avc": "h264", "x264": "h264", "h.264": "h264", "h.265": "h265"},
    "encode.crf": {"high": "15", "best": "15", "medium": "20", "low": "28"},  # the quality
    "performance.threads": dict.fromkeys(("all", "max"), "auto"),
    "source.kind": {
        **dict.fromkeys(("photo", "picture"), "image"),
        **dict.fromkeys(("clip", "film", "movie"), "video"),
    },
}
"""Words that people write as a key's value, and what is written here."""


def written_out(tree: Tree) -> Tree:
    """The tree of a config with its short forms written out, each place that of what was written. Twice is as once."""
    if not isinstance(tree.value, dict):
        return tree
    value, places = dict(tree.value), tree.places
    value |= {key: _FORMS[key](value[key]) for key in _FORMS if value.get(key) is not None}
    if isinstance(tree.value.get("objective"), dict):  # the only term of a list
        places = {**places, **{_as_first(path): place for path, place in places.items()}}
    return Tree(value, places)


def with_kind(value: dict[str, Any]) -> dict[str, Any]:
    """The plain values with the kind of a source that only has a path, where its name leaves no doubt."""
    source = value.get("source")
    if not isinstance(source, dict) or source.get("kind") is not None or not isinstance(source.get("path"), str):
        return value
    kind = kind_of(source["path"])
    return value if kind is None else {**value, "source": {**source, "kind": kind}}


def kind_of(name: str) -> str | None:
    """The kind of source that a file's name means; None where it may be several."""
    ending = PurePath(name).suffix.lower()
    if ending in PICTURES and re.search(r"%0?\d?d|##", PurePath(name).name):
        return "frames"
    if ending in BOTH:
        return None
    return "image" if ending in PICTURES else "video" if ending in CLIPS else None


def how_to_dream_on(name: str) -> str | None:
    """The commands that dream on a picture or a clip; None for what is neither by its name."""
    ready = {"image": "photo_zoom", "video": "clip", "frames": "clip"}.get(kind_of(name) or "")
    quoted = name if re.fullmatch(r"[\w./~-]+", name) else f"'{name}'"
    steps = f"`zoomdream new {ready}`, then `zoomdream render {ready}.yaml --set source={quoted}`"
    return ready and f"{steps}"


def advice(path: KeyPath, value: Any, rule: str) -> str:
    """What to write instead of a wrong value, as a sentence of its own; "" where there is nothing to say. rule: what is
    allowed.
    """
    if path == ("source",):
        name = value if isinstance(value, str) else "photo.jpg"
        kinds = ("image", "video") if PurePath(name).suffix.lower() in BOTH else ("image", "video", "frames")
        forms = " or ".join(f'source: {{kind: {kind}, path: "{name[:60]}"}}' for kind in kinds)
        return f" Write what it is: {forms}, or source: noise."
    if path == ("objective",):
        return " Write objective: mixed4c, or another layer."
    word = _WORDS.get(dotted(path), {}).get(str(value).strip().lower())
    if word is not None:
        return f" Write {path[-1]}: {word}."
    if path == ("performance", "memory") and isinstance(value, int):
        return f" Write memory: {value} GiB."
    if path[-1:] in (("pivot",), ("pan",)) and isinstance(value, str) and len(parts := value.split()) == 2:
        return f" Write {path[-1]}: [{parts[0].rstrip(',;')}, {parts[1]}]."
    if path == ("size",):
        edges = re.findall(r"\d+", str(value))
        given = "x".join(edges) if len(edges) == 2 and isinstance(value, str) else wide(value)
        return f" Write size: {_HEIGHTS.get(str(value).strip().lower(), given)}."
    if path == ("frames",) and re.fullmatch(r"[\d.]+ ?(s|m|ms|h)", str(value)):
        return f" Write duration: {value}."
    plain = ("number" in rule or "pixels" in rule) and "keyframes" not in rule
    time = re.search(r"\d\s?(ms|s|sec\w*|min|m|h)$", str(value)) and "dream" in rule  # dreams are no seconds
    number = number_written(value) if plain and not time else None
    return f" Write {path[-1]}: {number}." if number and isinstance(path[-1], str) else ""


def wide(width: Any) -> str:
    """The size of 16:9 with that width, which must be even; 1280x720 for what is no width."""
    return f"{width}x{round(width * 9 / 32) * 2}" if isinstance(width, int) and 32 <= width <= 8192 else "1280x720"


def _size(value: Any) -> Any:
    if isinstance(value, list):
        edges = [_EDGE.fullmatch(edge.strip()) if isinstance(edge, str) else None for edge in value]
        return [edge if match is None else int(match[1]) for edge, match in zip(value, edges, strict=True)]
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    return value if match is None else [int(match[1]), int(match[2])]


def _source(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value.strip().lower() == "noise":
        return {"kind": "noise"}
    kind = kind_of(value)
    return value if kind is None else {"kind": kind, "path": value}


def _network(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _objective(value: Any) -> Any:
    terms = value if isinstance(value, list) else [value] if isinstance(value, str | dict) else None
    return value if terms is None else [{"layer": term} if isinstance(term, str) else term for term in terms]


def _as_first(path: KeyPath) -> KeyPath:
    return (*path[:1], 0, *path[1:]) if path[:1] == ("objective",) else path


_FORMS = {"size": _size, "source": _source, "network": _network, "objective": _objective}
