"""`--set key.path=value`: single keys set from the command line, over all files."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoomdream.config.assemble import EITHER, kept
from zoomdream.config.explain import takes_path, value_at
from zoomdream.config.origin import KeyPath, Place, dotted, shown, steps
from zoomdream.config.read_yaml import Tree, read_yaml
from zoomdream.config.shorthand import written_out
from zoomdream.errors import ConfigError

SET = "--set "


def override(tree: Tree, overrides: Sequence[str], defaults: Callable[[], Mapping[str, Any]]) -> Tree:
    """Sets each "key.path=value", the value read as YAML, but a path as it is; a number in the key is a position in a
    list.

    Where the list itself is not in the tree, its default (from `defaults()`) is taken.
    """
    for text in overrides:
        tree = _override(tree, text, defaults)
    return tree


def _override(tree: Tree, text: str, defaults: Callable[[], Mapping[str, Any]]) -> Tree:
    key, equals, value_text = text.partition("=")
    place = Place(f"{SET}{text if len(text) <= 80 else text[:77] + '...'}", None, Path.cwd())
    path = steps(key.strip())
    if not equals or any(step == "" for step in path) or path == ("extends",):
        pair = re.fullmatch(r"([\w.]*\w)\s*[:\s]\s*(\S.*)", text.strip())
        example = f"{pair[1]}={pair[2][:40]}" if pair else "camera.zoom=1.5"
        raise ConfigError(f"this is not key.path=value, such as --set {example}.", place=str(place))
    if path == ("source",) and value_text.strip()[:1] not in ("", "{") and value_text.strip() not in ("null", "~"):
        return written_out(put(tree, path, value_text, place, defaults))  # a name, which may hold what YAML would read
    if takes_path(path, tree.value):
        return put(tree, path, value_text or None, place, defaults)
    given = read_yaml(value_text, place)
    tree = put(tree, path, given.value, place, defaults)
    within = {(*path, *at): replace(place, written=spot.written) for at, spot in given.places.items()}
    return written_out(Tree(tree.value, {**tree.places, **within}))


def put(tree: Tree, path: KeyPath, value: Any, place: Place, defaults: Callable[[], Mapping[str, Any]]) -> Tree:
    """The tree in which `path` is `value`, which stands at `place`. Raises ConfigError where there is no such path."""
    changed = _set(_without_other_kind(tree, path, value), path, value, (), place, defaults)
    places = {**kept(tree.places, {path}), path: place}
    if path[0] in EITHER and value is not None:
        changed.pop(EITHER[1 - EITHER.index(str(path[0]))], None)
    return Tree(changed, places)


def paths_as_written(tree: Tree) -> Tree:
    """The tree in which paths that look like numbers or truth values (007, 1.5, true) are the text that was written."""
    value = tree.value
    for path, place in tree.places.items():
        if place.written is not None and isinstance(value_at(value, path), int | float) and takes_path(path, value):
            value = _set(value, path, place.written, (), place, dict)
    return Tree(value, tree.places)


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
            text = f"this is a list of {len(old)}; its positions are 0 to {len(old) - 1}, not {step}."
            if not isinstance(step, int):
                text += f" Write {dotted((*at, 0, *path))}, for the first of them."
            raise ConfigError(text, key=dotted(at), place=str(place))
        return [
            _set(item, rest, value, (*at, step), place, defaults) if i == step else item for i, item in enumerate(old)
        ]
    if not isinstance(old, Mapping):
        raise ConfigError(f"{shown(old)} has no key {step}.", key=dotted(at), place=str(place))
    return {**old, str(step): _set(old.get(str(step)), rest, value, (*at, step), place, defaults)}


def _without_other_kind(tree: Tree, path: KeyPath, kind: Any) -> dict[str, Any]:
    """Another kind of source has other keys: those from files go, those from `--set` stay, in any order."""
    value: dict[str, Any] = tree.value
    source = value.get("source")
    if path != ("source", "kind") or not isinstance(source, dict) or source.get("kind") == kind:
        return value
    stays = {
        key: item
        for key, item in source.items()
        if ("source", key) in tree.places and _from_set(tree.places["source", key])
    }
    return {**value, "source": stays}


def _from_set(place: Place) -> bool:
    return place.name.startswith(SET)


def _look_up(tree: Any, at: KeyPath) -> Any:
    for step in at:
        tree = tree.get(step) if isinstance(tree, Mapping) else None
    return tree if isinstance(tree, list | tuple) else {}
