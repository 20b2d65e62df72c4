"""Where each key of a config was written, so that every error can name the file and the line."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

OUTPUT_OPTION = "--output"
"""The name of the place of an output that was given to `load_config` by itself, beside the file."""

KeyPath = tuple[str | int, ...]
"""A key as steps from the top: ("objective", 0, "weight")."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, or another spot that a key can come from (then without a line): `--set`, a mapping from Python.

    `folder` is what relative paths at this place are relative to.
    """

    name: str
    line: int | None
    folder: Path

    def __str__(self) -> str:
        return self.name if self.line is None else f"{self.name}, line {self.line}"


@dataclass(frozen=True)
class Origin:
    """The places of all keys of one config. Equal configs may come from different files: nothing is compared."""

    root: Place = field(compare=False)
    places: Mapping[KeyPath, Place] = field(compare=False)

    def find(self, path: KeyPath) -> Place:
        """The place of the key, else of the nearest section around it, else of the file as a whole."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        return self.root


def dotted(path: KeyPath) -> str:
    """("objective", 0, "weight") as a person writes it: objective.0.weight."""
    return ".".join(str(step) for step in path)


def steps(key: str) -> KeyPath:
    """The reverse of `dotted`; whole numbers become list positions."""
    return tuple(int(part) if part.isdecimal() and len(part) < 10 else part for part in key.split("."))


def absolute(path: Path, folder: Path) -> Path:
    """`path` made absolute from `folder`, `~` expanded. The disk is not asked: media says what is missing."""
    return Path(os.path.abspath(folder / at_home(path)))


def at_home(path: Path) -> Path:
    """`path` with `~` expanded."""
    with contextlib.suppress(RuntimeError):  # ~nobody: no such user; then it is just a name
        path = path.expanduser()
    return path
