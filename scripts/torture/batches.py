"""Batches under fire: their driver, workers and encoders are struck, a second one is started, configs change."""

from __future__ import annotations

import contextlib
import os
import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from torture.commands import Command, Outcome, bad_words, below, left_running
from torture.kills import Yard, yard
from torture.renders import KINDS, Kind, wrong_with

_KINDS = ("batch", "clip, shots in parallel")


def _strike_below(command: Command, dice: random.Random, wanted: str, number: int = signal.SIGKILL) -> int:
    """Strike one of a command's processes whose command line has a word; how many were struck."""
    found = [pid for pid, words in below(command.pid).items() if wanted in words]
    if not found:
        return 0
    with contextlib.suppress(ProcessLookupError):
        os.kill(dice.choice(found), number)
    return 1


def _worker(command: Command, dice: random.Random, again: Callable[[], Command]) -> int:
    return _strike_below(command, dice, "spawn_main")


def _encoder(command: Command, dice: random.Random, again: Callable[[], Command]) -> int:
    return _strike_below(command, dice, "ffmpeg")


def _paused_worker(command: Command, dice: random.Random, again: Callable[[], Command]) -> int:
    stopped = [pid for pid, words in below(command.pid).items() if "spawn_main" in words]
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        command.wait(patience=1)
    return len(stopped)


def _driver(command: Command, dice: random.Random, again: Callable[[], Command]) -> int:
    command.strike(signal.SIGKILL)
    return 1


def _interrupted(command: Command, dice: random.Random, again: Callable[[], Command]) -> int:
    times = dice.choice((1, 2, 3))
    for _ in range(times):
        command.strike(signal.SIGINT)
        command.wait(patience=dice.uniform(0, 0.5))
    return times


def _terminated(command: Command, dice: random.Random, again: Callable[[], Command]) -> int:
    command.strike(signal.SIGTERM)
    return 1


def _second(command: Command, dice: random.Random, again: Callable[[], Command]) -> int:
    """The same batch once more, at the same time: busy is no failure."""
    other = again()
    code = other.end()
    if code not in (0, 1) or bad_words(other.said) or (code and "busy" in other.said and "failed" not in other.said):
        raise RuntimeError(f"the second batch: exit code {code}: {bad_words(other.said) or other.said[-500:]}")
    return 1


_BLOWS = {
    "a worker is killed": (_worker, {0}),
    "an encoder is killed": (_encoder, {0, 1}),
    "workers are paused": (_paused_worker, {0}),
    "the driver is killed": (_driver, {-9}),
    "Ctrl-C, up to three times": (_interrupted, {0, 130}),
    "SIGTERM": (_terminated, {0, 130, -15}),
    "a second batch at once": (_second, {0}),
}
"""What is done, and the exit codes that are right then."""


def batches(numbers: range, folder: Path) -> Iterator[Outcome]:
    """A batch is struck once at a random moment; the same command then ends with the same frames."""
    where = yard()
    for number in numbers:
        name = list(_BLOWS)[number % len(_BLOWS)]
        strike, allowed = _BLOWS[name]
        kind, dice = KINDS[_KINDS[number // len(_BLOWS) % 2]], random.Random(number)
        kind = replace(kind, words=(*kind.words, "--report", "report.json"))
        with where.place() as place:
            kind.set_up(place, where.clip)
            command = where.start(kind, place)
            command.wait(lambda command=command: "frame " in command.said or any(place.glob("*.zoomdream*")))
            command.wait(patience=dice.uniform(0, where.truth(kind).seconds / 2))
            try:
                blows, fault = strike(command, dice, lambda place=place, kind=kind: where.start(kind, place)), ""
            except RuntimeError as error:
                blows, fault = 0, str(error)
            code = command.end()
            fault = fault or bad_words(command.said)
            if code not in allowed:
                fault = fault or f"exit code {code}: {command.said[-600:]}"
            left = left_running(place)
            fault = fault or (f"still runs: {left}" if left else "") or _again(where, kind, place)
        told = f"seed {number}, {kind.name}, {name}: {fault}" if fault else ""
        yield Outcome(name, "fault" if fault else "right", told, blows)


def _again(where: Yard, kind: Kind, place: Path) -> str:
    command = where.start(kind, place)
    code = command.end()
    (place / "report.json").unlink(missing_ok=True)
    return wrong_with(kind, place, where.truth(kind), command, code)
