"""A picture that contains itself: laid on the strip of the Droste space, with a smaller copy around its centre."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from zoomdream.camera.droste import Size, Torus
from zoomdream.color.statistics import ColorStatistics, measure
from zoomdream.source.protocol import SourceSound
from zoomdream.source.still import Picture, StillFrames

_BLENDED = 0.15
"""How far into a copy, as a difference of logarithms of radii, it blends into the picture that it lies in."""
_MIDDLE = 0.02, 0.98
"""Where in the picture its centre may be, as a share of its edges: it has to lie inside."""


@dataclass(frozen=True)
class DrostePicture:
    """A picture file that covers a frame, laid on a strip. pivot: where in it the copies are, 0..1."""

    picture: Picture
    torus: Torus
    strip: Size
    pivot: tuple[float, float]
    moving: ClassVar[bool] = False
    shots: ClassVar[tuple[int, ...]] = ()
    sound: ClassVar[SourceSound | None] = None
    notes: ClassVar[tuple[str, ...]] = ()
    alpha: ClassVar[bool] = False

    @property
    def files(self) -> tuple[Path, ...]:
        return self.picture.files

    @property
    def name(self) -> str:
        return self.picture.name

    def frames_at(self, times: Sequence[Fraction]) -> tuple[int, ...]:
        return ()

    def time_of(self, frame: int) -> Fraction:
        return Fraction(0)

    def open(self) -> StillFrames:
        return StillFrames(self._laid)

    def colors(self) -> ColorStatistics | None:
        return measure(self._laid)

    def describe(self) -> list[str]:
        return self.picture.describe()

    @cached_property
    def _laid(self) -> Tensor:
        return laid(self.picture.open().picture, self.torus, self.strip, self.pivot)


def laid(picture: Tensor, torus: Torus, strip: Size, pivot: tuple[float, float]) -> Tensor:
    """The picture (1, 3, H, W) on a strip, (1, 3, *strip), so that each copy lies in the next larger one, the edge of
    which is the frame's.

    Each of several arms holds all of the picture, by the conformal map z -> z ** arms.
    """
    height, width = picture.shape[-2:]
    x, y = (min(max(place, _MIDDLE[0]), _MIDDLE[1]) for place in pivot)
    to_sides = (x * width, (1 - x) * width, y * height, (1 - y) * height)
    unit = math.log(min(height, width) / 2)  # the radius that several arms leave where it is
    rows = -torch.arange(strip[0], dtype=torch.float64)[:, None] * (torus.height / strip[0])
    columns = -torch.arange(strip[1], dtype=torch.float64)[None] * (torus.width / strip[1])
    depth, angle = torch.broadcast_tensors(torus.arms * (rows - unit) + unit, torus.arms * columns)  # type: ignore[no-untyped-call]
    right, up = torch.cos(angle), torch.sin(angle)
    edge = torch.stack(
        [to_sides[0] / -right, to_sides[1] / right, to_sides[2] / up, to_sides[3] / -up]  # below 0: the other way
    )
    edge = torch.where(edge > 0, edge, torch.inf).amin(dim=0).log()
    period = torus.arms * torus.height
    inside = torch.remainder(edge - depth, period)  # how far from the copy's edge

    def seen(radius: Tensor) -> Tensor:
        grid = torch.stack([2 * (x + radius * right / width) - 1, 2 * (y - radius * up / height) - 1], dim=-1)
        return F.grid_sample(picture, grid[None].float(), mode="bicubic", padding_mode="border", align_corners=False)

    share = (inside / _BLENDED).clamp(0, 1)
    share = (share * share * (3 - 2 * share)).float()
    copy, behind = seen((edge - inside).exp()), seen((edge - inside - period).exp())
    return torch.lerp(behind, copy, share).clamp(0, 1)
