"""What every source of frames is, whatever its kind. Nobody but `open_source` and `config` asks for the kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from torch import Tensor

from zoomdream.color.statistics import ColorStatistics
from zoomdream.config.schema_source import Fit
from zoomdream.machine.devices import to_device

_SAME_SHAPE = 0.01  # by which shapes may differ: sizes are whole pixels, often even ones


class Closable(Protocol):
    def close(self) -> None:
        """Give back processes, threads and files. Raises nothing; may be called twice."""
        ...


class Frames(Closable, Protocol):
    """The pictures of an open source by frame number, (1, 3, H, W) float32 RGB in [0, 1], on the CPU. Masks have one
    channel, transparent pictures four (see color.alpha).
    """

    def frame(self, index: int) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class DeviceFrames:
    """The same on a device, called with a frame's number."""

    frames: Frames
    device: str

    def __call__(self, index: int) -> Tensor:
        return to_device(self.frames.frame(index), self.device)


@dataclass(frozen=True, slots=True)
class SourceSound:
    """The sound of a clip: its file, where in it frame 0 is (seconds on the container's clock), and whether all of the
    clip is shown.
    """

    path: Path
    begin: Fraction
    whole: bool


class Source(Protocol):
    """Where frames come from. It is a plain value; only `open` starts to read.

    moving: whether each frame shows another picture (a clip), or the camera moves the first one on (noise, a picture).
    shots: the frames with which a new shot begins, in order, without 0. sound: None where there is none.
    """

    @property
    def moving(self) -> bool: ...

    @property
    def shots(self) -> tuple[int, ...]: ...

    @property
    def sound(self) -> SourceSound | None: ...

    def frames_at(self, times: Sequence[Fraction]) -> tuple[int, ...]:
        """The frames at which the source shows these moments, seconds from its beginning."""
        ...

    def time_of(self, frame: int) -> Fraction:
        """The reverse of `frames_at`."""
        ...

    def open(self) -> Frames:
        """Start to read. Raises InputError."""
        ...

    def colors(self) -> ColorStatistics | None:
        """The colour statistics that a dream on it is held to; None where each frame has its own. Raises InputError."""
        ...

    @property
    def alpha(self) -> bool:
        """Whether its frames have a fourth channel (see color.alpha): where it is transparent and the output can be.
        Raises InputError.
        """
        ...

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that it reads. Raises InputError."""
        ...

    @property
    def name(self) -> str:
        """What a person calls it: "noise", or the path of its file."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of it before the render, such as damage."""
        ...

    def describe(self) -> list[str]:
        """All that can be told of it, notes included, a line each; nothing of what has nothing to tell."""
        ...


def describe_alpha(*, kept: bool) -> str:
    """What becomes of a source's transparency."""
    return "transparency is kept" if kept else "transparent parts are black: this output holds no transparency"


def describe_fit(shown: tuple[int, int], size: tuple[int, int], fit: Fit) -> list[str]:
    """What becomes of a picture of (height, width) `shown` in frames of another shape; nothing in one that is nearly
    the same.
    """
    (height, width), (tall, wide) = shown, size
    ratio = (wide / tall) / (width / height)
    if abs(ratio - 1) < _SAME_SHAPE:
        return []
    if fit == "stretch":
        return [f"stretched to {max(ratio, 1 / ratio):.3g} times its {'width' if ratio > 1 else 'height'}"]
    if fit == "fit":
        return [f"black bars {'left and right' if ratio > 1 else 'above and below'} fill {wide}x{tall}"]
    lost = f"{1 - min(ratio, 1 / ratio):.0%} of its {'height' if ratio > 1 else 'width'}"
    return [f"{lost} is cut off to fill {wide}x{tall}; `source.fit: fit` shows all of it, with black bars"]
