"""Where each key of a config was written, and how errors show keys and values."""

from __future__ import annotations

import contextlib
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

OUTPUT_OPTION = "--output"
"""The name of the place of an output that was given to `load_config` by itself, beside the file."""

KeyPath = tuple[str | int, ...]
"""A key as steps from the top: ("objective", 0, "weight")."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, or another spot that a key can come from (then without a line): `--set`, a mapping from Python.

    `folder` is what relative paths at this place are relative to. `written`: the text of a number or a truth value, for
    "007" is another path than "7".
    """

    name: str
    line: int | None
    folder: Path
    written: str | None = None

    def __str__(self) -> str:
        return self.name if self.line is None else f"{self.name}, line {self.line}"


@dataclass(frozen=True)
class Origin:
    """The places of all keys of one config, and what reads its clip, its music and the renders that it names where it
    is loaded again. Equal configs may come from different files: nothing is compared.
    """

    root: Place = field(compare=False)
    places: Mapping[KeyPath, Place] = field(compare=False)
    ask_clip: Callable[..., Any] | None = field(default=None, compare=False)
    listen: Callable[..., Any] | None = field(default=None, compare=False)
    follow: Callable[..., Any] | None = field(default=None, compare=False)

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
    """The reverse of `dotted`; whole numbers become list positions, also in brackets: objective[0].weight."""
    parts = re.sub(r"\[(\d+)\](?=[.\[]|$)", r".\1", key).split(".")
    return tuple(int(part) if part.isdecimal() and len(part) < 10 else part for part in parts)


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


def did_you_mean(name: object, choices: Iterable[str], cutoff: float = 0.5) -> str:
    """The hint at the nearest of the choices, " Did you mean dreamnet?", or "" where none is near."""
    near = get_close_matches(str(name).lower(), list(choices), n=1, cutoff=cutoff)
    return f" Did you mean {near[0]}?" if near else ""


def absolute(path: Path, folder: Path) -> Path:
    """`path` made absolute from `folder`, as `as_on_disk` has it. What is missing is told by those who read it."""
    return Path(os.path.abspath(folder / as_on_disk(path, folder)))


def as_on_disk(path: Path, folder: Path) -> Path:
    """`path`, relative to `folder`, with `~` expanded and its names spelled as they are on the disk.

    An accented letter is one character or two (macOS writes two), and looks alike. A name that is there counts as it
    is, also one that begins with `~`.
    """
    if not os.path.lexists(folder / path):
        with contextlib.suppress(RuntimeError):  # ~nobody: no such user; then it is just a name
            path = path.expanduser()
    if os.path.lexists(folder / path):
        return path
    spelled = Path(path.anchor)
    for name in path.parts[bool(path.anchor) :]:
        if name != ".." and not name.isascii() and not os.path.lexists(folder / spelled / name):
            with contextlib.suppress(OSError):
                same = unicodedata.normalize("NFC", name)
                names = os.listdir(folder / spelled)
                name = next((other for other in names if unicodedata.normalize("NFC", other) == same), name)
        spelled /= name
    return spelled
