"""What goes on for long, or is left in the middle many times: memory, open files and threads stay level."""

from __future__ import annotations

import gc
import json
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import processes
from bench.report import ROOT
from torture.commands import Outcome
from torture.kills import yard

_ZOOM: dict[str, Any] = {
    "size": [32, 16], "fps": 30, "objective": [{"layer": "mixed3a"}], "dream": {"octaves": 1, "steps": 1, "warmup": 0},
    "encode": {"preset": "ultrafast"}, "performance": {"device": "cpu", "threads": 1},
}  # fmt: skip
_ROOM = {"MiB": 24.0, "files": 6.0, "threads": 2.0}
"""What may be added between the first fifth and the end: an encoder more or less may be at work at a moment."""


def endurance(numbers: range, folder: Path) -> Iterator[Outcome]:
    """Trial 0 is a render of 5,000 frames, all others are a hundred frames() each that are left after three frames: of
    a zoom, of a clip. A tenth of that where few are asked for.
    """
    shutil.copy(yard().clip, folder / "drawn.mp4")
    share = 1.0 if len(numbers) > 2 else 0.1
    for number in numbers:
        what = ("render", "zoom", "clip")[number % 3]
        words = [
            sys.executable,
            "-m",
            "torture.endurance",
            what,
            str(round(share * (5000 if what == "render" else 100))),
        ]
        done = subprocess.run(
            words, cwd=folder, capture_output=True, text=True, check=False,
            env=processes.environment(PYTHONPATH=os.pathsep.join([str(ROOT), str(ROOT / "scripts")])),
        )  # fmt: skip
        if done.returncode:
            yield Outcome(what, "fault", done.stderr[-1500:])
            continue
        early, late = json.loads(done.stdout.splitlines()[-1])
        more = {name: late[name] - early[name] for name in _ROOM}
        fault = f"{more} more at the end" if any(more[name] > room for name, room in _ROOM.items()) else ""
        kind = f"a render of {words[-1]} frames" if what == "render" else f"{words[-1]} abandoned frames() of a {what}"
        yield Outcome(kind, "fault" if fault else "right", fault, memory=more["MiB"])


def level() -> dict[str, float]:
    """What this process holds now."""
    gc.collect()
    return {
        "MiB": processes.resident(os.getpid()) or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "files": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
    }


def _render(count: int) -> tuple[dict[str, float], dict[str, float]]:
    import zoomdream

    seen: list[dict[str, float]] = []

    def progress(now: Any) -> None:
        if now.done in (count // 5, count - 1) and not now.message:
            seen.append(level())

    from zoomdream.rendering import render

    render(zoomdream.load_config({**_ZOOM, "frames": count, "output": "long.mp4"}), progress=progress)
    return seen[0], seen[-1]


def _abandoned(what: str, count: int) -> tuple[dict[str, float], dict[str, float]]:
    import zoomdream

    source = {"source": {"kind": "video", "path": "drawn.mp4"}} if what == "clip" else {"frames": 30}
    config = zoomdream.load_config({**_ZOOM, **source, **({} if what == "zoom" else {"fps": 12})})
    early: dict[str, float] = {}
    for number in range(count):
        frames = zoomdream.frames(config)
        for _ in range(3):
            next(frames)
        del frames
        if number == count // 5:
            early = level()
    time.sleep(1)  # threads that are told to end need a moment
    return early, level()


if __name__ == "__main__":
    kind, number_of = sys.argv[1], int(sys.argv[2])
    print(json.dumps(_render(number_of) if kind == "render" else _abandoned(kind, number_of)))
