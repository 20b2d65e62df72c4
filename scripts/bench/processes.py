"""Whole processes, as users start them: how long they take until what, and how much memory they hold."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.report import ROOT

_BETWEEN_LOOKS = 0.05  # seconds


def zoomdream(*words: str) -> list[str]:
    """The command line of the package of this checkout; run it in `environment()`."""
    return [sys.executable, "-m", "zoomdream", *words]


def environment(**more: str) -> dict[str, str]:
    """In which a command finds the package of this checkout, whatever its folder is."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, **more}


def seconds_of(words: Sequence[str], clock: Callable[[], float]) -> float:
    """From a command's start to its end."""
    begin = clock()
    subprocess.run(words, check=True, capture_output=True, env=environment())
    return clock() - begin


def seconds_until_first_frame(config: Path) -> float:
    """From the start of `zoomdream render` until its first frame is with the encoder. Then it is stopped."""
    begin = time.perf_counter()
    command = zoomdream("render", str(config), "--restart")
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:
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
    return Path("/proc/self/smaps_rollup").is_file() and any(Path("/proc/self/task").glob("*/children"))


def peak_of(words: Sequence[str]) -> float:
    """The most memory in MiB that a command and all its children held at once, looked at every 50 ms.

    Raises RuntimeError if it fails.
    """
    with subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stderr is not None
        said: list[str] = []
        reader = threading.Thread(target=lambda: said.append(process.stderr.read()), daemon=True)  # type: ignore[union-attr]
        reader.start()
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, sum(resident(number) for number in _family(process.pid)))
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


def resident(number: int) -> float:
    """MiB that a process holds now; 0 once it has ended, and where there is no /proc.

    What it shares counts by its share: a child is the whole of its parent until it becomes ffmpeg.
    """
    try:
        found = re.search(r"^Pss:\s*(\d+) kB", Path(f"/proc/{number}/smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        return 0.0
    return int(found[1]) / 1024 if found else 0.0
