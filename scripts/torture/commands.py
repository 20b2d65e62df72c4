"""Whole commands in processes of their own, to be watched and struck; and what a trial ends as."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

PATIENCE = 300.0
"""Seconds that a command may take which takes a few on an idle machine: others may keep this one busy."""
MEMORY = 8 * 2**30
"""Bytes that a process may ask for: a trial that wants more fails, instead of taking the machine along."""
_POLL = 0.002  # seconds
_numbers = count()


@dataclass(frozen=True)
class Outcome:
    """Of one trial. ended: "right", "refused" (with a reason and the way on), or "fault", which says what is wrong.

    blows: kills and signals that hit; seconds: of the slowest thing that has a limit; memory: MiB.
    """

    kind: str
    ended: str
    fault: str = ""
    blows: int = 0
    seconds: float = 0.0
    memory: float = 0.0


class Command:
    """`zoomdream WORDS...` in `folder`, begun; what it says goes into a file in `notes`, or to `terminal`, a device.

    Torch is loaded already: a fresh process would import it for seconds, of which nothing is learnt. largest_file:
    bytes of the largest that it may write.
    """

    def __init__(
        self, words: Sequence[str], folder: Path, notes: Path, *, terminal: str = "", largest_file: int = 0
    ) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["zoomdream.rendering", "zoomdream.cli.batch", "zoomdream.cli.check"])
        self._said = Path(terminal) if terminal else notes / f"said_{next(_numbers)}.txt"
        self._process = context.Process(target=_run, args=(list(words), str(folder), str(self._said), largest_file))
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def running(self) -> bool:
        return self._process.is_alive()

    @property
    def said(self) -> str:
        """What it has written so far."""
        return self._said.read_text(encoding="utf-8", errors="replace") if self._said.exists() else ""

    def wait(self, happened: Callable[[], bool] = lambda: False, patience: float = PATIENCE) -> bool:
        """Until something has happened, the patience is over, or the command ends; whether it has happened."""
        until = time.monotonic() + patience
        while time.monotonic() < until and self.running:
            if happened():
                return True
            self._process.join(_POLL)
        return happened()

    def end(self, patience: float = PATIENCE) -> int | None:
        """The exit code, as a shell counts it; None where it did not end by itself, and was ended."""
        self._process.join(patience)
        hung = self._process.is_alive()
        self.strike(signal.SIGKILL)
        self._process.join()
        return None if hung else self._process.exitcode

    def strike(self, number: int) -> None:
        """Send a signal, if it is still there."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)


def _run(words: list[str], folder: str, said: str, largest_file: int) -> None:
    os.setsid()
    os.chdir(folder)
    descriptor = os.open(said, os.O_RDWR | os.O_CREAT | os.O_APPEND)  # a terminal becomes that of the session
    for number in range(3):
        os.dup2(descriptor, number)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if largest_file:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    from zoomdream.cli import main

    sys.argv = ["zoomdream", *words]
    # Python wraps the new descriptors: those of the fork server remember that they were no terminal.
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(n, mode, closefd=False) for n, mode in enumerate("rww"))
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def bad_words(said: str) -> str:
    """What no command may say, if it is there: the end of a traceback, or our own apology."""
    for words in (
        "Traceback (most recent call last)",
        "this is a bug in zoomdream",
        "Fatal Python error",
        "Exception in",
    ):
        if words in said:
            return said[said.index(words) :][-1500:]
    return ""


def below(pid: int) -> dict[int, str]:
    """The living processes below one, with their command lines."""
    found, unseen = {}, [pid]
    while unseen:
        parent = unseen.pop()
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                for child in map(int, (task / "children").read_text().split()):
                    found[child] = Path(f"/proc/{child}/cmdline").read_text(errors="replace").replace("\0", " ")
                    unseen.append(child)
    return found


def left_running(folder: Path, patience: float = 20.0) -> list[str]:
    """The command lines that name a folder, or work in it, once those that end have ended."""
    until = time.monotonic() + patience
    while found := list(_working_in(folder)):
        if time.monotonic() > until:
            break
        time.sleep(0.05)
    return found


def _working_in(folder: Path) -> Iterator[str]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_text(errors="replace").replace("\0", " ")
                if os.readlink(entry / "cwd").startswith(str(folder)) or str(folder) in words:
                    yield words.strip()


def memory_watched(pid: int, peak: list[float], over: threading.Event) -> threading.Thread:
    """Watches what a process and its children hold, in MiB, until `over`."""
    from bench.processes import resident

    def watch() -> None:
        while not over.wait(0.1):
            peak[0] = max(peak[0], sum(map(resident, (pid, *below(pid)))))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread
