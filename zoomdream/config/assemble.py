"""One tree of plain values from all files of a config, or from a mapping: `extends`, merging, bounds."""

from __future__ import annotations

import os
from collections.abc import Mapping, Set
from fractions import Fraction
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from zoomdream.config.origin import KeyPath, Origin, Place, as_on_disk, dotted, shown
from zoomdream.config.read_yaml import DEEPEST, MOST_VALUES, Tree, read_yaml
from zoomdream.config.shorthand import how_to_dream_on, written_out
from zoomdream.config.units import rate_text
from zoomdream.config.yaml_mistakes import no_keys
from zoomdream.errors import ConfigError, error_context, nearest_name

LARGEST_FILE = 1_000_000
LONGEST_CHAIN = 16
MAPPING_NAME = "the config"
EITHER = ("duration", "frames")
"""The two ways to give a length, of which a config has one."""


def from_file(path: Path) -> tuple[Tree, Place]:
    """The file merged over what it extends, and its place."""
    if "\0" in str(path):
        raise ConfigError("The name of a config cannot hold a zero byte.")
    path = as_on_disk(path, Path())
    place = Place(str(path), None, Path(os.path.abspath(path)).parent)
    return _extended(_read_file(path, place), place, (Path(os.path.realpath(path)),)), place


def from_text(text: str, name: str, folder: Path) -> tuple[Tree, Place]:
    """As `from_file`, for a text; paths in it are relative to `folder`."""
    place = Place(name, None, folder)
    return _extended(_checked(read_yaml(text, place), place), place, ()), place


def from_mapping(mapping: Mapping[Any, Any]) -> tuple[Tree, Place]:
    """As `from_file`, for a mapping from Python; paths in it are relative to the working directory."""
    place = Place(MAPPING_NAME, None, Path.cwd())
    return _extended(written_out(Tree(plain(mapping), {})), place, ()), place


def _read_file(path: Path, place: Place) -> Tree:
    try:
        if not path.exists():
            whole = path.with_name(f"{path.name}.yaml")
            near = f" Did you mean {place.name}.yaml?" if whole.is_file() else _near(path, place)
            raise ConfigError(f"there is no file {place.name}.{near}")
        if not path.is_file():
            kind = "a folder" if path.is_dir() else "not a regular file"
            raise ConfigError(f"{place.name} is {kind}; a config is a YAML file.")
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ConfigError(f"{place.name} cannot be read: {error.strerror}.") from None
    if len(data) > LARGEST_FILE:
        raise ConfigError(f"{place.name} is larger than a config can be ({LARGEST_FILE} bytes).")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        way = how_to_dream_on(place.name)
        hint = f" To dream on it, {way}." if way else ""
        raise ConfigError(f"{place.name} is not a text file in UTF-8; a config is a YAML file, saved as UTF-8.{hint}")
    return _checked(read_yaml(text, place), place)


def _checked(tree: Tree, place: Place) -> Tree:
    if tree.value is None:  # empty, or nothing but comments: all defaults
        return Tree({}, {})
    if not isinstance(tree.value, dict):
        text = "this is not a config: its top level has to be keys with values, such as `fps: 30`."
        raise ConfigError(text + no_keys(tree.value), place=str(place))
    return written_out(tree)


def _near(path: Path, place: Place) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.suffix.lower() in (".yaml", ".yml")]
    except OSError:
        return ""
    near = nearest_name(path.name, names)
    return f" Did you mean {os.path.join(os.path.dirname(place.name), near)}?" if near else ""


def _extended(tree: Tree, place: Place, chain: tuple[Path, ...]) -> Tree:
    """The tree merged over the file that its key `extends` names, which may itself extend another."""
    value = dict(tree.value)
    name = value.pop("extends", None)
    if name is None:
        return Tree(value, tree.places)
    spot = Origin(place, tree.places).find(("extends",))
    name = name if spot.written is None else spot.written
    with error_context("extends", lambda key: str(spot)):
        if not isinstance(name, str) or not name.strip() or "\0" in name:
            raise ConfigError(f"{shown(name)} names no file. Allowed: the path of another config.")
        path = spot.folder / as_on_disk(Path(name), spot.folder)
        real = Path(os.path.realpath(path))
        if real in chain:
            circle = " extends ".join(file.name for file in (*chain[chain.index(real) :], real))
            raise ConfigError(f"this goes in a circle: {circle}.")
        if len(chain) >= LONGEST_CHAIN:
            raise ConfigError(f"more than {LONGEST_CHAIN} files extend each other.")
        base_place = Place(os.path.join(os.path.dirname(place.name), name), None, real.parent)
        base = _extended(_read_file(path, base_place), base_place, (*chain, real))
    return merge(base, Tree(value, tree.places))


def merge(lower: Tree, upper: Tree) -> Tree:
    """`upper` over `lower`: mappings merge; all else replaces, as do keyframes and a mapping of another `kind`."""
    replaced: set[KeyPath] = set()
    value = _merge(lower.value, upper.value, (), replaced)
    return Tree(value, {**kept(lower.places, replaced), **upper.places})


def _merge(lower: dict[str, Any], upper: dict[str, Any], at: KeyPath, replaced: set[KeyPath]) -> dict[str, Any]:
    merged = dict(lower)
    if not at and any(upper.get(key) is not None for key in EITHER):  # its length replaces the lower's
        for key in EITHER:
            merged.pop(key, None)
    for key, item in upper.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(item, dict) and not _replaces(old, item):
            merged[key] = _merge(old, item, (*at, key), replaced)
        else:
            merged[key] = item
            replaced.add((*at, key))
    return merged


def _replaces(old: dict[str, Any], new: dict[str, Any]) -> bool:
    return any(key == "keys" or key[:1].isdigit() for key in new) or ("kind" in new and new["kind"] != old.get("kind"))


def kept(places: Mapping[KeyPath, Place], replaced: Set[KeyPath]) -> dict[KeyPath, Place]:
    """The places but those of the replaced keys and of all that was below them."""
    return {
        path: place
        for path, place in places.items()
        if not any(path[:length] in replaced for length in range(1, len(path) + 1))
    }


def plain(value: Any, at: KeyPath = ()) -> Any:
    """A value from Python, that of the key `at`, as YAML would give it. ConfigError for what YAML does not know."""
    return _plain(value, at, DEEPEST, iter(range(MOST_VALUES)))


def _plain(value: Any, at: KeyPath, depth: int, count: Any) -> Any:
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
        case Integral() if not isinstance(value, bool):
            if abs(int(value)) >= 2**128:
                raise ConfigError(f"{MAPPING_NAME}: {dotted(at)} is a number with too many digits.")
            return int(value)
        case Real() if not isinstance(value, bool):
            return float(value)
        case None | bool() | str():
            return value
        case _:
            raise ConfigError(
                f"{MAPPING_NAME}: {dotted(at)} is a {type(value).__name__}; allowed are the values that YAML knows."
            )
