"""One tree of plain values from all that a config comes from: the file, the files it extends, `--set`, or a mapping
from Python.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path
from typing import Any

from zoomdream.config.origin import KeyPath, Origin, Place, dotted, steps
from zoomdream.config.read_yaml import DEEPEST, MOST_VALUES, Tree, read_yaml
from zoomdream.config.times import rate_text
from zoomdream.errors import ConfigError

LARGEST_FILE = 1_000_000
LONGEST_CHAIN = 16
MAPPING_NAME = "the config"
_EITHER = ("duration", "frames")


def from_file(path: Path) -> tuple[Tree, Place]:
    """The file merged over what it extends, and its place."""
    place = Place(str(path), None, Path(os.path.abspath(path)).parent)
    return _extended(_read_file(path, place, ""), place, (Path(os.path.realpath(path)),)), place


def from_text(text: str, name: str, folder: Path) -> tuple[Tree, Place]:
    """The same for a text that is not in a file; paths in it are relative to `folder`."""
    place = Place(name, None, folder)
    return _extended(_checked(read_yaml(text, place), place), place, ()), place


def from_mapping(mapping: Mapping[Any, Any]) -> tuple[Tree, Place]:
    """The same for a mapping from Python; paths in it are relative to the working directory."""
    place = Place(MAPPING_NAME, None, Path.cwd())
    count = iter(range(MOST_VALUES))
    return _extended(Tree(_plain(mapping, (), DEEPEST, count), {}), place, ()), place


def _read_file(path: Path, place: Place, asked: str) -> Tree:
    """`asked` says who wants the file, for errors."""
    wanted = f"{asked}: " if asked else ""
    try:
        if not path.exists():
            raise ConfigError(f"{wanted}there is no file {place.name}.{_near(path)}")
        if not path.is_file():
            kind = "a folder" if path.is_dir() else "not a regular file"
            raise ConfigError(f"{wanted}{place.name} is {kind}; a config is a YAML file.")
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"{wanted}{place.name} cannot be read: {reason}.") from None
    if len(data) > LARGEST_FILE:
        raise ConfigError(f"{place.name} is larger than a config can be ({LARGEST_FILE} bytes).")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ConfigError(f"{place.name} is not a text file in UTF-8; a config is a YAML file.")
    return _checked(read_yaml(text, place), place)


def _checked(tree: Tree, place: Place) -> Tree:
    if tree.value is None:  # empty, or nothing but comments: all defaults
        return Tree({}, {})
    if not isinstance(tree.value, dict):
        raise ConfigError(f"{place} is not a config: its top level has to be keys with values, such as `fps: 30`.")
    return tree


def _near(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.suffix in (".yaml", ".yml")]
    except OSError:
        return ""
    near = get_close_matches(path.name, names, n=1, cutoff=0.6)
    return f" Did you mean {path.with_name(near[0])}?" if near else ""


def _extended(tree: Tree, place: Place, chain: tuple[Path, ...]) -> Tree:
    """The tree merged over the file that its key `extends` names, which may itself extend another."""
    value = dict(tree.value)
    name = value.pop("extends", None)
    if name is None:
        return Tree(value, tree.places)
    spot = Origin(place, tree.places).find(("extends",))
    if not isinstance(name, str) or not name.strip() or "\0" in name:
        raise ConfigError(f"{spot}: extends is {shown(name)}. Allowed: the path of another config.")
    path = spot.folder / Path(name)
    real = Path(os.path.realpath(path))
    if real in chain:
        circle = " extends ".join(file.name for file in (*chain[chain.index(real) :], real))
        raise ConfigError(f"{spot}: extends goes in a circle: {circle}.")
    if len(chain) >= LONGEST_CHAIN:
        raise ConfigError(f"{spot}: more than {LONGEST_CHAIN} files extend each other.")
    base_place = Place(os.path.join(os.path.dirname(place.name), name), None, real.parent)
    base = _extended(_read_file(path, base_place, f"{spot}: extends"), base_place, (*chain, real))
    return merge(base, Tree(value, tree.places))


def merge(lower: Tree, upper: Tree) -> Tree:
    """`upper` over `lower`: mappings merge, all else replaces. A mapping of another `kind`, and keyframes, replace as a
    whole.
    """
    places = dict(lower.places)
    value = _merge(lower.value, upper.value, (), places)
    return Tree(value, {**places, **upper.places})


def _merge(lower: dict[str, Any], upper: dict[str, Any], at: KeyPath, places: dict[KeyPath, Place]) -> dict[str, Any]:
    merged = dict(lower)
    if not at and any(
        upper.get(key) is not None for key in _EITHER
    ):  # one says it anew, so the other one is out of date
        for key in _EITHER:
            merged.pop(key, None)
    for key, item in upper.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(item, dict) and not _replaces(old, item):
            merged[key] = _merge(old, item, (*at, key), places)
        else:
            merged[key] = item
            forget(places, (*at, key))
    return merged


def _replaces(old: dict[str, Any], new: dict[str, Any]) -> bool:
    return "keys" in old or "keys" in new or ("kind" in new and new["kind"] != old.get("kind"))


def forget(places: dict[KeyPath, Place], at: KeyPath) -> None:
    """Drops the places of a key and of all below it."""
    for path in [path for path in places if path[: len(at)] == at]:
        del places[path]


def override(tree: Tree, overrides: Sequence[str], defaults: Callable[[], Mapping[str, Any]]) -> Tree:
    """Sets each "key.path=value", the value read as YAML; a number in the path is a position in a list.

    Where the list itself is not in the tree, its default (from `defaults()`) is taken.
    """
    for text in overrides:
        tree = _override(tree, text, defaults)
    return tree


def _override(tree: Tree, text: str, defaults: Callable[[], Mapping[str, Any]]) -> Tree:
    key, equals, value_text = text.partition("=")
    place = Place(f"--set {text if len(text) <= 80 else text[:77] + '...'}", None, Path.cwd())
    path = steps(key.strip())
    if not equals or any(step == "" for step in path) or path == ("extends",):
        raise ConfigError(f"{place}: this is not key.path=value, such as --set camera.zoom=1.5.")
    found = read_yaml(value_text, place)
    places = dict(tree.places)
    forget(places, path)
    places[path] = place
    value = _set(tree.value, path, found.value, (), place, defaults)
    if path[0] in _EITHER and found.value is not None:
        value.pop(_EITHER[1 - _EITHER.index(str(path[0]))], None)
    return Tree(value, places)


def _set(
    old: Any, path: KeyPath, value: Any, at: KeyPath, place: Place, defaults: Callable[[], Mapping[str, Any]]
) -> Any:
    """A copy of `old` in which `path` is `value`."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if old is None:
        old = _look_up(defaults(), at) if isinstance(step, int) else {}
    if isinstance(old, list | tuple):
        if not isinstance(step, int) or step >= len(old):
            raise ConfigError(
                f"{place}: {dotted(at)} is a list of {len(old)}; its positions are 0 to {len(old) - 1}, not {step}."
            )
        return [
            _set(item, rest, value, (*at, step), place, defaults) if i == step else item for i, item in enumerate(old)
        ]
    if not isinstance(old, Mapping):
        raise ConfigError(f"{place}: {dotted(at)} is {shown(old)}, so it has no key {step}.")
    name = str(step)
    if not rest and isinstance(value, Mapping) is False and name == "kind" and old.get("kind") != value:
        old = {}  # another kind of source has other keys
    return {**old, name: _set(old.get(name), rest, value, (*at, step), place, defaults)}


def _look_up(tree: Any, at: KeyPath) -> Any:
    for step in at:
        tree = tree.get(step) if isinstance(tree, Mapping) else None
    return tree if isinstance(tree, list | tuple) else {}


def _plain(value: Any, at: KeyPath, depth: int, count: Any) -> Any:
    """Values from Python as YAML would give them."""
    if depth == 0 or next(count, None) is None:
        raise ConfigError(f"{MAPPING_NAME}: {dotted(at)[:80]} is nested too deeply or holds too many values.")
    match value:
        case Mapping():
            return {str(key): _plain(item, (*at, str(key)), depth - 1, count) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item, (*at, index), depth - 1, count) for index, item in enumerate(value)]
        case Fraction():
            return rate_text(value)
        case Path():
            return str(value)
        case None | bool() | int() | float() | str():
            return value
        case _:
            raise ConfigError(
                f"{MAPPING_NAME}: {dotted(at)} is a {type(value).__name__}; allowed are the values that YAML knows."
            )


def shown(value: Any) -> str:
    """A value as an error shows it: short, in YAML's words."""
    match value:
        case None:
            return "empty"
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"' if len(value) <= 60 else f'"{value[:57]}..."'
        case dict():
            return f"a section with the keys {', '.join(map(str, value))}"[:80] if value else "an empty section"
        case list() | tuple():
            text = "[" + ", ".join(shown(item) for item in value[:9]) + "]"
            return text if len(text) <= 60 else f"a list of {len(value)}"
        case _:
            return str(value)[:60]
