"""Very many renders through the command itself, on a terminal of its own: its memory, its table, and what it makes."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bench import processes

PICTURE_OF_TABLE = 4096  # bytes; a drawing of the table is never longer
BEGIN_OF_TABLE = b"\x1b[?25l"  # hides the cursor
SECONDS_BETWEEN_LOOKS = 0.5


@dataclass
class Night:
    """One start of `zoomdream batch`. memory: MiB of the driver alone every half second, from the first drawing of
    the table on; gaps: seconds between two drawings; counts: how many renders have which status in the report.
    """

    exit_code: int = 0
    seconds: float = 0.0
    memory: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def early(self) -> float:
        """The most memory in the first tenth."""
        return max(self.memory[: max(1, len(self.memory) // 10)], default=0.0)


def run(config: Path, jobs: int) -> Night:
    """Start the batch of a config in its folder, and watch it from outside until it ends. Not on Windows.

    RuntimeError with its words where it writes no report.
    """
    import pty

    folder, report = config.parent, config.with_suffix(".json")
    command = processes.zoomdream("batch", config.name, "--jobs", str(jobs), "--report", report.name)
    night, begin = Night(), time.perf_counter()
    screen, terminal = pty.openpty()
    surroundings = processes.environment(TERM="xterm")
    process = subprocess.Popen(command, cwd=folder, stderr=terminal, stdout=subprocess.DEVNULL, env=surroundings)
    os.close(terminal)
    try:
        said = _watch(screen, process, night)
        night.exit_code = process.wait()
    finally:
        os.close(screen)
        process.kill()
        process.wait()
    night.seconds = time.perf_counter() - begin
    if not report.exists():
        raise RuntimeError(f"zoomdream batch ended with {night.exit_code}: {said.decode(errors='replace')}")
    renders = json.loads(report.read_text(encoding="utf-8"))["renders"]
    night.counts = dict(Counter(render["status"] for render in renders))
    return night


def _watch(screen: int, process: subprocess.Popen[bytes], night: Night) -> bytes:
    """Hear what is drawn until the terminal is closed; returns the last of it."""
    drawn = looked = None
    data = b""
    while True:
        ready, _, _ = select.select([screen], [], [], SECONDS_BETWEEN_LOOKS)
        now = time.perf_counter()
        if ready:
            try:
                heard = os.read(screen, PICTURE_OF_TABLE)
            except OSError:  # how Linux says that nobody has it open any more
                return data
            if not heard:
                return data
            data = heard
            if drawn is None and BEGIN_OF_TABLE not in heard:
                continue  # what is said while configs are checked
            if drawn is not None:
                night.gaps.append(now - drawn)
            drawn = now
        if drawn is not None and (looked is None or now - looked >= SECONDS_BETWEEN_LOOKS):
            looked = now
            held = processes.resident(process.pid)
            night.memory += [held] if held else []
