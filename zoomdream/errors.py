"""Everything that can go wrong for a user, and the exit code that says so.

ZoomdreamError
├── ConfigError        2    the YAML, the command line, or a value that does not fit the network
├── InputError         3    weights, a picture or a clip is missing, broken or of the wrong kind
├── OutputError        4    writing, encoding or the lock failed
└── RenderInterrupted  130  Ctrl-C; the render can go on later

An error is one short paragraph for a person: where, what was found, what is allowed. What a program decides by stands
beside the text, never in it. Any other exception is our own bug.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path


class ZoomdreamError(Exception):
    """Something that the user can mend. `exit_code` is what the command ends with.

    text: what was found and what is allowed, in sentences. key: the dotted YAML key that it is about; place: the file
    and the line where that was written. Whoever has the config adds what is missing: `Config.error_context`.
    """

    exit_code = 1

    def __init__(self, text: str, *, key: str = "", place: str = "") -> None:
        super().__init__(text)
        self.text, self.key, self.place = text, key, place

    def __str__(self) -> str:
        """The paragraph. Without a place no config is behind the error, and a key would be none that anybody wrote."""
        return ": ".join(part for part in (self.place, self.place and self.key, self.text) if part)


def printable(text: object, keep: str = "") -> str:
    """A text that can neither command a terminal nor end the line that it stands in: names, paths and notes come from
    anybody. keep: characters that stay, such as line ends.
    """
    return "".join(c if c.isprintable() or c in keep else repr(c)[1:-1] for c in str(text))


class ConfigError(ZoomdreamError):
    """The configuration is wrong: file, line, key, the value found, what is allowed."""

    exit_code = 2


class InputError(ZoomdreamError):
    """An input file is missing, broken or of the wrong kind."""

    exit_code = 3


def require_file(path: Path, kind: str) -> None:
    """InputError unless there is a regular file; what is missing with the nearest name. kind: what it is, "a picture".

    A pipe or a device may never end, so that it is no file.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder, not {kind}.")
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is not a regular file.")
    if not path.exists():
        if any(part in ("http:", "https:", "ftp:") for part in path.parts):
            raise InputError(f"{path} is an address of the web, which is not fetched: download the file first.")
        raise InputError(f"{path} does not exist{_nearest(path)}")


def _nearest(path: Path) -> str:
    """How the sentence about a missing file ends: with the folder that is not there either, and the nearest name."""
    for wanted in (path, *path.parents):
        try:
            names = os.listdir(wanted.parent)
        except OSError:
            continue
        folder = "." if wanted == path else f": there is no folder {wanted}."
        near = nearest_name(wanted.name, names)
        hint = f" Did you mean {wanted.with_name(near)}?" if near else ""
        cut = near is not None and near.startswith(f"{wanted.name} #")
        return folder + hint + (" In YAML a # ends the text before it, unless that is in quotes." if cut else "")
    return "."


def nearest_name(name: str, names: Iterable[str]) -> str | None:
    """The one of the names of files that was probably meant, capitals and the spelling of accents apart."""
    alike = {unicodedata.normalize("NFC", other).casefold(): other for other in names}
    near = get_close_matches(unicodedata.normalize("NFC", name).casefold(), alike, n=1, cutoff=0.5)
    return alike[near[0]] if near else None


class OutputError(ZoomdreamError):
    """The output could not be written, encoded or locked. signal: the number of that which ended ffmpeg, if one did;
    busy: another process renders it.
    """

    exit_code = 4

    def __init__(
        self, text: str, *, key: str = "", place: str = "", signal: int | None = None, busy: bool = False
    ) -> None:
        super().__init__(text, key=key, place=place)
        self.signal, self.busy = signal, busy


class RenderInterrupted(ZoomdreamError):
    """The user stopped the render; what is finished is kept."""

    exit_code = 130


@contextmanager
def error_context(key: str, locate: Callable[[str], str]) -> Iterator[None]:
    """Adds what an error from in here does not know itself: the dotted key, and its place by `locate`.

    The innermost context counts. RenderInterrupted has nothing to do with keys and goes through.
    """
    try:
        yield
    except (ConfigError, InputError, OutputError) as error:
        if not error.place:
            error.key = error.key or key
            error.place = locate(error.key) if error.key else ""
        raise
