"""Sources that stand still: noise, or a picture. A zoom begins with them, and the camera moves them on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from zoomdream.color.pyramid import fill
from zoomdream.color.statistics import NATURAL, ColorStatistics, measure
from zoomdream.randomness import generator, natural_noise
from zoomdream.source.picture import read_image
from zoomdream.source.protocol import SourceSound

_CONTRAST = 0.12
"""Deviation of the noise: little, so that the dream need not fight it."""


@dataclass(frozen=True, slots=True)
class StillFrames:
    """One picture (1, 3, H, W), whatever the frame."""

    picture: Tensor

    def frame(self, index: int) -> Tensor:
        return self.picture

    def close(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise with the statistics of photographs. size: (height, width)."""

    size: tuple[int, int]
    seed: int
    moving: ClassVar[bool] = False
    shots: ClassVar[tuple[int, ...]] = ()
    sound: ClassVar[SourceSound | None] = None
    files: ClassVar[tuple[Path, ...]] = ()
    notes: ClassVar[tuple[str, ...]] = ()
    name: ClassVar[str] = "noise"

    def frames_at(self, times: Sequence[Fraction]) -> tuple[int, ...]:
        return ()

    def time_of(self, frame: int) -> Fraction:
        return Fraction(0)

    def open(self) -> StillFrames:
        mean = torch.tensor(NATURAL.mean).view(1, 3, 1, 1)
        noise = natural_noise(self.size, generator(self.seed, "source"))
        return StillFrames((mean + _CONTRAST * noise).clamp(0, 1))

    def colors(self) -> ColorStatistics | None:
        return NATURAL

    def describe(self) -> list[str]:
        return []


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture file that covers the frame, its middle cropped. size: (height, width)."""

    path: Path
    size: tuple[int, int]
    moving: ClassVar[bool] = False
    shots: ClassVar[tuple[int, ...]] = ()
    sound: ClassVar[SourceSound | None] = None
    notes: ClassVar[tuple[str, ...]] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.path,)

    @property
    def name(self) -> str:
        return str(self.path)

    def frames_at(self, times: Sequence[Fraction]) -> tuple[int, ...]:
        return ()

    def time_of(self, frame: int) -> Fraction:
        return Fraction(0)

    def open(self) -> StillFrames:
        return StillFrames(fill(read_image(self.path), self.size))

    def colors(self) -> ColorStatistics | None:
        return measure(self.open().picture)

    def describe(self) -> list[str]:
        return []
