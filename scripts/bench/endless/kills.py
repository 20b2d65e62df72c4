"""A render that is killed again and again, against one that is left alone."""

from __future__ import annotations

import math
import multiprocessing
import random
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from bench.video import frame_checksums

import zoomdream
from zoomdream.config.load import load_config_text
from zoomdream.encode.segment import SEGMENT_FRAMES

JOINING = "joined*"  # the files that are made while the segments are joined
_POLL = 0.001  # seconds


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
    process = launch(output)
    joins = _wait(process, lambda: is_joining(output), math.inf)
    joining = time.monotonic()
    _succeed(process)
    end = time.monotonic()
    return end - begin, end - joining if joins else 0.05


def is_joining(output: Path) -> bool:
    return any(output.with_name(f"{output.name}.zoomdream").glob(JOINING))


def under_fire(
    launch: Callable[[Path], BaseProcess],
    output: Path,
    *,
    kills: int,
    joining_kills: int,
    segments: int,
    seconds: tuple[float, float],
    seed: int,
) -> tuple[int, int]:
    """Render, killed `kills` times at random moments, the last `joining_kills` of them while the segments are joined.

    segments: how many the render has. seconds: what an undisturbed render and its joining take. Returns how often it
    was killed, and how often of these while joining: fewer where it was finished before the next kill came.
    """
    moments, done, while_joining = random.Random(seed), 0, 0
    whole, end = seconds
    while done < kills:
        process = launch(output)
        if done >= kills - joining_kills:
            joining = _wait(process, lambda: is_joining(output), 60 * whole)
        else:
            # where it is behind, it may finish a segment first: so the kills are spread over the whole render
            due = done * segments // (kills - joining_kills)
            _wait(process, lambda due=due: finished_segments(output) >= due, 60 * whole)
            joining = _wait(process, lambda: is_joining(output), moments.uniform(0, whole / segments / 2))
        if joining:
            time.sleep(moments.uniform(0, 0.6 * end))
        process.kill()
        process.join()
        if process.exitcode == 0:
            return done, while_joining
        if process.exitcode != -signal.SIGKILL and sys.platform != "win32":
            raise RuntimeError(f"the render ended by itself, with code {process.exitcode}")
        done, while_joining = done + 1, while_joining + joining
    _succeed(launch(output))
    return done, while_joining


def finished_segments(output: Path) -> int:
    found = output.with_name(f"{output.name}.zoomdream").glob("segment_*")
    return sum(".partial" not in path.name for path in found)


def _succeed(process: BaseProcess) -> None:
    process.join()
    if process.exitcode != 0:
        raise RuntimeError(f"a render that was left alone ended with code {process.exitcode}")


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
    seconds = undisturbed(launch, reference)
    truth = frame_checksums(reference)
    segments = -(-len(truth) // SEGMENT_FRAMES)
    for attempt in range(3):
        output = folder / f"killed_{attempt}.mp4"
        begin = time.monotonic()
        done, while_joining = under_fire(
            launch,
            output,
            kills=kills,
            joining_kills=joining_kills,
            segments=segments,
            seconds=seconds,
            seed=seed + attempt,
        )
        if done == kills:
            break
    checksums = frame_checksums(output)
    same = sum(left == right for left, right in zip(truth, checksums, strict=False))
    return {
        "frames": len(truth),
        "different frames": max(len(truth), len(checksums)) - same,
        "kills": done,
        "kills while joining": while_joining,
        "left behind": sorted(entry.name for entry in folder.iterdir() if entry.suffix != ".mp4"),
        "seconds": {"undisturbed": seconds[0], "joining": seconds[1], "killed": time.monotonic() - begin},
    }
