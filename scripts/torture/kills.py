"""Renders that are killed, signalled, or have no room, against ones that are left alone."""

from __future__ import annotations

import atexit
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from torture.commands import Command, Outcome, bad_words, below, left_running
from torture.renders import KINDS, Kind, Undisturbed, draw_clip, undisturbed, wrong_with

_KILLS = 3  # of each render
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGPIPE", "SIGSTOP", "SIGSEGV", "encoder: SIGKILL")
_IN_ORDER = ("SIGINT", "SIGTERM")  # end a render in its own order


class Yard:
    """Where renders are tried: a clip, the truth of each kind of render, folders that go again."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="torture_yard_"))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.notes = self.folder / "notes"
        self.notes.mkdir()
        self.clip = draw_clip(self.folder)
        Command(
            ["--version"], self.folder, self.notes
        ).end()  # starts the fork server, which takes as long as ten renders
        self._truths: dict[str, Undisturbed] = {}

    def truth(self, kind: Kind) -> Undisturbed:
        if kind.name not in self._truths:
            with self.place() as folder:
                self._truths[kind.name] = undisturbed(kind, folder, self.clip, self.notes)
        return self._truths[kind.name]

    @contextlib.contextmanager
    def place(self) -> Iterator[Path]:
        """An empty folder, for a while."""
        with tempfile.TemporaryDirectory(dir=self.folder, ignore_cleanup_errors=True) as name:
            yield Path(name)

    def start(self, kind: Kind, folder: Path, *more: str, **options: int) -> Command:
        return Command([*kind.words, *more], folder, self.notes, **options)

    def finish(self, kind: Kind, folder: Path, *more: str) -> str:
        """Let a render end that was disturbed; what is wrong with it then."""
        command = self.start(kind, folder, *more)
        fault = wrong_with(kind, folder, self.truth(kind), command, command.end())
        return fault or ("; ".join(left_running(folder)) and f"still runs: {left_running(folder)}")


@cache
def yard() -> Yard:
    """The one of this process."""
    return Yard()


def kinds(number: int) -> Kind:
    return list(KINDS.values())[number % len(KINDS)]


def kills(numbers: range, folder: Path) -> Iterator[Outcome]:
    """Each render is killed three times at random moments, and then let end."""
    for number in numbers:
        kind, dice = kinds(number), random.Random(number)
        truth = yard().truth(kind)
        with yard().place() as place:
            kind.set_up(place, yard().clip)
            blows, fault = 0, ""
            for _ in range(_KILLS):
                command = yard().start(kind, place)
                command.wait(patience=dice.uniform(0, 1.1 * truth.seconds))
                command.strike(signal.SIGKILL)
                code = command.end()
                blows += code == -signal.SIGKILL
                fault = (
                    fault
                    or bad_words(command.said)
                    or ("" if code in (0, -9) else f"exit code {code}: {command.said[-500:]}")
                )
            if kind.is_batch:  # the workers that are left end by themselves, and let go of their locks
                left_running(place)
            fault = fault or yard().finish(kind, place)
        yield Outcome(kind.name, "fault" if fault else "right", fault and f"seed {number}: {fault}", blows)


def signals(numbers: range, folder: Path) -> Iterator[Outcome]:
    """One other signal each, to the command or to an encoder of its; SIGSTOP is followed by SIGCONT."""
    for number in numbers:
        name = _SIGNALS[number % len(_SIGNALS)]
        kind, dice = kinds(number), random.Random(number)
        truth = yard().truth(kind)
        with yard().place() as place:
            kind.set_up(place, yard().clip)
            command = yard().start(kind, place)
            if name.startswith("encoder"):
                command.wait(lambda command=command: bool(_encoders(command)))
                command.wait(patience=dice.uniform(0, 0.2))
            else:
                command.wait(patience=dice.uniform(0, 1.1 * truth.seconds))
            blow, fault = _blow(command, name), ""
            code = command.end()
            fault = bad_words(command.said) or _ends_wrong(name, code, command)
            if kind.is_batch:
                left_running(place)
            fault = fault or yard().finish(kind, place)
        yield Outcome(name, "fault" if fault else "right", fault and f"seed {number}, {kind.name}: {fault}", blow)


def _blow(command: Command, name: str) -> int:
    """Strike; how often it hit."""
    if name.startswith("encoder"):
        encoders = _encoders(command)
        for pid in encoders[:1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(encoders[:1])
    hits = int(command.running)
    command.strike(getattr(signal, name))
    if name == "SIGSTOP":
        command.wait(patience=0.3)
        command.strike(signal.SIGCONT)
    return hits


def _encoders(command: Command) -> list[int]:
    return [pid for pid, words in below(command.pid).items() if "ffmpeg" in words.partition(" ")[0]]


def _ends_wrong(name: str, code: int | None, command: Command) -> str:
    """What is wrong with how a command ended that was struck; "" where nothing is."""
    allowed: set[int | None] = {0, 130 if name in _IN_ORDER else -getattr(signal, name, 0)}
    if name in _IN_ORDER:
        allowed.add(-getattr(signal, name))  # before the program has begun
    if name == "SIGPIPE":
        allowed.add(1)
    if name.startswith("encoder"):
        allowed = {0, 1, 4}
    return "" if code in allowed else f"exit code {code}: {command.said[-500:]}"


def disk(numbers: range, folder: Path) -> Iterator[Outcome]:
    """A disk of a random size, from nothing to more than enough; then it becomes large."""
    for number in numbers:
        kind, dice = kinds(number), random.Random(number)
        size = 4096 + int(dice.uniform(0, 2.2) * yard().truth(kind).size)
        with yard().place() as place, _small(place, size, dice) as (room, options, enlarge):
            try:
                kind.set_up(place, yard().clip)
            except OSError:  # not even for the clip
                enlarge()
                kind.set_up(place, yard().clip)
            command = yard().start(kind, place, **options)
            code = command.end()
            said = command.said
            fault = bad_words(said)
            if code not in (0, 1 if kind.is_batch else 4):
                fault = fault or f"exit code {code}: {said[-500:]}"
            if code and room == "small disk" and "disk is full" not in said and "No space" not in said:
                fault = fault or f"does not say that the disk is full: {said[-500:]}"
            enlarge()
            fault = fault or yard().finish(kind, place)
        what = f"{room}: {'enough' if code == 0 else 'too small'}"
        yield Outcome(
            what, "fault" if fault else "right", fault and f"seed {number}, {kind.name}, {size} bytes: {fault}"
        )


@contextlib.contextmanager
def _small(place: Path, size: int, dice: random.Random) -> Iterator[tuple[str, dict[str, int], Callable[[], None]]]:
    """How little room there is, the options of the command for it, and what makes more: a file system of its own for
    root on Linux, else a limit of each file.
    """

    def mount(*options: str) -> bool:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(place)], capture_output=True
        )
        return done.returncode == 0

    if sys.platform == "linux" and os.geteuid() == 0 and dice.random() < 0.8 and mount(f"size={size}"):
        try:
            yield "small disk", {}, lambda: mount("remount", "size=1g") and None
        finally:
            subprocess.run(["umount", "-l", str(place)], check=True)
    else:
        yield "small files", {"largest_file": size // 4}, lambda: None


def copied(kept: Path, place: Path) -> None:
    """Everything of a folder, links as links."""
    shutil.copytree(kept, place, dirs_exist_ok=True, symlinks=True)
