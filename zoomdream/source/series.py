"""Numbered pictures as they lie on the disk: a pattern, or a folder, to its files in the order of their numbers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from unicodedata import normalize

from zoomdream.config.schema import MOST_FRAMES
from zoomdream.config.schema_source import Footage
from zoomdream.config.shorthand import PICTURES
from zoomdream.errors import InputError, require_file

_PLACE = re.compile(r"%(?:0?(\d))?d|#+")
_NUMBERED = re.compile(r"(.*?)([0-9]+)([^0-9]*)", re.DOTALL)

_MOST_TOLD = 5  # series, or gaps, in a sentence

_Files = dict[int, Path]


def files_of(footage: Footage) -> tuple[Path, ...]:
    """The files that show a clip: its only one, or its pictures, a held one again for each number that is missing.

    InputError, with what to set instead, where there are none, where numbers are missing that are not to be held, or
    where two files have one number.
    """
    if isinstance(footage, Path):
        return (footage,)
    found = _found(footage.path)
    numbers = sorted(found)
    if numbers[-1] - numbers[0] >= MOST_FRAMES:
        raise InputError(f"{footage} has numbers from {numbers[0]} to {numbers[-1]}, more than {MOST_FRAMES} frames.")
    gaps = [(first + 1, last - 1) for first, last in pairwise(numbers) if last - first > 1]
    if gaps and footage.missing == "error":
        missing = _listed(str(first) if first == last else f"{first} to {last}" for first, last in gaps)
        raise InputError(
            f"{footage} has the numbers {numbers[0]} to {numbers[-1]}, but not {missing}. Set `source.missing` to "
            "`hold` to show the picture before a gap until it ends."
        )
    files = [found[numbers[0]]]
    for number in range(numbers[0] + 1, numbers[-1] + 1):
        files.append(found.get(number, files[-1]))
    return tuple(files)


def told_as_picture(path: Path) -> str:
    """What to set instead for a clip's file that is one still picture, perhaps of many."""
    if pattern := _pattern_beside(path):
        return (
            f"{path} is one of numbered pictures. To dream on all of them set `source.kind` to `frames` and "
            f'`source.path` to "{pattern}"; to zoom into this one set `source.kind` to `image`.'
        )
    return f"{path} is a picture, not a video; set `source.kind` to `image`."


def require_no_series(path: Path) -> None:
    """InputError for what a clip's file is not but numbered pictures are, with what to set instead."""
    if path.is_dir() and any(_series_in(path)):
        raise InputError(f"{path} is a folder with numbered pictures. To dream on them set `source.kind` to `frames`.")
    if not path.exists() and _PLACE.search(path.name) and _matching(path):
        raise InputError(f"{path} are numbered pictures. To dream on them set `source.kind` to `frames`.")


def _pattern_beside(path: Path) -> Path | None:
    """The pattern of the numbered pictures that a picture is one of; None where it is the only one."""
    match = _NUMBERED.fullmatch(path.stem)
    if match is None or path.suffix.lower() not in PICTURES:
        return None
    files = _series_in(path.parent).get((match[1], match[3] + path.suffix.lower()), {})
    return _pattern_of(files) if len(files) > 1 else None


def _found(path: Path) -> _Files:
    """The files by their numbers, at least one. InputError."""
    if path.is_dir():
        return _only(path)
    if _PLACE.search(path.name) is None:
        raise InputError(_no_series(path))
    found = _matching(path)
    if not found:
        if not path.parent.is_dir():
            require_file(path.parent, "a folder")
        there = _listed(f'"{_pattern_of(files)}"' for files in _series_in(path.parent).values())
        raise InputError(f"no file is called {path}.{f' There are numbered pictures {there}.' if there else ''}")
    return found


def _no_series(path: Path) -> str:
    """Why a path that is neither a folder nor a pattern names no numbered pictures."""
    require_file(path, "a folder or a pattern of numbered pictures")
    if pattern := _pattern_beside(path):
        return f'{path} is one picture. To dream on all the numbered pictures set `source.path` to "{pattern}".'
    kind = "image" if path.suffix.lower() in PICTURES else "video"
    what = "one picture" if kind == "image" else "no picture"
    return f"{path} is {what}, not a folder or a pattern of numbered pictures. For it set `source.kind` to `{kind}`."


def _only(folder: Path) -> _Files:
    """The files of the one series in a folder."""
    series = list(_series_in(folder).values())
    if len(series) == 1:
        return series[0]
    if not series:
        raise InputError(f"{folder} holds no numbered pictures, such as shot_0001.png ({' '.join(PICTURES)}).")
    several = _listed(f'"{_pattern_of(files).name}" ({len(files)})' for files in series)
    raise InputError(
        f"{folder} holds several series of numbered pictures: {several}. Set `source.path` to one of them, such as "
        f'"{_pattern_of(max(series, key=len))}".'
    )


def _matching(path: Path) -> _Files:
    """The files of a pattern, by their numbers. A number may have more digits than the pattern says, not fewer."""
    name = normalize("NFC", path.name)
    place = list(_PLACE.finditer(name))[-1]
    width = int(place[1] or 1) if place[0].startswith("%") else len(place[0])
    wanted = re.compile(f"{re.escape(name[: place.start()])}([0-9]{{{width},}}){re.escape(name[place.end() :])}")
    found: _Files = {}
    for file in _files_in(path.parent):
        match = wanted.fullmatch(normalize("NFC", file.name))
        if match is not None:
            _add(found, int(match[1]), file)
    return found


def _series_in(folder: Path) -> dict[tuple[str, str], _Files]:
    """The series in a folder, by what stands before and after their numbers, each with its files by number.

    The last number in a name counts. Hidden files, and pictures without a number, are passed over.
    """
    series: dict[tuple[str, str], _Files] = {}
    for file in _files_in(folder):
        match = _NUMBERED.fullmatch(file.stem)
        if match is not None and file.suffix.lower() in PICTURES:
            _add(series.setdefault((match[1], match[3] + file.suffix.lower()), {}), int(match[2]), file)
    return series


def _files_in(folder: Path) -> Iterator[Path]:
    """The files that are not hidden, in the order of their names."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.name[0] != "." and entry.is_file())
    except OSError:
        return
    for name in names:
        yield folder / name


def _add(found: _Files, number: int, file: Path) -> None:
    if number in found:
        raise InputError(f"{found[number]} and {file.name} have the same number, {number}.")
    found[number] = file


def _pattern_of(files: _Files) -> Path:
    """The pattern that names the files of a series."""
    shortest = min(files.values(), key=lambda file: len(file.name))
    match = _NUMBERED.fullmatch(shortest.stem)
    assert match is not None
    return shortest.with_name(f"{match[1]}{'#' * len(match[2])}{match[3]}{shortest.suffix}")


def _listed(things: Iterator[str]) -> str:
    """ "1, 2 and 3", the first few of many."""
    told = list(things)
    more = len(told) - _MOST_TOLD
    if more > 0:
        told = [*told[:_MOST_TOLD], f"{more} more"]
    return " and ".join([", ".join(told[:-1]), told[-1]]) if len(told) > 1 else "".join(told)
