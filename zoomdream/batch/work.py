"""One piece of a batch's work as a plain value, and doing it: in whatever process, on whatever machine."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from zoomdream import assembly
from zoomdream.batch.parallel_shots.parts import fill, render_part
from zoomdream.batch.parallel_shots.shots import Part, parts_folder
from zoomdream.config import Config
from zoomdream.errors import OutputError, RenderInterrupted, ZoomdreamError
from zoomdream.machine.files import discard
from zoomdream.machine.limits import is_out_of_memory
from zoomdream.machine.render_settings import torch_threads
from zoomdream.rendering import Observers, Progress, render
from zoomdream.rendering.observer import ProgressOnly
from zoomdream.types import Network, Plan

_SECONDS_BETWEEN_REPORTS = 0.25


@dataclass(frozen=True, slots=True)
class Work:
    """A render to be done, or a part of one. key: its number in the batch; threads: where config and plan leave them
    open; restart: what is there of an earlier one is thrown away; plan: where it has been made; part: just this one of
    the `parts`; parts without a part: these are done and only have to be put together.
    """

    key: int
    config: Config
    threads: int
    restart: bool = False
    plan: Plan | None = None
    part: Part | None = None
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Advanced:
    """A render has come this far."""

    key: int
    progress: Progress


@dataclass(frozen=True, slots=True)
class Finished:
    """A render's file is in its place; it took so many seconds."""

    key: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """A render has failed. passing: what made it fail may not be there the next time; stopped: we were told to;
    busy: another process renders it.
    """

    key: int
    seconds: float
    text: str
    exit_code: int
    passing: bool = False
    stopped: bool = False
    busy: bool = False


Event = Advanced | Finished | Failed


class EngineLost(ZoomdreamError):
    """What does the work is gone as a whole; what was finished is kept."""


class WarmNetworks:
    """The network of the last render, kept for the next one that dreams with the same, in the same numbers."""

    def __init__(self) -> None:
        self._kept: tuple[object, Network] | None = None

    def __call__(self, config: Config, plan: Plan) -> Network:
        """The config's network. Raises what `assembly.network` raises."""
        files = [config.network.weights, *assembly.found_weights(config)]
        facts = [(path.stat().st_size, path.stat().st_mtime_ns) for path in files if path is not None and path.exists()]
        # A network that was in bfloat16 does not become what it was in float32 again.
        wanted = (config.network.name, tuple(files), tuple(facts), plan.device, plan.precision)
        if self._kept is None or self._kept[0] != wanted:
            self._kept = None  # not two of them at once in memory
            self._kept = (wanted, assembly.network(config))
        return self._kept[1]


def perform(
    work: Work, networks: WarmNetworks, tell: Callable[[Event], None], told: Callable[[Config], Config] | None = None
) -> None:
    """Do the work in this process. `tell` gets how far it is, and at last that it is finished or has failed.

    told: as in `render`.
    """
    begun = time.monotonic()
    observer = ProgressOnly(_seldom(work.key, tell))
    try:
        with torch_threads(work.threads):  # what `auto` means to a render that begins now
            _render(work, networks, observer, told)
    except Exception as error:
        tell(failure(work.key, time.monotonic() - begun, error))
    else:
        tell(Finished(work.key, time.monotonic() - begun))


def _render(
    work: Work, networks: WarmNetworks, observer: ProgressOnly, told: Callable[[Config], Config] | None
) -> None:
    if work.part is not None:
        assert work.plan is not None
        render_part(work.config, work.plan, work.part, work.parts, networks, Observers((observer,)))
        return
    render(
        work.config,
        restart=work.restart,
        observer=observer,
        plan=work.plan,
        networks=networks,
        told=told,
        fill=partial(fill, work.parts) if work.parts else None,
    )
    discard(parts_folder(work.config.output))  # also those that an earlier start has left


def _seldom(key: int, tell: Callable[[Event], None]) -> Callable[[Progress], None]:
    """Progress as events: every message, and frames a few times in a second."""
    told = 0.0

    def report(progress: Progress) -> None:
        nonlocal told
        now = time.monotonic()
        if progress.message or progress.done >= progress.frames or now - told >= _SECONDS_BETWEEN_REPORTS:
            told = now
            tell(Advanced(key, progress))

    return report


def failure(key: int, seconds: float, error: Exception) -> Failed:
    """What an error means for the render: why, and whether to try again."""
    if isinstance(error, RenderInterrupted):
        return Failed(key, seconds, str(error), error.exit_code, stopped=True)
    if isinstance(error, ZoomdreamError):
        # ffmpeg that was ended by a signal: nearly always by the system, for its memory
        killed = isinstance(error, OutputError) and error.signal is not None
        busy = isinstance(error, OutputError) and error.busy
        return Failed(key, seconds, str(error), error.exit_code, passing=killed, busy=busy)
    if is_out_of_memory(error):
        text = "not enough memory: make `size` smaller, or run fewer at once with --jobs"
        return Failed(key, seconds, text, 1, passing=True)
    if isinstance(error, OSError) and error.strerror:
        name = f"{error.filename}: " if error.filename is not None else ""
        return Failed(key, seconds, f"{name}{error.strerror}", OutputError.exit_code)
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).name}, line {last.lineno}"
    return Failed(key, seconds, f"this is a bug in zoomdream: {type(error).__name__}: {error} ({where})", 1)
