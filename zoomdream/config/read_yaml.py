"""YAML text to plain values with the line of every key.

Built on PyYAML's events alone: scalars resolve as YAML 1.2 (off, no and 1:30 are text), tags and duplicate keys are
errors, and size, depth and the expansion of anchors are bounded, so no file can hang or fill the memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import yaml

from zoomdream.config import yaml_mistakes
from zoomdream.config.origin import KeyPath, Place, dotted
from zoomdream.errors import ConfigError

MOST_VALUES = 20_000
DEEPEST = 24

_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}


@dataclass(frozen=True, slots=True)
class Tree:
    """Plain values (dict with text keys, list, str, int, float, bool, None), and the place of each."""

    value: Any
    places: dict[KeyPath, Place]


@dataclass(frozen=True, slots=True)
class _Anchored:
    value: Any
    size: int  # how many values it holds, itself included
    depth: int


def read_yaml(text: str, place: Place) -> Tree:
    """The one document of the text; `place` is the file without a line. Raises ConfigError that names the line."""
    try:
        return _Reader(text, place).document()
    except yaml.reader.ReaderError as error:
        text = f"this is not a YAML text: it holds the unprintable character #x{error.character:02x}."
        raise ConfigError(text, place=str(place)) from None
    except yaml.MarkedYAMLError as error:
        line, why = yaml_mistakes.explain(text, error)
        place = Place(place.name, line, place.folder)
        raise ConfigError(f"this is not valid YAML: {why}", place=str(place)) from None
    except (ValueError, OverflowError):  # from inside PyYAML, for "\UFFFFFFFF" or %YAML and thousands of digits
        text = "this is not valid YAML: an escaped character, or the number after %YAML, does not exist."
        raise ConfigError(text, place=str(place)) from None


class _Reader:
    def __init__(self, text: str, place: Place) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=yaml.SafeLoader)
        self._place = place
        self._places: dict[KeyPath, Place] = {}
        self._anchors: dict[str, _Anchored | None] = {}
        self._left = MOST_VALUES

    def document(self) -> Tree:
        next(self._events)  # start of the stream
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            return Tree(None, {})
        found = self._node(next(self._events), (), DEEPEST)
        next(self._events)  # end of the document
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise self._wrong(event, "a second document starts here; a config is one document")
        return Tree(found.value, self._places)

    def _node(self, event: Any, at: KeyPath, depth: int) -> _Anchored:
        if depth == 0:
            raise self._wrong(event, f"this is nested more than {DEEPEST} deep")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        if event.tag is not None:
            raise self._wrong(event, f"tags such as {event.tag[:40]} are not allowed")
        if event.anchor is not None:
            self._anchors[event.anchor] = None  # not before it is finished: else it could contain itself
        self._spend(event, 1)
        match event:
            case yaml.ScalarEvent():
                found = _Anchored(self._scalar(event), 1, 1)
                if isinstance(found.value, int | float) and at in self._places:
                    self._places[at] = replace(self._places[at], written=event.value)
            case yaml.SequenceStartEvent():
                found = self._sequence(at, depth)
            case _:
                found = self._mapping(at, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = found
        return found

    def _sequence(self, at: KeyPath, depth: int) -> _Anchored:
        items: list[_Anchored] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            path = (*at, len(items))
            self._places[path] = self._spot(event)
            items.append(self._node(event, path, depth - 1))
        return _around([item.value for item in items], items)

    def _mapping(self, at: KeyPath, depth: int) -> _Anchored:
        values: dict[str, _Anchored] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
                raise self._wrong(event, "a key has to be plain text")
            key, path = event.value, (*at, event.value)
            if key in values:
                first = self._places[path].line
                raise self._wrong(event, f"{dotted(path)[:80]} is given twice; the first time in line {first}")
            if key == "<<" and event.implicit[0]:
                raise self._wrong(event, "YAML 1.2 has no merge key <<; use `extends: other.yaml`")
            self._places[path] = self._spot(event)
            values[key] = self._node(next(self._events), path, depth - 1)
            if event.implicit[0] and (why := yaml_mistakes.odd_key(key, values[key].value)):
                raise self._wrong(event, why)
        return _around({key: item.value for key, item in values.items()}, list(values.values()))

    def _alias(self, event: Any, depth: int) -> _Anchored:
        if event.anchor not in self._anchors:
            raise self._wrong(event, f"*{event.anchor} refers to an anchor that is not above it")
        found = self._anchors[event.anchor]
        if found is None:
            raise self._wrong(event, f"*{event.anchor} contains itself")
        if found.depth > depth:
            raise self._wrong(event, f"this is nested more than {DEEPEST} deep")
        self._spend(event, found.size)
        return found

    def _scalar(self, event: Any) -> str | int | float | bool | None:
        if not event.implicit[0]:  # quoted or a block: text, whatever it looks like
            return str(event.value)
        if why := yaml_mistakes.odd_quotes(event.value):
            raise self._wrong(event, why)
        try:
            return resolve_scalar(event.value)
        except ValueError:
            raise self._wrong(event, "this number has too many digits") from None

    def _spend(self, event: Any, values: int) -> None:
        self._left -= values
        if self._left < 0:
            raise self._wrong(event, f"this file holds, or its anchors expand to, more than {MOST_VALUES} values")

    def _spot(self, event: Any) -> Place:
        return Place(self._place.name, event.start_mark.line + 1, self._place.folder)

    def _wrong(self, event: Any, problem: str) -> ConfigError:
        return ConfigError(f"{problem}.", place=str(self._spot(event)))


def resolve_scalar(text: str) -> str | int | float | bool | None:
    """An unquoted scalar by the core schema of YAML 1.2. Raises ValueError for a number with too many digits."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > 400 and _FLOAT.fullmatch(text):
        raise ValueError("too many digits")
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text[2:], 8)
    if _HEXADECIMAL.fullmatch(text):
        return int(text[2:], 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _around(value: Any, items: list[_Anchored]) -> _Anchored:
    return _Anchored(value, 1 + sum(item.size for item in items), 1 + max((item.depth for item in items), default=0))
