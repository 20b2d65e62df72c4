"""Pictures at several scales."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def octave_sizes(size: tuple[int, int], octaves: int, scale: float, smallest: int = 1) -> tuple[tuple[int, int], ...]:
    """(height, width) of each octave, the smallest first, `size` itself last.

    Octaves whose shorter edge is under `smallest` pixels are left out; the full size always stays.
    """
    height, width = size
    sizes = [(round(height / scale**octave), round(width / scale**octave)) for octave in reversed(range(octaves))]
    return (*(edges for edges in sizes[:-1] if min(edges) >= smallest), size)


def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Bicubic, antialiased when it shrinks. (1, C, H, W) to (1, C, *size)."""
    if tuple(image.shape[-2:]) == size:
        return image
    return F.interpolate(image, size=size, mode="bicubic", antialias=True, align_corners=False)


def _binomial(image: Tensor) -> Tensor:
    row = torch.tensor((1.0, 4.0, 6.0, 4.0, 1.0)) / 16
    return (row[:, None] * row).to(image).expand(image.shape[1], 1, 5, 5)


def blur(image: Tensor, stride: int = 1) -> Tensor:
    """5x5 binomial low-pass [1 4 6 4 1]/16, every `stride`-th pixel. Edges repeat."""
    return F.conv2d(
        F.pad(image, (2, 2, 2, 2), mode="replicate"), _binomial(image), stride=stride, groups=image.shape[1]
    )


def detail(image: Tensor) -> Tensor:
    """What a blur by [1 2 1]/4 takes from a picture (1, C, H, W): its finest waves. Edges repeat."""
    wide = F.pad(image, (1, 1, 1, 1), mode="replicate")
    rows = (wide[..., :-2, :] + wide[..., 2:, :]) / 4 + wide[..., 1:-1, :] / 2
    return image - (rows[..., :-2] + rows[..., 2:]) / 4 - rows[..., 1:-1] / 2


def bands(image: Tensor, count: int) -> list[Tensor]:
    """Laplacian pyramid (Burt and Adelson 1983): `count` bands from fine to coarse, each half the size, then the
    rest.

    Ends early when a level is under 4 pixels. `merge(bands(x, n))` is x.
    """
    levels: list[Tensor] = []
    current = image
    for _ in range(count):
        if min(current.shape[-2:]) < 4:
            break
        low = blur(current, stride=2)
        levels.append(current - _double(low, current))
        current = low
    return [*levels, current]


def merge(levels: list[Tensor]) -> Tensor:
    """The picture whose bands these are."""
    current = levels[-1]
    for level in reversed(levels[:-1]):
        current = level + _double(current, level)
    return current


def _double(low: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(low, size=tuple(like.shape[-2:]), mode="bilinear", align_corners=False)


def fill(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Scale to cover `size` (height, width), cutting off equally what sticks out; the aspect ratio stays. In [0, 1].

    What sticks out is cut off before, to within a pixel: a picture of 60000x16 must not become one of 2000000x540.
    """
    height, width = image.shape[-2:]
    scale = max(size[0] / height, size[1] / width)
    kept = (min(height, math.ceil(size[0] / scale)), min(width, math.ceil(size[1] / scale)))
    top, left = (height - kept[0]) // 2, (width - kept[1]) // 2
    return resize(image[..., top : top + kept[0], left : left + kept[1]], size).clamp(0, 1)
