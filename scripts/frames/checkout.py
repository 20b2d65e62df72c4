"""Renders with one checkout for same_frames.py, which starts this with that checkout in PYTHONPATH.

Importing torch and OpenCV takes longer than most of the renders, so they are imported once, and each render is a fork.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

sys.path.append(str(Path(__file__).parent.parent))  # behind the checkout

from frames.renders import Render, ffmpeg

SECONDS = 600.0  # after which a render counts as failed


def main(place: Path, jobs: int) -> None:
    """Do the tasks that stdin has as JSON, and print the file of each result once it is there."""
    tasks = json.load(sys.stdin)
    import zoomdream

    assert Path(zoomdream.__file__).is_relative_to(place), f"{zoomdream.__file__} is not of {place}"
    for module in pkgutil.walk_packages(zoomdream.__path__, "zoomdream."):
        if "__main__" not in module.name and ".ray" not in module.name:
            importlib.import_module(module.name)
    running: dict[int, str] = {}

    def wait() -> None:
        pid, status = os.wait()
        path = running.pop(pid)
        if status:
            Path(path).write_text(json.dumps({"error": f"ended with status {status}"}))
        print(path, flush=True)

    for task in tasks:
        if len(running) >= jobs:
            wait()
        render = Render(**task["render"] | {"sets": tuple(task["render"]["sets"])})
        running[fork(lambda render=render, task=task: write_result(render, place, Path(task["result"])))] = task[
            "result"
        ]
    while running:
        wait()


def fork(work: Callable[[], None]) -> int:
    """Do the work in a process of its own, in a group of its own; its number."""
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    leave(work)


def leave(work: Callable[[], None]) -> NoReturn:
    code = 1
    try:
        work()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def write_result(render: Render, place: Path, path: Path) -> None:
    begun = time.monotonic()
    try:
        result: dict[str, object] = {"frames": frames_of(render, place)}
    except (RuntimeError, subprocess.CalledProcessError) as error:
        result = {"error": str(error)}
    result["seconds"] = round(time.monotonic() - begun, 1)
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(result))
    partial.replace(path)


def frames_of(render: Render, place: Path) -> list[str]:
    """The checksum of every decoded frame, and then of every piece of sound. RuntimeError with what a failure said."""
    with tempfile.TemporaryDirectory(prefix="same_frames_") as name:
        folder = Path(name)
        command = [part.replace("$CONFIGS", str(place / "configs")) for part in render.command(place)]
        if render.how == "killed":
            kill_after_a_segment(command, folder)
        if render.how == "python":
            return finish(fork(lambda: print_from_python(folder)), folder).split()
        if render.how == "batch":  # its workers are processes that import this program's main module
            whole = [sys.executable, "-P", "-m", "zoomdream", *command]
            done = subprocess.run(whole, cwd=folder, capture_output=True, text=True, timeout=SECONDS)
            if done.returncode:
                raise RuntimeError(said(done.stdout + done.stderr))
        else:
            finish(fork(lambda: render_in(folder, command)), folder)
        found: list[str] = []
        for path in sorted(
            path for path in folder.rglob("*.*") if path.is_file() and path.suffix not in (".log", ".yaml")
        ):
            lines = ffmpeg("-i", path, "-map", "0", "-f", "framemd5", "-").splitlines()
            pieces = [[field.strip() for field in line.split(",")] for line in lines if not line.startswith("#")]
            found += [fields[-1] for fields in pieces if fields[0] == "0"]
            found += [f"sound {fields[-1]}" for fields in pieces if fields[0] != "0"]
        return sorted(found, key=lambda checksum: checksum.startswith("sound"))


def quiet(folder: Path) -> None:
    """In a fork: work in the folder and say everything into a file there."""
    os.chdir(folder)
    log = os.open(folder / "said.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)


def render_in(folder: Path, command: list[str]) -> None:
    quiet(folder)
    from zoomdream.cli import main

    raise SystemExit(main(command))


def print_from_python(folder: Path) -> None:
    """The checksums of zoomdream's frames and of a dream of a picture, without a file in between."""
    quiet(folder)
    import torch

    import zoomdream

    torch.set_num_threads(1)
    performance = {"device": "cpu", "precision": "float32", "threads": 1}
    config = zoomdream.load_config({"size": [96, 64], "frames": 4, "output": "x.mp4", "performance": performance})
    pictures = list(zoomdream.frames(config))
    for picture in (*pictures, zoomdream.dream(pictures[-1], times=2)):
        print(hashlib.md5(picture.contiguous().numpy().tobytes()).hexdigest())


def finish(pid: int, folder: Path) -> str:
    """Wait for a render, and what it said. RuntimeError if it failed or takes too long."""
    until = time.monotonic() + SECONDS
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        text = (folder / "said.log").read_text() if (folder / "said.log").exists() else ""
        if ended:
            break
        if time.monotonic() > until:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise RuntimeError("it took too long")
        time.sleep(0.02)
    if status:
        raise RuntimeError(said(text))
    return text


def said(text: str) -> str:
    return " / ".join(text.strip().splitlines()[-3:])


def kill_after_a_segment(command: list[str], folder: Path) -> None:
    """Start a render, and kill it and its ffmpeg once the state after a segment is there."""
    pid = fork(lambda: render_in(folder, command))
    while not list(folder.glob("*.zoomdream/state.safetensors")):
        if os.waitpid(pid, os.WNOHANG)[0]:
            raise RuntimeError("it ended before it could be killed: " + said((folder / "said.log").read_text()))
        time.sleep(0.005)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    if not list(folder.glob("*.zoomdream/state.safetensors")):
        raise RuntimeError("nothing was left to go on with")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
