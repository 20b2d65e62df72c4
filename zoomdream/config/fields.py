"""What all sections share: frozen, unknown keys forbidden, every key says what it is and what is allowed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    Strict,
    WithJsonSchema,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from zoomdream.config.origin import KeyPath
from zoomdream.config.schedule import Limits, Schedule
from zoomdream.config.units import (
    memory_text,
    parse_measure,
    parse_memory,
    parse_rate,
    parse_seconds,
    rate_text,
    seconds_text,
)

SMALLEST_EDGE, LARGEST_EDGE = 16, 16384
LARGEST_AREA = 64 * 2**20
"""Pixels of a frame, of a clip's frame and of a picture that is read: along an edge, and in all (64 megapixels, so that
8192x8192 is one of them)."""

TIME_PATTERN = r"^[\d.:]+\s?(f(rames?)?)?$|^([\d.]+\s?(h|m|s|ms)[a-z]*\s?)+$"
"""What a time looks like, for editors; `parse_time` reads it."""

SectionType = TypeVar("SectionType", bound="Section")


class Section(BaseModel):
    """A mapping of the YAML. Equal where all keys are equal, hashable, picklable."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, tree: Any) -> Any:
        """A key without a value is as good as not there, so a section may be left with nothing but comments in it."""
        if not isinstance(tree, dict):
            return tree
        return {key: value for key, value in tree.items() if value is not None or key not in cls.model_fields}


def setting(default: Any, about: str, allowed: str, *, example: Any = None, **limits: Any) -> Any:
    """A key: its default, what it is, what is allowed (with unit and range), and a value to copy, as YAML gives it. All
    of it is shown in docs/reference.md, by `zoomdream help` and by editors, what is allowed in errors too. A key with
    words to choose from, and a section, need no example.
    """
    examples = None if example is None else [example]
    return Field(default=default, description=f"{about} Allowed: {allowed}.", examples=examples, **limits)


def scheduled(default: Any, about: str, limits: Limits, *, example: Any) -> Any:
    """A key that may change over time; `limits` also stands in the annotation, where it reads the value."""
    return setting(default, about, f"{limits.text}; a number, an expression of t, or keyframes", example=example)


def measured(signs: str, per_second: bool = False) -> BeforeValidator:
    """For an annotation: the number may stand with its unit, as in `parse_measure`."""
    return BeforeValidator(lambda value: parse_measure(value, signs, per_second))


def allowed(field: FieldInfo) -> str:
    """The part of a key's description that says what is allowed, without its full stop."""
    return (field.description or "").partition("Allowed: ")[2].removesuffix(".")


def _path(value: Any) -> Path:
    if not isinstance(value, str | Path) or not str(value).strip() or "\0" in str(value):
        raise PydanticCustomError("not_a_path", "a path is text")
    try:
        os.fsencode(value)
    except UnicodeEncodeError:  # half a character ("\uD800"), or one that this system's file names cannot hold
        raise ValueError("It holds a character that no file's name can hold here.") from None
    return Path(value)


def _preset(value: Any) -> Any:
    """The presets of AV1 are numbers."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Whole = Annotated[int, Strict()]
Real = Annotated[float, Strict()]
Flag = Annotated[bool, Strict()]
Text = Annotated[str, Strict()]
FilePath = Annotated[Path, BeforeValidator(_path)]
Preset = Annotated[str, Strict(), BeforeValidator(_preset), WithJsonSchema({"type": ["string", "integer"]})]
Rate = Annotated[
    Fraction,
    PlainValidator(parse_rate),
    PlainSerializer(rate_text),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 1, "maximum": 240},
                {"type": "string", "pattern": r"^\d+(/\d+|\.\d+)?\s?(fps)?$"},
            ]
        }
    ),
]
Memory = Annotated[
    int,
    PlainValidator(parse_memory),
    PlainSerializer(memory_text),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?\s?[MGT](i?B)?$"}),
]
Seconds = Annotated[
    Fraction,
    PlainValidator(parse_seconds),
    PlainSerializer(seconds_text),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": TIME_PATTERN + r"|^\d+/\d+s$"}]}
    ),
]


def rebuilt(section: SectionType, change: Callable[[KeyPath, Any], Any], at: KeyPath = ()) -> SectionType:
    """A copy of the section in which every value below it is `change(key path, value)`. Nothing is validated again."""
    update = {name: _rebuilt(getattr(section, name), change, (*at, name)) for name in type(section).model_fields}
    return section.model_copy(update=update)


def _rebuilt(value: Any, change: Callable[[KeyPath, Any], Any], at: KeyPath) -> Any:
    if isinstance(value, Section):
        return rebuilt(value, change, at)
    if isinstance(value, tuple):
        return tuple(_rebuilt(item, change, (*at, index)) for index, item in enumerate(value))
    if isinstance(value, Mapping):
        return type(value)({name: _rebuilt(item, change, (*at, name)) for name, item in value.items()})  # type: ignore[call-arg]
    return change(at, value)


def schedules(section: Section) -> list[tuple[KeyPath, Schedule]]:
    """All schedules below the section with their keys."""
    found: list[tuple[KeyPath, Schedule]] = []

    def note(at: KeyPath, value: Any) -> Any:
        if isinstance(value, Schedule):
            found.append((at, value))
        return value

    rebuilt(section, note)
    return found
