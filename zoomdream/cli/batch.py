"""`zoomdream batch CONFIG...`: many renders, unattended. A table on stdout at the end, progress on stderr."""

from __future__ import annotations

import argparse
import contextlib
import signal
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

from zoomdream import cli
from zoomdream.batch import sheet
from zoomdream.batch.collect import collect, find_files
from zoomdream.batch.local import LocalEngine, automatic_jobs
from zoomdream.batch.parallel_shots.shots import shots_of
from zoomdream.batch.renders import Render, write_report
from zoomdream.batch.scheduler import outcome, schedule
from zoomdream.cli.batch_progress import shown
from zoomdream.cli.render import SECONDS_BETWEEN_LINES, print_warnings
from zoomdream.cli.tables import counted, say, show, tell
from zoomdream.config import Config
from zoomdream.config.units import clock_time
from zoomdream.encode.page import check_place
from zoomdream.errors import ConfigError, OutputError, RenderInterrupted

if TYPE_CHECKING:
    from zoomdream.batch.ray.engine import RayEngine

SECONDS_BETWEEN_REPORTS = 10.0


def run(arguments: argparse.Namespace) -> int:
    """Check all configs, render what is not finished, and say what became of each."""
    begun = time.monotonic()
    renders = collect(find_files(arguments.config), arguments.overrides, _checking(arguments.quiet))
    if arguments.dry_run:
        show(("status", "output", "frames", "config", "note"), [_planned_row(render) for render in renders])
        return 1 if any(render.error for render in renders) else 0
    written = begun

    def write(now: float) -> None:
        nonlocal written
        written = now
        if arguments.report is not None:
            write_report(arguments.report, renders, now - begun)

    # Where they cannot be written, nobody should have to learn so in the morning.
    write(begun)
    if arguments.sheet is not None:
        check_place(arguments.sheet, f"--sheet {arguments.sheet}")
    interrupted: RenderInterrupted | None = None
    waiting = [render.config for render in renders if render.status == "waiting" and render.config is not None]
    with _Interrupts() as interrupts:
        with _engine(arguments, waiting) as engine, shown(renders, engine.jobs, arguments.quiet) as progress:

            def watch(changed: Render | None) -> None:
                progress(changed)
                now = time.monotonic()
                if now - written >= SECONDS_BETWEEN_REPORTS:
                    with contextlib.suppress(OutputError):  # no reason to stop; the last one tells
                        write(now)

            try:
                schedule(renders, engine, watch, hurry=lambda: interrupts.count > 1, wait=arguments.wait)
            except RenderInterrupted as error:
                interrupted = error
            interrupts.count += 1  # from now on none keeps the table away
        _conclude(renders, time.monotonic() - begun, interrupted is not None)
        write(time.monotonic())
    if arguments.sheet is not None:
        sheet.write_sheet(arguments.sheet, renders)
    return outcome(renders)


class _Interrupts:
    """The first Ctrl-C or SIGTERM stops the renders. With the second nobody waits for them, and none after the first
    keeps the table and the report away. A context manager; count: how many there were.
    """

    def __init__(self) -> None:
        self.count = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> _Interrupts:
        for number in (signal.SIGINT, signal.SIGTERM):
            if threading.current_thread() is threading.main_thread() and signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._heard)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count == 1:
            raise KeyboardInterrupt


def _engine(arguments: argparse.Namespace, waiting: Sequence[Config]) -> LocalEngine | RayEngine:
    if arguments.engine == "ray" and waiting:  # for nothing to do, nothing is started
        from zoomdream.batch.ray.engine import RayEngine

        return RayEngine(arguments.address, arguments.jobs, sum(map(shots_of, waiting)))
    if arguments.address is not None and arguments.engine != "ray":
        raise ConfigError("--address is that of a Ray cluster: it goes with --engine ray.")
    return LocalEngine(arguments.jobs or automatic_jobs(waiting))


def _checking(quiet: bool) -> Callable[[Render], None]:
    """Tells of wrong configs at once, and now and then how many have been checked."""
    said, count = time.monotonic(), 0

    def checked(render: Render) -> None:
        nonlocal said, count
        count += 1
        if render.config is not None:
            print_warnings(render.config)
        if render.error is not None:
            cli.complain(render.error)
        elif not quiet and time.monotonic() - said >= SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            say(f"checking: {counted(count, 'render')} so far")

    return checked


def _planned_row(render: Render) -> tuple[str, ...]:
    note = _one_line(render.error or "")
    status = "wrong" if render.error else "finished" if render.status == "skipped" else "to do"
    if render.kept:
        note = f"goes on after frame {render.kept}"
    elif render.damaged:
        note = "the file is not whole and will be replaced"
    output = "" if render.config is None else str(render.config.output)
    return status, output, str(render.frames or ""), str(render.source), note


def _conclude(renders: Sequence[Render], seconds: float, interrupted: bool) -> None:
    rows = [
        (
            render.status,
            render.name,
            str(render.frames or ""),
            clock_time(render.seconds),
            _one_line(render.error or ""),
        )
        for render in renders
    ]
    show(("status", "output", "frames", "time", "note"), rows)
    counts = {status: sum(render.status == status for render in renders) for status, *_ in rows}
    tell(f"\n{', '.join(f'{count} {status}' for status, count in counts.items())}, in {clock_time(seconds)}")
    if interrupted:
        cli.complain("stopped. What is finished is kept: run the same command again to go on.")


def _one_line(text: str) -> str:
    return " / ".join(line.strip() for line in text.splitlines())
