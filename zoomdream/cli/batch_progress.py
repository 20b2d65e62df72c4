"""The progress of a batch on stderr: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zoomdream.batch.renders import Render
from zoomdream.cli.tables import counted, say
from zoomdream.config.units import clock_time
from zoomdream.errors import printable

if TYPE_CHECKING:
    from rich.console import Group

SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_DRAWINGS = 0.25
MOST_RUNNING = 16  # lines of the live table; a screen is no longer
MOST_FAILED = 5


@contextmanager
def shown(renders: Sequence[Render], jobs: int, quiet: bool) -> Iterator[Callable[[Render | None], None]]:
    """What the batch is to call: with a render whose status has changed, or None every now and then."""
    if quiet:
        yield lambda changed: None
    elif sys.stderr.isatty():
        with _table(renders, jobs) as watch:
            yield watch
    else:
        yield lines(renders, jobs)


def lines(
    renders: Sequence[Render], jobs: int, clock: Callable[[], float] = time.monotonic
) -> Callable[[Render | None], None]:
    """A line for each render that starts and ends, and one about all every few seconds. `clock` gives seconds."""
    pace, printed_at = Pace(renders, jobs, clock), clock()

    def watch(changed: Render | None) -> None:
        nonlocal printed_at
        pace.look()
        if changed is not None:
            say(_line(changed))
        elif clock() - printed_at >= SECONDS_BETWEEN_LINES:
            printed_at = clock()
            running = [f"{render.name} {_how_far(render)}" for render in renders if render.status == "running"]
            more = f" and {len(running) - 4} more" if len(running) > 4 else ""
            say("; ".join([pace.summary(), *running[:4]]) + more)

    return watch


def _line(render: Render) -> str:
    match render.status:
        case "running":
            return f"{render.name}: {'started' if render.attempts == 1 else 'started again'}"
        case "done":
            return f"{render.name}: done, {counted(render.frames, 'frame')} in {clock_time(render.seconds)}"
        case "waiting":
            return f"{render.name}: will be tried again: {render.error}"
        case "failed":
            return f"{render.name}: failed: {render.error}"
        case "busy":
            return f"{render.name}: left alone: {render.error}"
        case status:
            return f"{render.name}: {status}"


def _how_far(render: Render) -> str:
    return "starting" if render.progress is None else render.progress.sentence


class Pace:
    """How long all of it will take: measured on the frames that were done since the first, each by its size. What comes
    before that, the start of workers, comes once.
    """

    def __init__(self, renders: Sequence[Render], jobs: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._renders = renders
        self._jobs = jobs
        self._clock = clock
        self._before = [render.done for render in renders]
        self._first: tuple[float, float] | None = None  # when something had been done, and how much
        self.counts: dict[str, int] = {}
        self.seconds_left: float | None = None

    def look(self) -> None:
        """Count anew."""
        done = left = 0.0
        counts = {"done": 0, "failed": 0, "running": 0, "waiting": 0}
        for render, before in zip(self._renders, self._before, strict=True):
            status = "done" if render.status in ("done", "skipped") else render.status
            counts[status] = counts.get(status, 0) + 1
            if render.status in ("running", "waiting"):
                left += render.size * (render.frames - render.done)
            done += render.size * max(0, render.done - before)
        self.counts = counts
        if self._first is None and done > 0:
            self._first = self._clock(), done
        if self._first is not None and done > self._first[1]:
            self.seconds_left = left * (self._clock() - self._first[0]) / (done - self._first[1])

    def summary(self) -> str:
        """12 of 24 done, 1 failed, 2 running, 9 waiting, 0:50 left."""
        counts = dict(self.counts)
        parts = [f"{counts.pop('done', 0)} of {len(self._renders)} done"]
        parts += [f"{count} {status}" for status, count in counts.items() if count]
        if self.seconds_left:
            parts.append(f"{clock_time(self.seconds_left)} left")
        return ", ".join(parts)


@contextmanager
def _table(renders: Sequence[Render], jobs: int) -> Iterator[Callable[[Render | None], None]]:
    from rich.console import Console
    from rich.live import Live

    pace, drawn_at = Pace(renders, jobs), 0.0
    with Live(console=Console(stderr=True), auto_refresh=False, transient=True) as live:

        def watch(changed: Render | None) -> None:
            nonlocal drawn_at
            now = time.monotonic()
            if now - drawn_at >= SECONDS_BETWEEN_DRAWINGS:  # however many renders end at once
                drawn_at = now
                pace.look()
                live.update(drawing(renders, pace), refresh=True)

        yield watch


def drawing(renders: Sequence[Render], pace: Pace) -> Group:
    """The live table: what runs, what failed last, and all of it in one line."""
    from rich import box
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in ("running", "", "progress"):
        table.add_column(header, no_wrap=True)
    running = [render for render in renders if render.status == "running"]
    for render in running[:MOST_RUNNING]:
        bar = ProgressBar(total=render.frames, completed=render.done, width=20)
        table.add_row(Text(printable(render.name)), bar, Text(_how_far(render)))  # Text: square brackets are no markup
    if len(running) > MOST_RUNNING:
        table.add_row(Text(f"and {len(running) - MOST_RUNNING} more"), "", "")
    failed = [render for render in renders if render.status == "failed"]
    told = [
        Text(printable(_line(render).splitlines()[0]), style="red", overflow="ellipsis", no_wrap=True)
        for render in failed[-MOST_FAILED:]
    ]
    return Group(table, *told, Text(pace.summary()))
