"""How far a download is, on stderr: a bar on a terminal, elsewhere a line every few seconds."""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SECONDS_BETWEEN_LINES = 5.0

Advance = Callable[[int, int | None], None]
"""Called with the bytes that have arrived and those of the whole file, None where the server does not say."""


@contextmanager
def shown(name: str) -> Iterator[Advance]:
    """What a download of a file calls after each piece. A worker of a batch shows no bar: the batch has one."""
    if sys.stderr.isatty() and multiprocessing.parent_process() is None:
        with _bar(name) as advance:
            yield advance
    else:
        yield lines(name)


def lines(name: str, clock: Callable[[], float] = time.monotonic) -> Advance:
    """Prints a line every few seconds, none for a quick download. `clock` gives seconds."""
    printed_at = clock()

    def advance(done: int, whole: int | None) -> None:
        nonlocal printed_at
        if clock() - printed_at >= SECONDS_BETWEEN_LINES:
            printed_at = clock()
            of = "" if whole is None else f" of {whole / 1e6:,.0f}"
            print(f"{name}: {done / 1e6:,.0f}{of} MB", file=sys.stderr, flush=True)

    return advance


@contextmanager
def _bar(name: str) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, whole: bar.update(task, completed=done, total=whole)
