"""All that is printed, escaped; and tables: drawn by rich on a terminal, aligned plain text in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from zoomdream.errors import printable


def say(text: object, *, live: bool = False, end: str = "\n") -> None:
    """Print lines on stderr. live: over the line that is there."""
    print(("\r\x1b[K" if live else "") + printable(text, "\n"), end=end, file=sys.stderr, flush=True)


def tell(text: object) -> None:
    """Print lines on stdout. Names of files go into a pipe as they are: scripts open them."""
    print(printable(text, "\n\t") if sys.stdout.isatty() else text, flush=True)


def show(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print the rows under the headers."""
    rows = [[printable(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _draw(headers, rows)
    else:
        print(plain(headers, rows))


def counted(number: int, noun: str) -> str:
    """1 frame, 2 frames."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def plain(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns two spaces apart, as wide as their widest cell, without spaces at the end of a line."""
    lines = [headers, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def _draw(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in headers:
        table.add_column(header, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # Text: square brackets in a cell are no markup
    Console().print(table)
