"""HTML pages from the templates in zoomdream/data, whatever the texts in them hold."""

from __future__ import annotations

import base64
import errno
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from zoomdream.machine.files import temporary_name, write_whole, writing


def fill_template(name: str, **values: object) -> str:
    """The page of a template. Texts are escaped, and characters that HTML does not know replaced: control characters,
    halves of surrogate pairs.
    """
    return _template(name).render(**values)


def data_address(data: bytes, kind: str) -> str:
    """The address of a file that is held by the page itself; kind as in "image/jpeg"."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def check_place(path: Path, name: str) -> None:
    """Make the folder of a page and try to write there: hours before the page itself is written.

    OutputError, which says `name`, if that fails.
    """
    with writing(name):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        trial = temporary_name(path)
        trial.touch()
        trial.unlink()


def write_page(path: Path, text: str, name: str) -> None:
    """Write a page, whole or not at all. OutputError, which says `name`, if that fails."""
    with writing(name):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())


@cache
def _template(name: str) -> Template:
    loader = PackageLoader("zoomdream", "data")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, finalize=_printable).get_template(
        name
    )


def _printable(value: object) -> str:
    text = str(value)
    if text.isprintable():
        return text
    return "".join(c if c == "\n" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
