"""What was found in songs before, by their content: a second start does not listen again."""

from __future__ import annotations

import contextlib
import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoomdream.machine.files import cache_folder, write_whole

_VERSION = 5
"""Of the way in which a song is heard. Another number, and all songs are heard again."""

_MOST_FILES = 64

Arrays = Mapping[str, NDArray[Any]]


def remembered(kind: str, content: str, make: Callable[[], Arrays]) -> Arrays:
    """What `make` gives, or gave before for this kind of thing and this content of a song.

    A cache that cannot be read or written is as good as none.
    """
    name = hashlib.sha256(f"{_VERSION} {kind} {content}".encode()).hexdigest()[:32]
    folder = cache_folder()
    if folder is None:
        return make()
    path = folder / "music" / f"{name}.npz"
    with contextlib.suppress(OSError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile, EOFError):
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            found = {key: file[key] for key in file.files}
        path.touch()
        return found
    made = make()
    data = io.BytesIO()
    np.savez(data, **made)  # type: ignore[arg-type]
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data.getvalue())
        _tidy(path.parent)
    return made


def _tidy(folder: Path) -> None:
    """Throw away what has not been used for longest."""
    files = sorted(folder.glob("*.npz"), key=lambda path: path.stat().st_mtime)
    for path in files[:-_MOST_FILES]:
        path.unlink(missing_ok=True)
