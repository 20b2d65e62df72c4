"""Whole processes, as users start them: how long they take until what, and how much memory they hold."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.speed.timing import Clock

_BETWEEN_LOOKS = 0.05  # seconds


def zoomdream(*words: str) -> list[str]:
    """The command line of the package that this process sees too."""
    return [sys.executable, "-m", "zoomdream", *words]


def seconds_of(words: Sequence[str], clock: Clock) -> float:
    """From a command's start to its end."""
    begin = clock()
    subprocess.run(words, check=True, capture_output=True)
    return clock() - begin


def seconds_until_first_frame(config: Path) -> float:
    """From the start of `zoomdream render` until its first frame is with the encoder. Then it is stopped."""
    begin = time.perf_counter()
    command = zoomdream("render", str(config), "--restart")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            if re.match(r"frame 1 of", line):
                break
            said.append(line)
        else:
            raise RuntimeError(f"nothing was rendered: {''.join(said)}")
        seconds = time.perf_counter() - begin
        process.terminate()
        process.stderr.read()
    return seconds


def can_see_memory() -> bool:
    """Whether the system tells what processes hold, in /proc."""
    return Path("/proc/self/task").is_dir() and any(Path("/proc/self/task").glob("*/children"))


def peak_of(words: Sequence[str]) -> float:
    """The most memory in MiB that a command and all its children held at once, looked at every 50 ms.

    RSS, added up: what they share counts for each. Raises RuntimeError if it fails.
    """
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said: list[str] = []
        reader = threading.Thread(target=lambda: said.append(process.stderr.read()), daemon=True)  # type: ignore[union-attr]
        reader.start()
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, sum(_resident(number) for number in _family(process.pid)))
            time.sleep(_BETWEEN_LOOKS)
        reader.join()
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)}: {''.join(said)}")
    return peak


def _family(number: int) -> Iterator[int]:
    yield number
    with contextlib.suppress(OSError):  # it has ended
        for task in Path(f"/proc/{number}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _resident(number: int) -> float:
    """MiB that a process holds now; 0 once it has ended."""
    try:
        found = re.search(r"^VmRSS:\s*(\d+) kB", Path(f"/proc/{number}/status").read_text(), re.MULTILINE)
    except OSError:
        return 0.0
    return int(found[1]) / 1024 if found else 0.0
