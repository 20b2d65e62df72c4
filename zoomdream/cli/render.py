"""`zoomdream render CONFIG`: a finished video, its path the last line on stdout, its progress on stderr.

Progress is a live bar on a terminal, and elsewhere (logs, CI) a plain line every few seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from zoomdream.api import load_config
from zoomdream.cli.new import require_config
from zoomdream.cli.tables import say, tell
from zoomdream.config import Config
from zoomdream.config.preview import left_out, preview
from zoomdream.config.unreached import warnings
from zoomdream.errors import printable
from zoomdream.machine.startup import keep_freed_memory

if TYPE_CHECKING:
    from zoomdream.rendering import Observer, Progress  # brings torch along, which a wrong config need not wait for

SECONDS_BETWEEN_LINES = 5.0


def run(arguments: argparse.Namespace) -> int:
    """Render, or go on with a stopped render, and print the finished path."""
    film = configured(arguments, arguments.config)
    from zoomdream.rendering import render  # torch, which a wrong config need not wait for

    keep_freed_memory()
    print_warnings(film)
    config = preview(film) if arguments.preview else film
    if not arguments.quiet:
        print_notes(film)
        if arguments.preview:
            say(f"preview: {left_out(film, config)}")
    with shown(arguments.quiet) as observer:
        if arguments.preview == "sheet":
            from zoomdream.cli.sheet import render_sheet

            path = render_sheet(config, observer, restart=arguments.restart)
        else:
            path = render(config, restart=arguments.restart, observer=observer, draft=arguments.preview is not None)
    tell(path)
    return 0


def configured(arguments: argparse.Namespace, path: Path) -> Config:
    """The config of a file with what the options of `render` say. Raises as `load_config`."""
    overrides = list(arguments.overrides)
    if arguments.device is not None:
        # Quoted: what is empty or null in YAML would not count as given, and auto would be taken without a word.
        overrides.append(f"performance.device={json.dumps(arguments.device)}")
    require_config(path)
    return load_config(
        path,
        overrides,
        output=arguments.output,
        looking=looking(arguments.quiet),
        allow_code=arguments.allow_code,
    )


@contextmanager
def shown(quiet: bool) -> Iterator[Observer]:
    """The observer that shows the progress of a render, or nothing but warnings where `quiet`."""
    from zoomdream.rendering.observer import ProgressOnly

    if quiet:
        yield ProgressOnly(_only_warnings)
    elif sys.stderr.isatty():
        with _bar() as report:
            yield ProgressOnly(report)
    else:
        yield ProgressOnly(lines())


def _only_warnings(progress: Progress) -> None:
    if progress.warning:
        say(progress.message)


def lines(clock: Callable[[], float] = time.monotonic) -> Callable[[Progress], None]:
    """Prints every message, and a line at the first frame, every few seconds and at the last. `clock` gives seconds."""
    printed_at: float | None = None

    def report(progress: Progress) -> None:
        nonlocal printed_at
        if progress.message:
            say(progress.message)
            return
        now = clock()
        last = progress.done >= progress.frames
        if printed_at is not None and not last and now - printed_at < SECONDS_BETWEEN_LINES:
            return
        printed_at = now
        say(progress.sentence)

    return report


def looking(quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> Callable[[int], None] | None:
    """What `load_config` is to call while it looks at a clip: a line every few seconds, none for a short clip."""
    printed_at = clock()

    def report(frames: int) -> None:
        nonlocal printed_at
        if clock() - printed_at >= SECONDS_BETWEEN_LINES:
            printed_at = clock()
            say(f"looking at the clip first: frame {frames}")

    return None if quiet else report


def print_warnings(config: Config) -> None:
    """What a config probably does not mean, a line each, whether quiet or not."""
    for warning in warnings(config):
        say(f"warning: {printable(warning)}")


def print_notes(config: Config) -> None:
    """What a person should know of the source before the render, such as a damaged clip, a line each."""
    from zoomdream.source.open import open_source  # brings torch along
    from zoomdream.timeline import droste_note

    with config.error_context("source.path"):
        notes = open_source(config).notes
    heard = config.signals.notes if config.signals else ()
    for note in (*notes, *heard, *filter(None, [droste_note(config)])):
        say(f"note: {printable(note)}")


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    bar = Bar(TextColumn("{task.percentage:>3.0f}%"), BarColumn(), TextColumn("{task.description}"), console=console)
    task = bar.add_task("starting", total=None)

    def report(progress: Progress) -> None:
        bar.start()  # not before: downloads that come first have a bar of their own
        if progress.message:
            console.print(printable(progress.message), markup=False, highlight=False)
        bar.update(task, total=progress.frames, completed=progress.done, description=progress.sentence)

    try:
        yield report
    finally:
        bar.stop()
