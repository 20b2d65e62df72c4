"""What runs on the machines of a Ray cluster: one render, in the batch's folder if it can be seen, else in one of its
own, from which the batch fetches the result.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from zoomdream.batch.work import Event, Failed, Finished, WarmNetworks, Work, perform
from zoomdream.config import Config
from zoomdream.config.codecs import is_numbered
from zoomdream.config.fields import rebuilt
from zoomdream.config.origin import KeyPath
from zoomdream.machine.files import write_whole
from zoomdream.rendering.job import named_paths


@dataclass(frozen=True, slots=True)
class Parcel:
    """Work on its way. token: a file beside the output, by which a worker knows that it sees the batch's folder.

    inputs: the files that the config names and not every worker sees, each with what `fetch` makes its content of.
    """

    work: Work
    token: Path
    inputs: Mapping[Path, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """How it ended, and what has to be brought home: from which node, out of which folder, files with their sizes."""

    event: Finished | Failed
    node: str = ""
    folder: str = ""
    files: Mapping[str, int] | None = None


class Board:
    """Where workers write how far they are: the last word of each, until the batch takes it."""

    def __init__(self) -> None:
        self._latest: dict[int, Event] = {}

    def tell(self, event: Event) -> None:
        self._latest[event.key] = event

    def take(self) -> list[Event]:
        taken, self._latest = list(self._latest.values()), {}
        return taken


@cache
def _networks() -> WarmNetworks:
    """Ray gives one process many pieces of work: the network stays from one to the next."""
    return WarmNetworks()


def do(parcel: Parcel, node: str, fetch: Callable[[Any], bytes], tell: Callable[[Event], None]) -> Result:
    """Do the work of a parcel on this machine, which is `node`. `tell` hears how far it is."""
    ends: list[Finished | Failed] = []

    def heard(event: Event) -> None:
        if isinstance(event, Finished | Failed):
            ends.append(event)
        else:
            tell(event)

    in_place = parcel.token.exists()
    if in_place and not parcel.inputs:
        perform(parcel.work, _networks(), heard)
        return Result(ends[-1])
    root = Path(tempfile.gettempdir(), "zoomdream-batch", parcel.token.name)
    folder = root / str(parcel.work.key)  # of the same name each time: here, a second attempt goes on
    there, home = _with_inputs(parcel, root / "inputs", fetch)
    if not in_place:
        there = _within(there, folder)
    at_home = partial(_as_at_home, home=home, output=parcel.work.config.output)
    perform(replace(parcel.work, config=there), _networks(), heard, at_home)
    if in_place or isinstance(ends[-1], Failed):
        return Result(ends[-1])
    files = {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    return Result(ends[-1], node, str(folder), files)


def _with_inputs(parcel: Parcel, folder: Path, fetch: Callable[[Any], bytes]) -> tuple[Config, Mapping[Path, Path]]:
    """The config with its inputs in `folder`, and where those are at home.

    A file that the config does not name itself is one of numbered pictures, which stay together in one folder.
    """
    home, moved = {}, {}
    named = {path for _, path in named_paths(parcel.work.config)}
    for path, content in parcel.inputs.items():
        data = fetch(content)
        alone = path in named
        known_by = data if alone else os.fsencode(path.parent)
        place = folder / hashlib.sha256(known_by).hexdigest()[:16]
        place /= path.name if alone else Path(path.parent.name, path.name)  # a render is known by names and contents
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            write_whole(place, data)
        one, other = (path, place) if alone else (path.parent, place.parent)
        moved[one], home[other] = other, one
    return _with_paths(parcel.work.config, moved), home


def _within(config: Config, folder: Path) -> Config:
    """The config with its output in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / (config.output.parent.name if is_numbered(config.output) else "") / config.output.name
    return config.model_copy(update={"output": output})


def _with_paths(config: Config, places: Mapping[Path, Path]) -> Config:
    """The config with other paths for its inputs."""

    def changed(at: KeyPath, value: Any) -> Any:
        if not isinstance(value, Path) or at == ("output",):
            return value
        folder = places.get(value.parent)  # of a pattern, which is no file itself
        return places.get(value, value if folder is None else folder / value.name)

    return rebuilt(config, changed)


def _as_at_home(config: Config, home: Mapping[Path, Path], output: Path) -> Config:
    """The config with the paths that the batch's own machine knows: the video tells of those."""
    return _with_paths(config, home).model_copy(update={"output": output})


def piece(folder: str, name: str, begin: int, length: int) -> bytes:
    """A part of a result's file."""
    with Path(folder, name).open("rb") as file:
        file.seek(begin)
        return file.read(length)


def forget(folder: str) -> None:
    """Remove a result that has been brought home, or a batch's whole folder."""
    shutil.rmtree(folder, ignore_errors=True)


def sees(path: Path) -> bool:
    """Whether this machine sees a file."""
    return path.exists()
