"""All randomness of a render: pure functions of numbers, drawn on the CPU so that every device agrees."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

# Deviations of independent opponent axes of natural pictures and the RGB direction of each: luminance, red to
# cyan-blue, green to magenta (the square root of the colour covariance that Olah et al. publish for ImageNet, rows
# orthogonalised by its own eigenvectors).
_COLOR_AXES = ((0.26, 0.26, 0.26), (0.09, 0.0, -0.09), (0.02, -0.05, 0.03))


FRAME_EDGE = 360
"""Pixels of the shorter edge of frames whose noise is `white_noise` and `natural_noise` as they are; on larger and
smaller ones it is the same, see `noise_at_scale`."""
_MOST_PIXELS = 2**21  # that are drawn for a frame which is much longer than it is high


def frame_scale(size: tuple[int, int]) -> float:
    """How many times as large a frame of `size` (height, width) is as those that noise is drawn for."""
    return max(min(size) / FRAME_EDGE, math.sqrt(math.prod(size) / _MOST_PIXELS))


def generator(seed: int, *place: int | str) -> torch.Generator:
    """A CPU generator that depends on `seed` and `place` (purpose, frame, octave, step) and on nothing else.

    The numbers are hashed, because generators seeded with neighbouring numbers give correlated first draws.
    """
    text = ":".join(str(part) for part in (seed, *place))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)


def jitter_offset(reach: int, random: torch.Generator) -> tuple[int, int]:
    """(x, y) shift in whole pixels, each uniform in [-reach, reach]."""
    x, y = torch.randint(-reach, reach + 1, (2,), generator=random).tolist()
    return int(x), int(y)


def white_noise(size: tuple[int, int], random: torch.Generator) -> Tensor:
    """(1, 3, height, width), mean 0, deviation 1, every pixel and channel independent."""
    return torch.randn((1, 3, *size), generator=random)


def natural_noise(size: tuple[int, int], random: torch.Generator) -> Tensor:
    """Noise with the second-order statistics of photographs: amplitude 1/f, correlated colours (Field 1987; Olah et
    al. 2017).

    (1, 3, height, width), mean 0, deviation of all values together 1.
    """
    height, width = size
    rows = torch.fft.fftfreq(height)[:, None]
    columns = torch.fft.rfftfreq(width)[None, :]
    frequency = torch.sqrt(rows**2 + columns**2).clamp_min(1 / max(height, width))
    white = torch.randn((3, height, width), generator=random)
    shaped = torch.fft.irfft2(torch.fft.rfft2(white) / frequency, s=(height, width))
    shaped = shaped - shaped.mean(dim=(1, 2), keepdim=True)
    shaped = shaped / shaped.std(dim=(1, 2), keepdim=True).clamp_min(1e-8)
    colored = torch.einsum("ak,ahw->khw", torch.tensor(_COLOR_AXES), shaped)[None]
    return colored / colored.std().clamp_min(1e-8)


def noise_at_scale(
    noise: Callable[[tuple[int, int], torch.Generator], Tensor],
    size: tuple[int, int],
    scale: float,
    random: torch.Generator,
) -> Tensor:
    """`noise` of `size` on frames that are `scale` times as large as those it is drawn for: of the same look relative
    to the frame, with more detail on larger ones. (1, 3, *size); `noise` itself where `scale` is 1.

    Each doubling of the size adds as much energy as the finest octave of `noise` has, which is what photographs do.
    """
    found = noise((max(1, round(size[0] / scale)), max(1, round(size[1] / scale))), random)
    if scale <= 1:
        return found if tuple(found.shape[-2:]) == size else _resize(found, size, antialias=True)
    (height, width), energy = found.shape[-2:], _finest(found).std()
    doublings = math.ceil(round(math.log2(scale), 6))
    for doubling in range(1, doublings + 1):
        share = min(1.0, math.log2(scale) - doubling + 1)  # of the last one
        larger = size if doubling == doublings else (height * 2**doubling, width * 2**doubling)
        detail = _finest(noise(larger, random))
        found = _resize(found, larger).add_(detail, alpha=float(energy / detail.std()) * math.sqrt(share))
    return found


def _finest(picture: Tensor) -> Tensor:
    """The finest waves of a picture, about an octave."""
    return picture - F.avg_pool2d(picture, 3, stride=1, padding=1, count_include_pad=False)


def _resize(picture: Tensor, size: tuple[int, int], antialias: bool = False) -> Tensor:
    return F.interpolate(picture, size=size, mode="bicubic", antialias=antialias, align_corners=False)


def wandering(count: int, time: float, random: torch.Generator, period: float | None = None) -> Tensor:
    """`count` independent smooth random walks around 0 at `time`, deviation 1, correlated over about one unit of
    time. period: after which they are where they were; over short ones some of them stand still.

    Each is a sum of three sines of incommensurable frequencies and random phases: it can be evaluated at any time
    without the ones before, which is what makes resume exact.
    """
    phases = torch.rand((count, 3), generator=random, dtype=torch.float64)
    speeds = torch.tensor((0.21, 0.37, 0.59), dtype=torch.float64) * (
        0.75 + 0.5 * torch.rand((count, 3), generator=random, dtype=torch.float64)
    )
    if period is not None:
        speeds = torch.round(speeds * period) / period
    waves = torch.sin(2 * math.pi * (phases + speeds * time))
    return (waves.sum(dim=1) * math.sqrt(2 / 3)).float()
