"""What watches a running render: it sees the progress, messages and pictures, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from zoomdream.config.units import clock_time, spoken_time
from zoomdream.errors import printable


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a render is: `done` of `frames`. Seconds are None until known; message is "" between events.

    warning: whether the message counts also for those who want no progress. begun: before the first frame, the share
    that is done of what is dreamed before it, where that takes long; else None.
    """

    done: int
    frames: int
    seconds_per_frame: float | None
    eta_seconds: float | None
    message: str = ""
    warning: bool = False
    begun: float | None = None

    def __str__(self) -> str:
        return self.message or self.sentence

    @property
    def sentence(self) -> str:
        """One line: frame 30 of 360 · 0.81 s/frame · 4:27 left."""
        if self.begun is not None:
            return f"dreaming before frame 1: {self.begun:.0%}"
        parts = [f"frame {self.done} of {self.frames}"]
        if self.seconds_per_frame is not None:
            parts.append(f"{spoken_time(self.seconds_per_frame)}/frame")
        if self.eta_seconds:
            parts.append(f"{clock_time(self.eta_seconds)} left")
        return " · ".join(parts)


class Picture(Protocol):
    """A frame as it is shown; `index` is its number in the whole render. It may be kept, and asked in any thread."""

    @property
    def index(self) -> int: ...

    def tensor(self) -> Tensor:
        """(3, H, W) float32 RGB in [0, 1] on the CPU, rounded as for the encoder. Made only when it is asked for."""
        ...


class Observer(Protocol):
    """Both methods are called in the thread that dreams, which waits for them: what takes long belongs elsewhere.

    An error in one of them ends the render, as Ctrl-C does: what is finished is kept.
    """

    def progress(self, progress: Progress) -> None:
        """At every event, with a message, and after every frame and dream before the first, without."""
        ...

    def picture(self, picture: Picture) -> None:
        """After every frame, before its progress. A resumed render begins after the last frame that was kept."""
        ...


@dataclass(frozen=True, slots=True)
class ProgressOnly:
    """The observer that passes progress to a function."""

    report: Callable[[Progress], None]

    def progress(self, progress: Progress) -> None:
        self.report(progress)

    def picture(self, picture: Picture) -> None:
        pass


def in_place(progress: Progress) -> None:
    """Print progress on one line of stdout that changes in place; notebooks and terminals show it so."""
    last = progress.message or progress.done >= progress.frames
    print(f"\r{printable(progress):<60}", end="\n" if last else "", flush=True)


@dataclass(frozen=True, slots=True)
class Observers:
    """All observers of a render, by default none. An error of theirs says whose it is."""

    members: tuple[Observer, ...] = ()

    def progress(self, progress: Progress) -> None:
        for member in self.members:
            with _noted(member):
                member.progress(progress)

    def picture(self, picture: Picture) -> None:
        for member in self.members:
            with _noted(member):
                member.picture(picture)


@contextmanager
def _noted(observer: Observer) -> Iterator[None]:
    """An error in here says which observer it comes from."""
    try:
        yield
    except Exception as error:
        named = observer.report if isinstance(observer, ProgressOnly) else type(observer)
        name = getattr(named, "__qualname__", repr(named))
        error.add_note(f"{name}, which observes the render, has raised this. What was finished before is kept.")
        raise
