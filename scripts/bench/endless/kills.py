"""A render that is killed again and again, against one that is left alone."""

from __future__ import annotations

import multiprocessing
import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from bench.video import frame_checksums

import zoomdream
from zoomdream.config.load import load_config_text
from zoomdream.encode.segment import SEGMENT_FRAMES

JOINING = "joined*"  # the files that are made while the segments are joined
_POLL = 0.001  # seconds


@dataclass
class Killed:
    """What became of a render under fire."""

    kills: int = 0
    while_joining: int = 0
    starts: int = 0
    seconds: float = 0.0


def render_yaml(text: str, output: str) -> None:
    """What each process runs: the config as its YAML text, because configs are not pickled."""
    zoomdream.render(load_config_text(text).model_copy(update={"output": Path(output)}))


def launcher(text: str) -> Callable[[Path], BaseProcess]:
    """Starts renders of a config in processes that have torch already: 20 kills would be 20 slow imports otherwise."""
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(["zoomdream.rendering"])
        first = context.Process(target=time.sleep, args=(0,))  # the server starts with it, not within the first render
        first.start()
        first.join()

    def launch(output: Path) -> BaseProcess:
        process = context.Process(target=render_yaml, args=(text, str(output)), daemon=True)
        process.start()
        return process

    return launch


def undisturbed(launch: Callable[[Path], BaseProcess], output: Path) -> tuple[float, float]:
    """Render once; returns the seconds that it took, and those of joining at its end."""
    begin = time.monotonic()
    process, joining = launch(output), None
    while process.is_alive():
        if joining is None and is_joining(output):
            joining = time.monotonic()
        process.join(_POLL)
    if process.exitcode != 0:
        raise RuntimeError(f"the undisturbed render ended with code {process.exitcode}")
    end = time.monotonic()
    return end - begin, 0.05 if joining is None else end - joining


def is_joining(output: Path) -> bool:
    return any(output.with_name(f"{output.name}.zoomdream").glob(JOINING))


def under_fire(
    launch: Callable[[Path], BaseProcess],
    output: Path,
    *,
    kills: int,
    joining_kills: int,
    segments: int,
    seconds: float,
    joining_seconds: float,
    seed: int,
) -> Killed:
    """Render, killed `kills` times at random moments, the last `joining_kills` of them while the segments are joined.

    segments: how many the render has. seconds, joining_seconds: what an undisturbed render and its joining take. Ends
    early, with fewer kills, where the render was finished before the next one came.
    """
    moments, result = random.Random(seed), Killed()
    begin = time.monotonic()
    while result.kills < kills:
        process = launch(output)
        result.starts += 1
        if result.kills >= kills - joining_kills:
            joining = _wait(process, lambda: is_joining(output), 60 * seconds)
        else:
            # where it is behind, it may finish a segment first: so the kills are spread over the whole render
            due = result.kills * segments // (kills - joining_kills)
            _wait(process, lambda due=due: finished_segments(output) >= due, 60 * seconds)
            joining = _wait(process, lambda: is_joining(output), moments.uniform(0, seconds / segments / 2))
        if joining:
            time.sleep(moments.uniform(0, 0.6 * joining_seconds))
        process.kill()
        process.join()
        if process.exitcode == 0:
            break
        if process.exitcode != -signal.SIGKILL and sys.platform != "win32":
            raise RuntimeError(f"the render ended by itself, with code {process.exitcode}")
        result.kills += 1
        result.while_joining += joining
    if process.exitcode != 0:
        process = launch(output)
        result.starts += 1
        process.join()
        if process.exitcode != 0:
            raise RuntimeError(f"the last render ended with code {process.exitcode}")
    result.seconds = time.monotonic() - begin
    return result


def finished_segments(output: Path) -> int:
    found = output.with_name(f"{output.name}.zoomdream").glob("segment_*")
    return sum(".partial" not in path.name for path in found)


def _wait(process: BaseProcess, happened: Callable[[], bool], patience: float) -> bool:
    """Until something has happened, the patience is over, or the process ends; True for the first of these."""
    end = time.monotonic() + patience
    while time.monotonic() < end and process.is_alive():
        if happened():
            return True
        process.join(_POLL)
    return False


def measure(text: str, folder: Path, *, kills: int, joining_kills: int, seed: int = 1) -> dict[str, Any]:
    """Kill a render of the config, and compare its frames with an undisturbed one's. Figures.

    A render that was finished before it was killed often enough is done again with other moments, at most three times.
    """
    launch = launcher(text)
    reference = folder / "undisturbed.mp4"
    seconds, joining_seconds = undisturbed(launch, reference)
    truth = frame_checksums(reference)
    for attempt in range(3):
        output = folder / f"killed_{attempt}.mp4"
        found = under_fire(
            launch,
            output,
            kills=kills,
            joining_kills=joining_kills,
            segments=-(-len(truth) // SEGMENT_FRAMES),
            seconds=seconds,
            joining_seconds=joining_seconds,
            seed=seed + attempt,
        )
        if found.kills == kills:
            break
    checksums = frame_checksums(output)
    same = sum(left == right for left, right in zip(truth, checksums, strict=False))
    return {
        "frames": len(truth),
        "different frames": max(len(truth), len(checksums)) - same,
        "kills": found.kills,
        "kills while joining": found.while_joining,
        "left behind": sorted(entry.name for entry in folder.iterdir() if entry.suffix != ".mp4"),
        "seconds": {"undisturbed": seconds, "joining": joining_seconds, "killed": found.seconds},
    }
