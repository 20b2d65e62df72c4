"""Files of ten kinds, damaged in four ways, and a process that reads them, which may hang or die."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from bench import processes
from bench.files import drawing
from bench.files.making import encode
from bench.report import ROOT

_X264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-bf", "2", "-g", "12"]
_MPEG2 = ["-c:v", "mpeg2video", "-q:v", "3", "-bf", "2"]
KINDS: dict[str, list[str]] = {
    "mp4": _X264,
    "mkv": ["-c:v", "libx265", "-pix_fmt", "yuv420p", "-x265-params", "log-level=none:keyint=12"],
    "ts": _X264,
    "vob": _MPEG2,
    "avi": ["-c:v", "mpeg4", "-q:v", "3", "-bf", "2"],
    "webm": ["-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p", "-deadline", "realtime", "-g", "12"],
    "mov": ["-c:v", "prores_ks"],
    "flv": ["-c:v", "flv", "-q:v", "3"],
    "gif": [],
    "webp": ["-c:v", "libwebp_anim", "-q:v", "60"],
}
LONGEST = 60.0
"""Seconds that a file may take."""


def originals(folder: Path) -> dict[str, bytes]:
    """A whole file of each kind, 48 pictures, with sound where it can be."""
    made = {}
    for suffix, codec in KINDS.items():
        path = folder / f"whole.{suffix}"
        sound = ["-f", "lavfi", "-i", "sine=duration=2"] if suffix in ("mp4", "mkv", "ts", "avi", "mov") else []
        encode(path, drawing.frames(48), *(["-map", "0", "-map", "1"] if sound else []), *codec, before=sound)
        made[suffix] = path.read_bytes()
    return made


def damaged(data: bytes, dice: random.Random) -> tuple[str, bytes]:
    """What was done to a file, in words, and the file: flipped bits, a cut, zeroes, or swapped blocks."""
    kind, length = dice.choice(("bits", "cut", "zeroes", "swap")), len(data)
    changed = bytearray(data)
    if kind == "bits":
        for _ in range(dice.choice((1, 4, 20, 100))):
            changed[dice.randrange(length)] ^= 1 << dice.randrange(8)
    elif kind == "cut":
        del changed[dice.randrange(1, length) :]
    elif kind == "zeroes":
        begin, size = dice.randrange(length), dice.choice((16, 500, length // 10))
        changed[begin : begin + size] = bytes(len(changed[begin : begin + size]))
    else:
        size = dice.choice((188, 2048, max(1, length // 20)))
        first, second = (dice.randrange(max(1, length - size)) for _ in range(2))
        one, other = bytes(changed[first : first + size]), bytes(changed[second : second + size])
        changed[first : first + size], changed[second : second + size] = other, one
    return kind, bytes(changed)


class Reader:
    """A process that reads one file after the other; another one takes its place where it hangs or dies.

    module: what it runs, which answers each line with one of JSON; patience: seconds that a line may take; more: of its
    environment.
    """

    def __init__(self, module: str = "bench.files.worker", patience: float = LONGEST, **more: str) -> None:
        self._module, self._patience, self._environment = module, patience, processes.environment(**more)
        self._start()

    def read(self, path: Path | str) -> dict[str, Any]:
        """What the process says of a file (or whatever its line means); {"fault": ...} where it hangs, or dies."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        try:
            answer = self._answers.get(timeout=self._patience)
        except Empty:
            self._process.kill()
            answer, fault = "", "hang"
        else:
            fault = "crash"
        if answer:
            return dict(json.loads(answer))
        code = self._process.wait()
        self._start()
        return {"fault": fault if fault == "hang" else f"crash: exit code {code}"}

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._pump.join()
        self._process.stdout.close()

    def _start(self) -> None:
        command = [sys.executable, "-m", self._module]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=self._environment, cwd=ROOT / "scripts",
        )  # fmt: skip
        self._answers: Queue[str] = Queue()
        self._pump = threading.Thread(target=_pump, args=(self._process.stdout, self._answers), daemon=True)
        self._pump.start()


def trials(whole: dict[str, bytes], count: int) -> Iterator[tuple[str, str, bytes]]:
    """Suffix, what was done, and the damaged file, `count` of them, always the same."""
    dice = random.Random(1)
    for number in range(count):
        suffix = list(whole)[number % len(whole)]
        yield suffix, *damaged(whole[suffix], dice)


def _pump(lines: Any, answers: Queue[str]) -> None:
    for line in lines:
        answers.put(line)
    answers.put("")
