"""The Droste space: one picture on a torus of angle and logarithm of the radius, of which every frame is a view.

The picture is dreamt on a *strip*, whose x is the angle and whose y is the logarithm of the radius, both periodic. The
map from there to the plane is conformal, so that things keep their shape, and the strip is as fine in both directions.
In it a zoom is a shift along y and a rotation one along x: what is shown comes back exactly.

A strip may also be laid out aslant, by a complex factor: then one turn around the centre leads one period deeper, as in
Escher's *Print Gallery* (De Smit and Lenstra, "The mathematical structure of Escher's Print Gallery", 2003).

Texel (row, column) of a strip of (height, width) is the point (row / height, column / width) of the torus.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor

from zoomdream.camera.motion import Motion
from zoomdream.camera.warp import strips
from zoomdream.machine.devices import to_device
from zoomdream.randomness import generator

Size = tuple[int, int]

_SHARP = 0.7
"""Share of the way from the middle of the frame to its corners at which a texel of the strip is as large as a pixel."""
_MOST_TEXELS = 2**24
"""Of a strip, so that 3840x2160 is dreamt within 6 GiB."""
_LEAST_EDGE = 16
_FOUND = 220
"""Texels per radian, at most, of the small strip on which things are found."""
_REFINED = 2
"""Dreams on each strip twice as fine as the one before."""
_PER_DOUBLING = 4
"""Levels per halving of the strip: from one ring of the frame to the next the texels are 1.19 times as dense, which
nobody sees, so that each pixel takes one bilinear sample of one level."""
_OVERSAMPLED = 1.3
"""Texels per pixel, on average, in the levels: so bilinear samples lose little, and what is finer than pixels is cut
off before (`_PASSED` to `_STOPPED`, cycles per texel)."""
_PASSED, _STOPPED = 0.3, 0.46
_SMALLEST_LEVEL = 3  # texels of the shorter edge


@dataclass(frozen=True, slots=True)
class Torus:
    """What repeats. period: doublings of the zoom after which the untwisted picture comes back; arms: how often it
    stands around the centre; twist: how many periods deeper the next arm begins than the one before, 0 for none.
    """

    period: float
    arms: int = 1
    twist: int = 0

    @property
    def height(self) -> float:
        """Of the strip, as a difference of logarithms of radii."""
        return self.period * math.log(2)

    @property
    def width(self) -> float:
        """Of the strip, in radians."""
        return 2 * math.pi / self.arms

    @property
    def slant(self) -> complex:
        """By which a place in the plane, log z, is multiplied to be a place on the strip."""
        return complex(1, -self.twist * self.height / self.width)

    def shift(self, moved: complex) -> tuple[float, float]:
        """Rows and columns, in periods, by which a view moves on the strip that has moved by logarithm of the zoom and
        angle.
        """
        place = self.slant * moved
        return place.real / self.height, place.imag / self.width

    def period_near(self, moved: complex) -> complex:
        """The whole periods next to a motion: logarithm of the zoom, and angle, after which all is as before. No period
        only where nothing moves.
        """
        rows, columns = self.shift(moved)
        nearby = [
            complex((math.floor(rows) + row) * self.height, (math.floor(columns) + column) * self.width) / self.slant
            for row in (-1, 0, 1, 2)
            for column in (-1, 0, 1, 2)
        ]
        return min((place for place in nearby if place or not moved), key=lambda place: abs(place - moved))

    def strip(self, size: Size) -> Size:
        """(height, width) of a strip for frames of `size`."""
        sharp = _SHARP * math.hypot(*size) / 2 / abs(self.slant)
        return self._edges(min(sharp, math.sqrt(_MOST_TEXELS / (self.height * self.width))))

    def growth(self, strip: Size, warmup: int) -> tuple[Size, ...]:
        """(height, width) in which each dream is before the first frame: `warmup` of them find things on a small
        strip, of the same size for frames of any, and few make it finer and finer up to `strip`.
        """
        density = strip[1] / self.width
        halvings = max(0, math.ceil(math.log2(density / _FOUND)))
        sizes = [self._edges(density / 2**number) for number in range(halvings, 0, -1)] + [strip]
        counts = [warmup] + [_REFINED] * halvings if halvings else [warmup + 1]
        return tuple(size for size, count in zip(sizes, counts, strict=True) for _ in range(count))

    def _edges(self, density: float) -> Size:
        """(height, width) of a strip with so many texels per radian."""
        rows, columns = (max(_LEAST_EDGE, 2 * round(density * edge / 2)) for edge in (self.height, self.width))
        return rows, columns


def closed(torus: Torus, moved: Sequence[complex]) -> tuple[complex, ...]:
    """The path, logarithm of the zoom and angle at each frame since the first, changed evenly so that it ends after
    whole periods: one frame after the last comes the first. The path's last entry is that frame.
    """
    change = torus.period_near(moved[-1]) - moved[-1]
    return tuple(place + change * number / (len(moved) - 1) for number, place in enumerate(moved))


def path(motions: Sequence[Motion]) -> tuple[complex, ...]:
    """Logarithm of the zoom, and the angle in radians, since frame 0, at each frame."""
    return tuple(accumulate(complex(math.log(motion.scale), math.radians(motion.degrees)) for motion in motions))


def edges(strip: Tensor, seed: int, frame: int) -> tuple[int, int]:
    """By how many rows and columns a strip is rolled before the dream of a frame, so that its edges lie elsewhere each
    time.
    """
    random = generator(seed, "edges", frame)
    rows, columns = (int(torch.randint(length, (), generator=random)) for length in strip.shape[-2:])
    return rows, columns


@dataclass(frozen=True, slots=True)
class DrosteCamera:
    """Shows frames of `size` (height, width) of a strip. moved: see `path`; pivots: the centre's place in each."""

    torus: Torus
    size: Size
    moved: tuple[complex, ...]
    pivots: tuple[tuple[float, float], ...]

    def __call__(self, levels: Levels, frame: int) -> Tensor:
        """The frame (1, C, H, W): one bilinear sample of the level that is as fine as the frame there."""
        pivot = self.pivots[frame]
        base, origin, scale = _places(self.torus, levels.strip, self.size, pivot, levels.picture.device)
        rows, columns = self.torus.shift(self.moved[frame])
        shift = to_device(torch.tensor([columns % 1, rows % 1]), base.device)
        place = base + shift
        place.sub_(place.floor())
        return _sampled(levels.picture, torch.addcmul(origin, place, scale, out=place))


@dataclass(frozen=True, slots=True)
class Levels:
    """A strip at all sizes at which frames show it, side by side in one picture (1, C, H, W). strip: its (height,
    width).
    """

    picture: Tensor
    strip: Size

    @classmethod
    def of(cls, strip: Tensor) -> Levels:
        size = (strip.shape[-2], strip.shape[-1])
        levels, (height, width) = _layout(size)
        picture = strip.new_zeros((1, strip.shape[1], height, width))
        for channel in range(strip.shape[1]):  # one by one: spectra take memory
            spectrum = torch.fft.rfft2(strip[0, channel])
            for number, (top, left, rows, columns) in enumerate(levels):
                spectrum = _cropped(spectrum, (rows, columns))
                level = strip[0, channel] if number == 0 else _inverse(spectrum, size, (rows, columns))
                wrapped = F.pad(level[None, None], (0, 1, 0, 1), mode="circular")
                picture[0, channel, top : top + rows + 1, left : left + columns + 1] = wrapped[0, 0]
        return cls(picture, size)


def resampled(strip: Tensor, size: Size) -> Tensor:
    """The strip (1, C, H, W) at another size, (1, C, *size), periodic as it is and without what that cannot hold."""
    if tuple(strip.shape[-2:]) == size:
        return strip
    found = strip.new_empty((1, strip.shape[1], *size))
    before = (strip.shape[-2], strip.shape[-1])
    smaller = (min(before[0], size[0]), min(before[1], size[1]))
    for channel in range(strip.shape[1]):
        spectrum = _cropped(torch.fft.rfft2(strip[0, channel]), smaller) * _window(smaller, 0.4, 0.5, strip.device)
        found[0, channel] = torch.fft.irfft2(_padded(spectrum, size), s=size) * (math.prod(size) / math.prod(before))
    return found


def _inverse(spectrum: Tensor, before: Size, size: Size) -> Tensor:
    """The picture of `size` without what is finer than pixels; the spectrum is that of one of the size `before`."""
    windowed = spectrum * _window(size, _PASSED, _STOPPED, spectrum.device)
    found: Tensor = torch.fft.irfft2(windowed, s=size)
    return found * (math.prod(size) / math.prod(before))


def _window(size: Size, passed: float, stopped: float, device: torch.device) -> Tensor:
    """How much of each wave of a picture of `size` stays, (rows, columns // 2 + 1): all up to `passed` cycles per
    texel, nothing from `stopped` on.
    """
    rows, columns = torch.fft.fftfreq(size[0], device=device), torch.fft.rfftfreq(size[1], device=device)
    length = torch.hypot(rows[:, None], columns[None])
    share = ((length - passed) / (stopped - passed)).clamp_(0, 1)
    return 0.5 + 0.5 * torch.cos(math.pi * share)


def _cropped(spectrum: Tensor, size: Size) -> Tensor:
    """The low waves of a spectrum, as many as a picture of `size` has. The highest of them are not kept apart right:
    `_window` takes them.
    """
    rows, columns = size
    if spectrum.shape[0] > rows:
        spectrum = torch.cat([spectrum[: (rows + 1) // 2], spectrum[spectrum.shape[0] - rows // 2 :]])
    return spectrum[:, : columns // 2 + 1]


def _padded(spectrum: Tensor, size: Size) -> Tensor:
    """The spectrum of a picture of `size` with these low waves and no others. The highest of them have to be 0."""
    found = spectrum.new_zeros((size[0], size[1] // 2 + 1))
    rows, columns = spectrum.shape
    found[: (rows + 1) // 2, :columns] = spectrum[: (rows + 1) // 2]
    found[size[0] - rows // 2 :, :columns] = spectrum[rows - rows // 2 :]
    return found


Level = tuple[int, int, int, int]
"""Where it begins in the picture of all levels, top and left, and its rows and columns."""


@lru_cache(maxsize=4)
def _layout(strip: Size) -> tuple[tuple[Level, ...], Size]:
    """The levels of a strip, packed into one picture of the size that comes second: each with a row and a column of its
    beginning after its end.
    """
    found: list[Level] = []
    top = left = deep = 0
    for number in range(1000):
        rows, columns = (round(edge * 2 ** (-number / _PER_DOUBLING)) for edge in strip)
        if number and min(rows, columns) < _SMALLEST_LEVEL:
            break
        if left + columns + 1 > strip[1] + 1:
            top, left, deep = top + deep, 0, 0
        found.append((top, left, rows, columns))
        left, deep = left + columns + 1, max(deep, rows + 1)
    return tuple(found), (top + deep, strip[1] + 1)


@lru_cache(maxsize=1)  # the same for all frames but where the pivot moves
def _places(
    torus: Torus, strip: Size, size: Size, pivot: tuple[float, float], device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """For each pixel of a frame its (column, row) on the torus in periods, and the origin and the scale that make of it
    a place for grid_sample in the picture of all levels. Tensors (H, W, 2).
    """
    height, width = size
    levels, (deep, wide) = _layout(strip)
    right = torch.arange(width, dtype=torch.float32, device=device)[None] + (0.5 - pivot[0] * width)
    up = (pivot[1] * height - 0.5) - torch.arange(height, dtype=torch.float32, device=device)[:, None]
    away = torch.hypot(right, up).clamp_min_(1e-3)
    depth, angle = away.log(), torch.atan2(up, right.expand_as(away))
    slant = torus.slant
    row = (slant.real * depth - slant.imag * angle) / -torus.height
    column = (slant.real * angle + slant.imag * depth) / -torus.width
    base = torch.stack([column - column.floor(), row - row.floor()], dim=-1)
    dense = strip[1] / torus.width * abs(slant) / away  # texels per pixel
    number = _PER_DOUBLING * (dense.log2_() - math.log2(_OVERSAMPLED) + 0.5 / _PER_DOUBLING)
    number = number.clamp_(0, len(levels) - 1).long()
    table = torch.tensor([[(2 * x + 1) / wide - 1, (2 * y + 1) / deep - 1] for y, x, _, _ in levels], device=device)
    scales = torch.tensor([[2 * columns / wide, 2 * rows / deep] for *_, rows, columns in levels], device=device)
    return base, table[number], scales[number]


def _sampled(picture: Tensor, grid: Tensor) -> Tensor:
    """Bilinear samples of a picture (1, C, h, w) at the places of a grid (H, W, 2), (1, C, H, W)."""
    height, width = grid.shape[:2]
    parts = strips(height) if grid.device.type == "cpu" else 1
    found = F.grid_sample(
        picture.expand(parts, -1, -1, -1),
        grid.view(parts, -1, width, 2),
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )
    return found.transpose(0, 1).reshape(1, -1, height, width)
