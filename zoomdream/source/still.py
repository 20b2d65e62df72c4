"""Sources that stand still: noise, or a picture. A zoom begins with them, and the camera moves them on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from zoomdream.color.alpha import multiplied, over_mean
from zoomdream.color.pyramid import fill, resize
from zoomdream.color.statistics import NATURAL, ColorStatistics, measure
from zoomdream.config.schema_source import Fit
from zoomdream.errors import require_file
from zoomdream.randomness import frame_scale, generator, natural_noise, noise_at_scale
from zoomdream.source.clip.picture import fitted, scaled_size
from zoomdream.source.picture import read_channels, read_image
from zoomdream.source.protocol import SourceSound, describe_alpha, describe_fit

_CONTRAST = 0.12
"""Deviation of the noise: little, so that the dream need not fight it."""


@dataclass(frozen=True, slots=True)
class StillFrames:
    """One picture (1, C, H, W), whatever the frame."""

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
    alpha: ClassVar[bool] = False
    files: ClassVar[tuple[Path, ...]] = ()
    notes: ClassVar[tuple[str, ...]] = ()
    name: ClassVar[str] = "noise"

    def frames_at(self, times: Sequence[Fraction]) -> tuple[int, ...]:
        return ()

    def time_of(self, frame: int) -> Fraction:
        return Fraction(0)

    def open(self) -> StillFrames:
        mean = torch.tensor(NATURAL.mean).view(1, 3, 1, 1)
        noise = noise_at_scale(natural_noise, self.size, frame_scale(self.size), generator(self.seed, "source"))
        return StillFrames((mean + _CONTRAST * noise).clamp(0, 1))

    def colors(self) -> ColorStatistics | None:
        return NATURAL

    def describe(self) -> list[str]:
        return []


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture file. size: (height, width); fit: how it fills that, see `ClipReader`. keep_alpha: whether its
    transparency is kept; else it is over black.
    """

    path: Path
    size: tuple[int, int]
    fit: Fit
    keep_alpha: bool
    moving: ClassVar[bool] = False
    shots: ClassVar[tuple[int, ...]] = ()
    sound: ClassVar[SourceSound | None] = None
    notes: ClassVar[tuple[str, ...]] = ()

    @property
    def alpha(self) -> bool:
        return self.keep_alpha and _facts(self.path)[1]

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
        picture = multiplied(read_channels(self.path)) if self.alpha else read_image(self.path)
        if self.fit == "fill":
            return StillFrames(fill(picture, self.size))
        scaled = resize(picture, scaled_size((picture.shape[-2], picture.shape[-1]), self.size, self.fit))
        return StillFrames(fitted(scaled.clamp(0, 1), self.size))

    def colors(self) -> ColorStatistics | None:
        return measure(over_mean(self.open().picture))

    def describe(self) -> list[str]:
        shown, transparent = _facts(self.path)
        there = [f"{self.path.name}: {shown[1]}x{shown[0]}", *describe_fit(shown, self.size, self.fit)]
        return there + ([describe_alpha(kept=self.keep_alpha)] if transparent else [])


def picture_size(path: Path) -> tuple[int, int]:
    """(height, width) of a picture as it is shown. InputError as `read_channels`."""
    return _facts(path)[0]


def _facts(path: Path) -> tuple[tuple[int, int], bool]:
    """The size of a picture, and whether any pixel is not opaque. InputError as `read_channels`."""
    require_file(path, "a picture")
    found = path.stat()
    return _facts_of(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=16)
def _facts_of(path: Path, length: int, changed: int) -> tuple[tuple[int, int], bool]:
    channels = read_channels(path)
    return (channels.shape[-2], channels.shape[-1]), bool((channels[:, 3:] < 1).any())
