"""A render without a network: a cheap recurrence whose every frame depends on the one before, to the last bit."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from zoomdream import ffmpeg
from zoomdream.config import codecs
from zoomdream.encode.segment import EncodeSettings
from zoomdream.errors import ZoomdreamError
from zoomdream.rendering import Job, Observers, Picture, Progress, render_frames
from zoomdream.rendering.loop import stoppable
from zoomdream.rendering.observer import ProgressOnly
from zoomdream.types import Plan, State

WIDTH, HEIGHT = 64, 48


def job(output: Path, frames: int = 40, codec: str = "h264", fingerprint: str = "a" * 64, **changes: Any) -> Job:
    numbered = "%" in output.name
    settings = EncodeSettings(
        codec=codec,
        width=WIDTH,
        height=HEIGHT,
        fps=Fraction(30000, 1001),
        pixel_format=codecs.resolve_pixel_format(codec, "auto"),
        program=ffmpeg.executable(),
        preset="ultrafast" if codec in ("h264", "h265") else None,
        still=codec == "png" and not numbered,
    )
    plan = Plan("cpu", "float32", 1, settings.pixel_format)
    values: dict[str, Any] = {"sound": None, "plan": plan, "seed": 7, "config": "frames: 1\n"} | changes
    return Job(output=output, frames=frames, settings=settings, fingerprint=fingerprint, **values)


def states(start: State | None, frames: int, pause: float = 0.0) -> Iterator[State]:
    """A logistic map per pixel, in part rolled: chaotic, so that any difference grows; laid out channels-last."""
    generator = torch.Generator().manual_seed(1)
    picture = torch.rand(1, 3, HEIGHT, WIDTH, generator=generator).to(memory_format=torch.channels_last)
    index = -1
    if start is not None:
        picture, index = start.picture, start.index
    while index < frames - 1:
        index += 1
        moved = 0.9 * picture.roll(index % 3, 3) + 0.1 * picture.mean()
        picture = (3.9 * moved * (1 - moved)).contiguous(memory_format=torch.channels_last)
        time.sleep(pause)
        yield State(index, picture)


def maker(frames: int, pause: float = 0.0) -> Callable[[State | None, Mapping[str, Any]], Iterator[State]]:
    return lambda start: states(start, frames, pause)


def stopping_after(last: int, frames: int, error: type[BaseException] = KeyboardInterrupt) -> Any:
    """Makes states until frame `last` is given, then raises."""

    def make(start: State | None) -> Iterator[State]:
        for state in states(start, frames):
            yield state
            if state.index == last:
                raise error

    return make


def watching(report: Callable[[Progress], None]) -> Observers:
    """Observers of which one passes the progress on."""
    return Observers((ProgressOnly(report),))


class Teller:
    """The observer that sends all it sees, as text."""

    def __init__(self, said: Connection) -> None:
        self._said = said

    def progress(self, progress: Progress) -> None:
        self._said.send(repr(progress))

    def picture(self, picture: Picture) -> None:
        self._said.send(f"picture={picture.index},")


def tell(said: Connection, output: Path, frames: int, pause: float) -> None:
    """Render in this process, and send each picture's number and each progress, then "done" or the error, as text."""
    codec = {".mp4": "h264", ".png": "png", ".gif": "gif"}[output.suffix]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    torch.set_num_threads(1)
    try:
        with stoppable():
            render_frames(maker(frames, pause), job(output, frames, codec), observers=Observers((Teller(said),)))
        said.send("done")
    except ZoomdreamError as error:
        said.send(f"{type(error).__name__}: {error}")
