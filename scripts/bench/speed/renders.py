"""The real renderer, timed from outside: configs, and what its progress says about when which frame was done."""

from __future__ import annotations

import itertools
import shutil
from dataclasses import dataclass
from typing import Any

from bench.speed.timing import Clock, Setting

import zoomdream
from zoomdream.config import Config
from zoomdream.rendering import Progress

SEGMENT = 30  # frames; a window of that many holds the end of one segment, wherever it begins
SKIPPED = 4  # frames that are slower, because everything is done for the first time
WINDOW = SKIPPED + SEGMENT
_numbers = itertools.count()


def config(setting: Setting, network: str, size: tuple[int, int], frames: int, *changes: str) -> Config:
    """A zoom out of noise with the defaults, but for what is given, every frame dreamed on unless `changes` say
    otherwise. network: dreamnet, googlenet or torchvision.
    """
    name = {"torchvision": "torchvision/googlenet"}.get(network, network)
    weights = {"googlenet": setting.googlenet, "torchvision": setting.torchvision}.get(network)
    plain: dict[str, Any] = {
        "size": list(size),
        "frames": frames,
        "network": {"name": name, **({} if weights is None else {"weights": str(weights.absolute())})},
        "objective": [{"layer": "mixed4c"}],
        "dream": {"warmup": 0, "every": 1},
        "performance": {"device": "cpu", "threads": setting.threads},
    }
    return zoomdream.load_config(plain, changes, output=setting.folder / f"speed_{next(_numbers)}.mp4")


BY_RATE = "dream.every=null"
"""A change of a config that dreams as often as the defaults do."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A render in seconds. per_frame: dreaming and encoding, start-up and end apart. left and expected: after
    `asked_at` frames, the time until the whole render was done, and what its progress promised.
    """

    per_frame: float
    intervals: tuple[float, ...]
    first: float
    left: float
    expected: float
    whole: float


def timed(chosen: Config, clock: Clock, *, skipped: int = SKIPPED, asked_at: int = 5) -> Timed:
    """Render and throw away.

    A frame's time is that of a window of whole segments after the first `skipped` frames: in it as many segments are
    encoded and finished as are dreamt. An encoder looks ahead, so that it does most of a shorter render's work after
    the last frame was dreamt: every frame gets its share of that, with the constant end of a segment somewhat too
    much. At least one frame is skipped, and one is left.
    """
    assert 0 < skipped < chosen.frames
    begin = clock()
    done: dict[int, float] = {}
    expected: dict[int, float] = {}
    recorded = begin

    def note(progress: Progress) -> None:
        nonlocal recorded
        if progress.message:
            recorded = clock()
        elif progress.done:
            done[progress.done] = clock()
            expected[progress.done] = progress.eta_seconds or 0.0

    path = zoomdream.render(chosen, progress=note)
    end = clock()
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    whole = (chosen.frames - skipped) // SEGMENT * SEGMENT
    if whole:
        per_frame = (done[skipped + whole] - done[skipped]) / whole
    else:
        dreaming = (done[chosen.frames] - done[skipped]) / (chosen.frames - skipped)
        per_frame = dreaming + (recorded - done[chosen.frames]) / chosen.frames
    asked = min(asked_at, chosen.frames)
    times = [done[number] for number in sorted(done)]
    return Timed(
        per_frame=per_frame,
        intervals=tuple(after - before for before, after in itertools.pairwise(times)),
        first=done[1] - begin,
        left=end - done[asked],
        expected=expected[asked],
        whole=end - begin,
    )


def per_frame(chosen: Config, clock: Clock, skipped: int = SKIPPED) -> float:
    """Seconds for a frame of a render, see `timed`."""
    return timed(chosen, clock, skipped=skipped).per_frame


def rounds(setting: Setting) -> int:
    """Turns of each of several renders: a machine whose speed changes meanwhile is not told by one."""
    return 1 if setting.quick else max(3, setting.rounds)
