"""What pydantic and the checks find, as sentences: where, key, value, what is allowed, the nearest name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from zoomdream.config.expression import ExpressionError
from zoomdream.config.fields import allowed
from zoomdream.config.origin import KeyPath, Origin, did_you_mean, dotted, shown, steps
from zoomdream.config.schema import Config
from zoomdream.config.shorthand import advice, kind_of, wide
from zoomdream.errors import ConfigError

MOST_SHOWN = 10
MOST_READ = 100  # looking for the nearest names of 20,000 wrong keys would take a minute
_NOT_IN_MODEL = ("extends", "duration")

MEANT = {
    **dict.fromkeys(("width", "height", "resolution", "dimensions"), "size: 1280x720"),
    **dict.fromkeys(("length", "time", "seconds"), "duration: 12s"),
    **dict.fromkeys(("input", "image", "picture", "photo"), "source: photo.jpg"),
    **dict.fromkeys(("video", "clip"), "source: clip.mp4"),
    **dict.fromkeys(("model", "weights"), "network: googlenet"),
    **dict.fromkeys(("layers", "target"), "objective: mixed4c"),
    **dict.fromkeys(("classes", "prompt", "label"), "objective: {class: banana}"),
    **dict.fromkeys(("iterations", "iter", "num_iterations"), "dream.steps"),
    **dict.fromkeys(("lr", "learning_rate", "strength", "intensity"), "dream.step_size"),
    **dict.fromkeys(("speed", "scale"), "camera.zoom"),
    **dict.fromkeys(("angle", "rotation", "spin"), "camera.rotate"),
    **dict.fromkeys(("center", "centre"), "camera.pivot"),
    **dict.fromkeys(("palette", "colors", "colours"), "color: {reference: picture.jpg}"),
    **dict.fromkeys(("sound", "soundtrack"), "encode.audio"),
    **dict.fromkeys(("quality", "bitrate"), "encode.crf"),
    **dict.fromkeys(("gpu", "cuda"), "performance.device"),
    **dict.fromkeys(("framerate", "frame_rate", "rate"), "fps"),
}
"""What other programs and people call keys, and how they are written here."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a config: its key, and a sentence that names the key."""

    path: KeyPath
    text: str


def problem(key: str, text: str) -> Problem:
    """A problem of a dotted key: "size", "is 9 x 9. Allowed: ..."."""
    return Problem(steps(key), f"{key} {text}")


def config_error(problems: Sequence[Problem], origin: Origin) -> ConfigError:
    """All problems, one per line (at most ten), each with its place."""
    lines = list(dict.fromkeys(f"{origin.find(problem.path)}: {problem.text}" for problem in problems))
    if len(lines) > MOST_SHOWN:
        lines[MOST_SHOWN:] = ["... and more."]
    return ConfigError("\n".join(lines))


def problems_of(error: ValidationError, tree: dict[str, Any]) -> list[Problem]:
    """One problem per key, however many ways pydantic tried."""
    found: dict[KeyPath, Problem] = {}
    for detail in error.errors(include_url=False)[:MOST_READ]:
        path = _real_path(detail["loc"], tree, missing=detail["type"] == "missing")
        if detail["type"] == "missing" and isinstance(path[-1], int):  # a list that is too short
            path = path[:-1]
        found.setdefault(path, Problem(path, _sentence(detail, path, tree)))
    return [problem for path, problem in found.items() if not any(_below(other, path) for other in found)]


def _below(path: KeyPath, around: KeyPath) -> bool:
    """A wrong item makes its list wrong too (too few right ones): only the item is of interest."""
    return len(path) > len(around) and path[: len(around)] == around


def _sentence(detail: Any, path: KeyPath, tree: dict[str, Any]) -> str:
    key, value = dotted(path), value_at(tree, path)
    field, model = _field(path, tree)
    rule = allowed(field) if field else str(detail["msg"])
    found = f"{key} is {shown(value)}."
    match detail["type"]:
        case "extra_forbidden":
            return unknown_key(path, tree)
        case "missing" if value is None:
            return f"{key} is missing. Allowed: {rule}."
        case "union_tag_not_found":
            file = value.get("path") or "photo.jpg"
            return f"{key}.kind is missing.{advice(path, file, rule)} Allowed: {', '.join(_kinds(path))}."
        case "union_tag_invalid":
            kind, kinds = value["kind"], _kinds(path)
            hint = did_you_mean(kind, kinds) or advice((*path, "kind"), kind, rule)
            return f"{key}.kind is {shown(kind)}.{hint} Allowed: {', '.join(kinds)}."
        case "model_type" | "model_attributes_type":
            sections = _models(field.annotation if field else model)
            keys = dict.fromkeys(name for section in sections for name in section.model_fields)
            hint = advice(path, value, rule)
            if not hint and isinstance(value, str | int | float) and len(path) == 1:
                name, _, rest = str(value)[:60].partition(" ")
                if not rest or name not in keys:  # else `zoom 1.5`, without its colon
                    files = [one for one in keys if kind_of(str(value)) and takes_path((key, one), tree)]
                    name, rest = next(iter((*files, *keys))), str(value)[:60]
                hint = f" Write {key}: {{{name}: {rest}}}."
            return f"{found}{hint} Allowed: a section with the keys {', '.join(keys)}."
        case "literal_error":
            choices = _words(field.annotation) if field else ()
            return f"{found}{did_you_mean(value, choices) or advice(path, value, rule)} Allowed: {rule}."
        case "value_error":
            reason = detail["ctx"]["error"]
            shows_the_value = isinstance(value, dict) or isinstance(reason, ExpressionError)
            return f"{key}: {reason}" if shows_the_value else f"{found}{advice(path, value, rule)} {reason}"
        case _:
            return f"{found}{advice(path, value, rule)} Allowed: {rule}."


def unknown_key(path: KeyPath, tree: dict[str, Any]) -> str:
    """That the key is unknown, the nearest one, and those that are allowed there."""
    *around, name = path
    _, model = _field(tuple(around), tree)
    known = [] if model is None else [*([] if around else _NOT_IN_MODEL), *model.model_fields]
    elsewhere = {keys[-1]: dotted(keys) for keys in reversed(list(_all_keys(Config)))}
    meant, value = _meant(str(name).lower(), tree, path), value_at(tree, path)
    first, _, rest = str(name).partition(":")
    parts = str(name).lower().split("_")
    if others := [kind for kind, keys in _kinds(tuple(around)).items() if name in keys]:
        hint = f" It belongs to kind: {' or '.join(others)}."
        if path == ("source", "path"):
            hint += f" Write source: {value}."
    elif rest and first in known:
        hint = f" Write {first}: {{{rest}: {value}}}."
    elif value is None and str(name).isdigit() and (before := _before(tree, path)):
        hint = f" Decimals have a point: write {before[0]}: {before[1]}.{name}."
    elif meant and (not around or meant.startswith(f"{around[0]}.")):
        hint = f" Did you mean {meant}?"
    elif near := get_close_matches(str(name), known, n=1, cutoff=0.6):
        hint = f" Did you mean {dotted((*around, near[0]))}?"
    elif around[:1] == ["objective"] and isinstance(value, int | float):
        hint = f" Write objective: [{{layer: {name}, weight: {value}}}]."
    elif meant:
        hint = f" Did you mean {meant}?"
    elif far := get_close_matches(str(name), elsewhere, n=1, cutoff=0.8) or [
        part for part in parts if part in elsewhere
    ]:
        hint = f" Did you mean {elsewhere[far[0]]}?"
    else:
        hint = f" Allowed here: {', '.join(known)}."
    return f"{dotted(path)[:100]} is not a key that zoomdream knows.{hint}"


def _meant(name: str, tree: dict[str, Any], path: KeyPath) -> str:
    """The key that another name of it means, with the value that was given; "" where there is none."""
    key, colon, example = MEANT.get(name, "").partition(": ")
    value = value_at(tree, path)
    if key == "size":
        width, height = (value_at(tree, (*path[:-1], edge)) for edge in ("width", "height"))
        value = f"{width}x{height}" if width and height else wide(value) if name == "width" else value
    if isinstance(value, str | int | float) and (key != "size" or "x" in str(value)):
        example = re.sub(r"[\w.]+(?=}?$)", lambda _: str(value)[:60], example, count=1)
    return f"{key}{colon}{example}"


def _before(tree: dict[str, Any], path: KeyPath) -> tuple[str, Any] | None:
    """The key above this one, with its value."""
    items = list(value_at(tree, path[:-1]).items())
    at = [key for key, _ in items].index(str(path[-1]))
    return items[at - 1] if at and isinstance(items[at - 1][1], int) else None


def takes_path(path: KeyPath, tree: dict[str, Any]) -> bool:
    """Whether the key is one whose text is a path, which is taken as it is."""
    field, section = _field(path, tree)
    if field is None or section is not None or isinstance(path[-1], int):
        return False
    return path == ("network", "python") or _holds_path(field.annotation)


def _holds_path(annotation: Any) -> bool:
    return annotation is Path or any(_holds_path(part) for part in get_args(annotation))


def _kinds(around: KeyPath) -> dict[str, tuple[str, ...]]:
    """The kinds that a section comes in, with their keys; none for a section that is always the same."""
    field = Config.model_fields.get(str(around[0])) if len(around) == 1 else None
    tagged = [model for model in _models(field.annotation if field else None) if "kind" in model.model_fields]
    return {get_args(model.model_fields["kind"].annotation)[0]: tuple(model.model_fields) for model in tagged}


def _words(annotation: Any) -> Iterator[str]:
    """The words that an annotation allows, by themselves or beside other values."""
    for part in get_args(annotation):
        if isinstance(part, str):
            yield part
        else:
            yield from _words(part)


def _all_keys(model: type[BaseModel], at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        yield (*at, name)
        for inner in _models(field.annotation):
            yield from _all_keys(inner, (*at, name))


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The sections that an annotation can hold."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _field(path: KeyPath, tree: dict[str, Any]) -> tuple[FieldInfo | None, type[BaseModel] | None]:
    """The field that describes the key (for a list item: the list's), and the section that it holds, if it is one."""
    field: FieldInfo | None = None
    models: list[type[BaseModel]] = [Config]
    for depth, step in enumerate(path):
        if isinstance(step, int):
            continue
        owner = next((one for one in _fitting(models, value_at(tree, path[:depth])) if step in one.model_fields), None)
        if owner is None:
            return field, None
        field = owner.model_fields[step]
        models = _models(field.annotation)
    return field, next(iter(_fitting(models, value_at(tree, path))), None)


def _fitting(models: list[type[BaseModel]], value: Any) -> list[type[BaseModel]]:
    """Of several sections (kinds of source) the one that the YAML names, first."""
    kind = value.get("kind") if isinstance(value, dict) else None

    def other(model: type[BaseModel]) -> bool:
        field = model.model_fields.get("kind")
        return field is None or kind not in get_args(field.annotation)

    return sorted(models, key=other)


def value_at(tree: Any, path: KeyPath) -> Any:
    """What stands in plain values at a key; None where there is no such key."""
    for step in path:
        if isinstance(tree, dict):
            tree = tree.get(str(step))
        elif isinstance(tree, list) and isinstance(step, int) and step < len(tree):
            tree = tree[step]
        else:
            return None
    return tree


def _real_path(location: tuple[int | str, ...], tree: Any, missing: bool) -> KeyPath:
    """pydantic's location without its own steps (kinds of a union, types that it tried)."""
    path: list[int | str] = []
    for index, step in enumerate(location):
        last = index == len(location) - 1
        if isinstance(tree, dict) and step in tree:
            tree = tree[str(step)]
        elif isinstance(tree, list) and isinstance(step, int) and step < len(tree):
            tree = tree[step]
        elif not (missing and last):
            continue
        path.append(step)
    return tuple(path)
