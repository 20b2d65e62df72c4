"""A `matrix:` section: lists of values for any keys, every combination of which is a render of its own.

    output: out/{network.name}-{seed}.mp4
    matrix:
      seed: [1, 2, 3]
      objective.0.layer: [mixed4b, mixed4c]

Keys are dotted as after `--set`, or nested as in the rest of the YAML. The output's name is a template: {KEY} becomes
the value that the key has in that render, {name} the file's name and {number} the number of the combination.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from zoomdream.api import load_config, load_tree
from zoomdream.config import Config, assemble, checks
from zoomdream.config.defaults import default_tree, is_clip
from zoomdream.config.explain import takes_path
from zoomdream.config.origin import KeyPath, Origin, Place, as_on_disk, dotted, shown, steps
from zoomdream.config.override import SET, override, put
from zoomdream.config.read_yaml import Tree, read_yaml
from zoomdream.config.shorthand import with_kind, written_out
from zoomdream.errors import ConfigError

MOST_RENDERS = 10_000
_FIELD = re.compile(r"\{([^{}]*)\}")
_LONGEST_WORD = 60


@dataclass(frozen=True, slots=True)
class Variant:
    """One render of a file: what the matrix chose for it, by dotted key, and how to load its config.

    `load` raises ConfigError and InputError, as `load_config` does.
    """

    choice: Mapping[str, Any]
    load: Callable[[], Config]


@dataclass(frozen=True, slots=True)
class _Axis:
    """A key of the matrix, its values, and where each of them stands."""

    path: KeyPath
    values: tuple[Any, ...]
    places: tuple[Place, ...]


def expand(path: Path, overrides: Sequence[str] = ()) -> list[Variant]:
    """Every render of a YAML file: one without a matrix, else one for each combination, the last key changing fastest.

    overrides: "key.path=value" as after `--set`. One that sets a key of the matrix replaces it; matrix.KEY=[...] sets
    the values of one. Raises ConfigError for a file that cannot be read and a matrix that is none.
    """
    tree, root = assemble.from_file(path)
    of_matrix = [text for text in overrides if text.lstrip().startswith("matrix.")]
    plain = [text for text in overrides if text not in of_matrix]
    if "matrix" not in tree.value and not of_matrix:
        return [Variant({}, lambda: load_config(path, plain))]
    axes = list(_axes(tree, root, of_matrix))
    fixed = [steps(text.partition("=")[0].strip()) for text in plain]
    axes = [axis for axis in axes if not any(axis.path[: len(at)] == at for at in fixed)]
    count = math.prod(len(axis.values) for axis in axes)
    if count > MOST_RENDERS:
        where = Origin(root, tree.places).find(("matrix",))
        raise ConfigError(f"{where}: matrix makes {count} renders. Allowed: at most {MOST_RENDERS}.")
    tree = Tree({key: value for key, value in tree.value.items() if key != "matrix"}, tree.places)
    places = range(len(axes))
    combinations = itertools.product(*(range(len(axis.values)) for axis in axes))
    return [
        Variant(
            {dotted(axes[at].path): axes[at].values[picked[at]] for at in places},
            _Loader(path, tree, root, tuple(zip(axes, picked, strict=True)), number, len(str(count)), tuple(plain)),
        )
        for number, picked in enumerate(combinations, start=1)
    ]


@dataclass(frozen=True, slots=True)
class _Loader:
    """Loads one combination of a file; `picked` is an index of each axis's values."""

    path: Path
    tree: Tree
    root: Place
    picked: tuple[tuple[_Axis, int], ...]
    number: int
    digits: int
    overrides: tuple[str, ...]

    def __call__(self) -> Config:
        tree, template = self._chosen(), self._template()
        # Codec and container follow from the output's ending; the fields are filled in once the values are known.
        plain = [text for text in self.overrides if not _sets_output(text)]
        config = load_tree(tree, self.root, [*plain, f"output={_FIELD.sub('x', template)}"])
        named = _FIELD.sub(lambda field: self._word(field[1], config, template), template)
        output = as_on_disk(Path(named), Path())
        if problem := checks.output_problem(output):
            raise ConfigError(f"{self._home()}: output {problem}")
        return config.model_copy(update={"output": output}).placed(Origin(self.root, config.origin.places))

    def _chosen(self) -> Tree:
        tree = self.tree
        for axis, index in sorted(self.picked, key=lambda picked: _order(picked[0].path)):
            clip = is_clip(with_kind(override(tree, self._about_source(), default_tree).value))
            changed = put(tree, axis.path, axis.values[index], axis.places[index], partial(default_tree, clip))
            tree = written_out(changed)
        return tree

    def _about_source(self) -> list[str]:
        return [text for text in self.overrides if text.lstrip().startswith("source")]

    def _template(self) -> str:
        given = [text for text in self.overrides if _sets_output(text)]
        output = override(self.tree, given[-1:], default_tree).value.get("output")
        if output is None:
            return "-".join([self.path.stem, *(f"{{{dotted(axis.path)}}}" for axis, _ in self.picked)]) + ".mp4"
        if not isinstance(output, str):
            raise ConfigError(f"{self._home()}: output is {shown(output)}. Allowed: a path.")
        return output

    def _word(self, field: str, config: Config, template: str) -> str:
        """What a field of the template becomes in this render."""
        if field == "name":
            return self.path.stem
        if field == "number":
            return f"{self.number:0{self.digits}d}"
        path = steps(field)
        index = next((index for axis, index in self.picked if axis.path == path), None)
        value = _value(config.tree(), path)
        if value is None and index is not None:
            value = next(axis.values[index] for axis, _ in self.picked if axis.path == path)
        word = _as_word(value)
        if word is None and index is not None:
            return str(index + 1)  # a section or a list: its number among the values
        if word is None:
            what = "is not given" if value is None else f"is {shown(value)}, which makes no name"
            raise ConfigError(
                f'{self._home()}: output is "{template}", and {field} {what}. Allowed: {{name}}, {{number}} and keys.'
            )
        return word

    def _home(self) -> Place:
        """Where the output's template stands."""
        given = [text for text in self.overrides if _sets_output(text)]
        return _place_of(given[-1]) if given else Origin(self.root, self.tree.places).find(("output",))


def _axes(tree: Tree, root: Place, overrides: Sequence[str]) -> Iterator[_Axis]:
    """The axes of the matrix in the tree, those of `overrides` ("matrix.KEY=[...]") in place of theirs or after them.

    Raises ConfigError.
    """
    origin = Origin(root, tree.places)
    found: dict[KeyPath, _Axis] = {}
    matrix = tree.value.get("matrix")
    if not isinstance(matrix, dict | None):
        raise ConfigError(
            f"{origin.find(('matrix',))}: matrix is {shown(matrix)}. Allowed: keys with lists of values, such as "
            "`seed: [1, 2, 3]`."
        )
    for written, values in _leaves(matrix or {}, ("matrix",)):
        path = steps(".".join(str(step) for step in written[1:]))
        if path in found:
            raise ConfigError(f"{origin.find(written)}: {dotted(written)} is given twice.")
        where = tuple(origin.find((*written, number)) for number in range(len(values) if _is_list(values) else 0))
        found[path] = _axis(path, values, origin.find(written), where)
    for text in overrides:
        key, _, written_values = text.partition("=")
        path = steps(key.strip().removeprefix("matrix."))
        place = _place_of(text)
        given = read_yaml(written_values, place)
        count = len(given.value) if _is_list(given.value) else 0
        where = tuple(replace(place, written=given.places[number,].written) for number in range(count))
        found[path] = _axis(path, given.value, place, where)
    yield from found.values()


def _axis(path: KeyPath, values: Any, place: Place, places: tuple[Place, ...]) -> _Axis:
    if not _is_list(values) or not values:
        raise ConfigError(
            f"{place}: matrix.{dotted(path)} is {shown(values)}. Allowed: a list of values, at least one."
        )
    if path[0] in ("output", "extends", "matrix") or "" in path:
        raise ConfigError(
            f"{place}: {dotted(path)} cannot be a key of a matrix; the output's name is made of the others."
        )
    if takes_path(path, {}):
        values = [value if at.written is None else at.written for value, at in zip(values, places, strict=True)]
    return _Axis(path, tuple(values), places)


def _is_list(values: Any) -> bool:
    return isinstance(values, list)


def _leaves(section: Mapping[str, Any], at: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    """What stands in nested sections, each with its path."""
    for key, value in section.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*at, key))
        else:
            yield (*at, key), value


def _value(tree: Any, path: KeyPath) -> Any:
    for step in path:
        if isinstance(tree, Mapping):
            tree = tree.get(str(step))
        elif isinstance(tree, list | tuple) and isinstance(step, int) and step < len(tree):
            tree = tree[step]
        else:
            return None
    return tree


def _as_word(value: Any) -> str | None:
    """A value as a part of a file's name; None for what has no short name."""
    if isinstance(value, Path):
        value = value.stem
    elif isinstance(value, list | tuple) and value and not any(isinstance(item, dict | list | tuple) for item in value):
        value = "-".join(str(item) for item in value)
    elif isinstance(value, bool):
        value = str(value).lower()
    elif value is None or isinstance(value, Mapping | list | tuple):
        return None
    return re.sub(r"[^\w.+-]+", "-", str(value)).strip("-.")[:_LONGEST_WORD] or None


def _place_of(text: str) -> Place:
    """The place of what stands after a `--set`."""
    return Place(f"{SET}{text if len(text) <= 80 else text[:77] + '...'}", None, Path.cwd())


def _sets_output(text: str) -> bool:
    return text.partition("=")[0].strip() == "output"


def _order(path: KeyPath) -> tuple[bool, bool]:
    """The kind of source comes first, because it throws away the keys of another kind, and decides about defaults."""
    return path != ("source", "kind"), path[0] != "source"
