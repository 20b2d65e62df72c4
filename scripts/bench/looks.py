"""What a picture looks like in seven numbers, and how they hold over a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from itertools import pairwise

import torch
from torch import Tensor

from zoomdream.color.statistics import luma

WAVELENGTHS = (2, 4, 8, 16, 32)  # pixels; the borders of the four bands
EARLY = (0.10, 0.35)  # shares of a run: frames 200-700 of 2,000
LATE = (0.75, 1.00)


@dataclass(frozen=True, slots=True)
class FrameLook:
    """On the scale where 1 is the full range of a pixel.

    brightness: mean luma; contrast: its standard deviation; saturation: root mean square distance of a pixel's colour
    from its grey; band_A_B: root mean square of the luma's waves of A to B pixels.
    """

    brightness: float
    contrast: float
    saturation: float
    band_2_4: float
    band_4_8: float
    band_8_16: float
    band_16_32: float


NAMES = tuple(entry.name for entry in fields(FrameLook))


def look(picture: Tensor) -> FrameLook:
    """Measure a picture (1, 3, H, W) in [0, 1]."""
    grey = luma(picture)
    saturation = (picture - grey).square().sum(dim=1).mean().sqrt()
    return FrameLook(float(grey.mean()), float(grey.std()), float(saturation), *band_energies(grey))


def band_energies(grey: Tensor) -> tuple[float, ...]:
    """Root mean square of each octave of wavelengths, from fine to coarse. grey (1, 1, H, W).

    By the Fourier transform of the mirrored picture, which has no jump at its edges: bands are disjoint and their
    squares add up. Diagonal waves shorter than 2 pixels count to the finest band.
    """
    mirrored = torch.cat([grey, grey.flip(2)], dim=2)
    mirrored = torch.cat([mirrored, mirrored.flip(3)], dim=3)
    height, width = mirrored.shape[-2:]
    power = torch.fft.rfft2(mirrored, norm="forward").abs().square()[0, 0]
    power[:, 1 : (width + 1) // 2] *= 2  # waves whose mirror image rfft2 leaves out
    rows, columns = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None, :]
    frequency = torch.sqrt(rows**2 + columns**2).to(power.device)
    limits = [1.0, *(1 / wavelength for wavelength in WAVELENGTHS[1:])]
    return tuple(float(power[(frequency > low) & (frequency <= high)].sum().sqrt()) for high, low in pairwise(limits))


def clipped_share(pixels: Tensor) -> float:
    """Share of the pixels of which any channel is at most 1 or at least 254. pixels (3, H, W) uint8."""
    return float(((pixels <= 1) | (pixels >= 254)).any(dim=0).float().mean())


def window(count: int, shares: tuple[float, float]) -> range:
    """The frames of a run of `count` that lie between two shares of it; at least one."""
    start = min(round(shares[0] * count), count - 1)
    return range(start, max(start + 1, round(shares[1] * count)))


def mean_look(looks: Sequence[FrameLook], shares: tuple[float, float]) -> FrameLook:
    """The mean of each number over a part of a run."""
    chosen = [astuple(looks[index]) for index in window(len(looks), shares)]
    return FrameLook(*(sum(column) / len(column) for column in zip(*chosen, strict=True)))


def drift(early: FrameLook, late: FrameLook) -> dict[str, float]:
    """By what share each number has changed from early to late."""
    return {name: getattr(late, name) / max(getattr(early, name), 1e-9) - 1 for name in NAMES}
