"""What every key, function, easing and codec means, for `zoomdream help` and docs/reference.md.

Made from the JSON Schema and the tables of functions, easings and codecs: a fact stands next to what it is about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from zoomdream.config import write
from zoomdream.config.codecs import ABOUT, CODECS, CONTAINERS, HARDWARE
from zoomdream.config.curves import ABOUT as ABOUT_EASINGS
from zoomdream.config.curves import NAMES
from zoomdream.config.defaults import json_schema
from zoomdream.config.functions import FUNCTIONS
from zoomdream.config.functions import NAMES as VARIABLES
from zoomdream.config.origin import KeyPath, dotted, steps
from zoomdream.config.signals import SIGNALS

_BESIDE: Mapping[str, Mapping[str, Any]] = {
    "objective": {"layer": "mixed4c"},
    "objective.class": {},
    "objective.match": {"layer": "mixed4c", "guide": "flowers.jpg"},
    "network.weights": {"name": "googlenet"},
    "objective.network.weights": {"name": "googlenet"},
    "flow.weights": {"method": "raft_small"},
    "music.offset": {"path": "song.mp3"},
}
"""What stands beside a key, or beside the keys of a section, in an example, where no key is required."""

_WITH: Mapping[str, Mapping[str, Any]] = {"camera.droste": {"space": "droste"}}
"""What stands beside a section in the examples of it and of its keys."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to look up. facts: what is allowed, the default and an example to copy, by their names."""

    name: str
    about: str
    facts: Mapping[str, str]

    @property
    def words(self) -> tuple[str, ...]:
        """What it is found by: camera.zoom, zoom; sin(x), sin."""
        name = self.name.partition(" (")[0]
        return (name.lower(), name.partition("(")[0].rpartition(".")[2].lower())


@dataclass(frozen=True, slots=True)
class Chapter:
    """A section of the YAML, or another group of things to look up."""

    about: str
    entries: tuple[Entry, ...]


@cache
def chapters() -> dict[str, Chapter]:
    """All that can be looked up, by the word of each chapter."""
    schema = json_schema()
    sections = {name: spec for name, spec in schema["properties"].items() if list(_models(spec, schema))}
    film = {name: spec for name, spec in schema["properties"].items() if name not in sections}
    return {
        "film": Chapter("What stands at the top of a config.", tuple(_entries({"properties": film}, (), schema))),
        **{name: Chapter(_read(spec)[0], tuple(_section(spec, (name,), schema))) for name, spec in sections.items()},
        "expressions": Chapter(
            'Where a number may change over time, text in quotes is worked out for each frame: "1.3 + 0.1*sin(t)". It '
            "may use + - * / // % **, brackets, comparisons, `and`, `or`, `not`, `A if TEST else B`, and these:",
            (
                *(Entry(name, about, {}) for name, about in VARIABLES.items()),
                *(Entry(function.usage, function.about, {}) for function in FUNCTIONS.values()),
            ),
        ),
        "signals": Chapter(
            "Functions of the music for the same expressions, where the config has a section `music`; so are its own "
            "bands and series. `bass(t - 0.1)` is an echo, `onset(t + 0.05)` looks ahead:",
            tuple(Entry(signal.usage, signal.about, {}) for signal in SIGNALS.values()),
        ),
        "easings": Chapter(
            "Keyframes are values at moments, {0s: 1.2, 80%: 1.6, ease: in_out_sine}: seconds (5s, 1m30s), frames "
            "(150f), a share of the film (80%), and with music beats (16b) and bars (4bars). `ease` is how the value "
            "goes from one to the next; expo bends most, and sine least:",
            tuple(Entry(name, _easing(name), {}) for name in NAMES),
        ),
        "codecs": Chapter("What `encode.codec` may be:", tuple(_codecs())),
    }


def look_up(word: str) -> list[Entry]:
    """The entries of that name, or of which it is the last part; none where there is none. Of objective.0.weight, as
    errors and `--set` have it, those of objective.weight.
    """
    entries = [entry for chapter in chapters().values() for entry in chapter.entries]
    name = dotted(tuple(step for step in steps(word.lower()) if isinstance(step, str)))
    exact = [entry for entry in entries if entry.words[0] == name]
    return exact or [entry for entry in entries if name in entry.words]


def markdown() -> str:
    """docs/reference.md."""
    lines = [
        "# Reference",
        "",
        "Every key of the YAML and what it may be; `zoomdream help camera.zoom` prints the same of one. Written by "
        "`python scripts/docs/reference.py`.",
    ]
    for word, chapter in chapters().items():
        lines += ["", f"## {word}", "", chapter.about]
        for entry in chapter.entries:
            if not entry.facts:
                lines += [*([] if lines[-1].startswith("- ") else [""]), f"- `{entry.name}`: {entry.about}"]
                continue
            facts = [f"- {name}: {f'`{fact}`' if name == 'Example' else fact}" for name, fact in entry.facts.items()]
            lines += ["", f"### {entry.name}", "", entry.about, "", *facts]
    return "\n".join(lines) + "\n"


def _section(spec: Mapping[str, Any], at: KeyPath, schema: Mapping[str, Any]) -> Iterator[Entry]:
    """The entries below a key; those of several kinds of a section once, if they say the same."""
    models = list(_models(spec, schema))
    found: dict[tuple[str, str], list[tuple[str, Entry]]] = {}
    for model in models:
        kind = model["properties"].get("kind", {}).get("const", "")
        for entry in _entries(model, at, schema):
            found.setdefault((entry.name, entry.about), []).append((kind, entry))
    for (name, about), entries in found.items():
        kinds = ", ".join(kind for kind, _ in entries)
        shown = name if len(entries) == len(models) else f"{name} (kind: {kinds})"
        yield Entry(shown, about, entries[0][1].facts)


def _entries(model: Mapping[str, Any], at: KeyPath, schema: Mapping[str, Any]) -> Iterator[Entry]:
    properties = model["properties"]
    required = {name: _example(properties[name]) for name in model.get("required", ())}
    for name, spec in properties.items():
        key = dotted((*at, name))
        about, allowed, others = _read(spec)
        facts = {"Allowed": f"{allowed}."}
        default = spec.get("default")
        if isinstance(default, dict) and list(_models(spec, schema)):
            default = None  # its own keys say theirs
        if default is not None or others:
            default = int(default) if isinstance(default, float) and default.is_integer() else default
            shown = default if isinstance(default, str) else write.to_line({"": default}).partition(": ")[2]
            facts["Default"] = f"{shown}. {others}".strip()
        if (example := _example(spec)) is not None:
            beside = required or _BESIDE.get(key, _BESIDE.get(dotted(at), {}))
            tree: Any = {**beside, **_WITH.get(key, {}), name: example}
            for depth in reversed(range(len(at))):
                tree = {at[depth]: [tree] if at[depth] == "objective" else tree}
                tree = {**_BESIDE.get(dotted(at[:depth]), {}), **_WITH.get(dotted(at[: depth + 1]), {}), **tree}
            facts["Example"] = write.to_line(tree)
        yield Entry(key, about, facts)
        yield from _section(spec, (*at, name), schema)


def _read(spec: Mapping[str, Any]) -> tuple[str, str, str]:
    """What a key is, what is allowed, and its other defaults."""
    about, _, rest = spec["description"].partition(" Allowed: ")
    allowed, _, others = rest.partition(". ")
    return about, allowed.removesuffix("."), others


def _example(spec: Mapping[str, Any]) -> Any:
    """The example of a key; of one with words to choose from, the last that is not the default."""
    if spec.get("type") == "boolean":
        return not spec["default"]
    if "const" in spec:
        return spec["const"]
    choices = [word for part in (spec, *spec.get("anyOf", ())) for word in part.get("enum", ())]
    words = [word for word in choices if word != spec.get("default")]
    return next(iter(spec.get("examples", words[-1:])), None)


def _models(spec: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The sections that a key can hold."""
    items = spec.get("items", {})
    for part in (spec, items, *items.get("anyOf", ()), *spec.get("anyOf", ()), *spec.get("oneOf", ())):
        if "$ref" in part:
            yield schema["$defs"][part["$ref"].rpartition("/")[2]]


def _easing(name: str) -> str:
    return ABOUT_EASINGS[max((start for start in ABOUT_EASINGS if name.startswith(start)), key=len)]


def _codecs() -> Iterator[Entry]:
    for name, codec in CODECS.items():
        files = ", ".join(ending for ending, names in CONTAINERS.items() if name in names)
        hardware = ", ".join(kind for kind, names in HARDWARE.items() if name in names)
        facts = {
            "Files": files,
            "crf": codec.crf is not None and f"0 to {codec.largest_crf}, {codec.crf} where left out",
            "preset": codec.presets and f"{codec.presets[0]} to {codec.presets[-1]}, {codec.preset} where left out",
            "pixel_format": f"{', '.join(codec.pixel_formats)}; auto is the first",
            "transparent": ", ".join(codec.alpha_formats),
            "sound": "none" if codec.silent else "",
            "hardware": hardware,
        }
        yield Entry(name, ABOUT[name], {key: f"{fact}." for key, fact in facts.items() if fact})
