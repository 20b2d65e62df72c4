"""Curves of the user's own: a table of times and values."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from zoomdream.errors import InputError, require_file
from zoomdream.music.spectrum import ROWS_PER_SECOND, Curve

TABLES = (".csv", ".tsv", ".txt")
_LARGEST_FILE = 100_000_000  # bytes
_LONGEST = 36_000  # seconds
_LARGEST = 1e30  # value, which float32 holds


def read_table(path: Path) -> Curve:
    """The curve of a table: on each line a time in seconds of the song and a value, with a comma, a semicolon, a tab or
    spaces between; a first line of names may stand above. Between the times it goes straight, and beyond them it stays.

    Raises InputError that names the line.
    """
    require_file(path, "a table of times and values")
    if path.stat().st_size > _LARGEST_FILE:
        raise InputError(f"{path} is larger than a table of values can be ({_LARGEST_FILE} bytes).")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{path} is not a text file; a series is a time and a value on each line.") from None
    times: list[float] = []
    values: list[float] = []
    for number, line in enumerate(lines, 1):
        words = line.replace(",", " ").replace(";", " ").split()
        if not words or line.startswith("#"):
            continue
        try:
            time, value = (float(word) for word in words)
        except ValueError:
            if not times and not any(letter.isdigit() for letter in words[0]):
                continue  # names of the columns
            text = f'"{line[:40]}" is not a time and a value. A series has no holes: leave such lines out.'
            raise InputError(f"{path}, line {number}: {text}") from None
        if not (abs(value) <= _LARGEST and 0 <= time <= _LONGEST):
            allowed = f"Allowed: times from 0 to {_LONGEST} seconds, and values that are numbers up to {_LARGEST:g}."
            raise InputError(f'{path}, line {number}: "{line[:40]}" is no moment of a song. {allowed}')
        if times and time <= times[-1]:
            text = f"{time:g} s is not after the time before it ({times[-1]:g} s). Times stand in their order."
            raise InputError(f"{path}, line {number}: {text}")
        times.append(time)
        values.append(value)
    if not times:
        raise InputError(f"{path} holds no times and values.")
    rows = np.arange(math.ceil(times[-1] * ROWS_PER_SECOND) + 1) / ROWS_PER_SECOND
    return np.interp(rows, times, values).astype(np.float32)
