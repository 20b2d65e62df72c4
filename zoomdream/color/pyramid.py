"""Pictures at several scales."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from zoomdream.machine.devices import constant
from zoomdream.machine.opencv import find_opencv

_BLENDED = 5  # bands, the coarsest of waves of some 64 pixels; what is left is blended over as much

SMALLEST_HALF = 90
"""Pixels of the shorter edge of what is still halved."""


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


def halved(image: Tensor) -> Tensor:
    """Half as high and wide; (1, C, H, W) as it is where that is too small for anything to be found in it."""
    height, width = image.shape[-2] // 2, image.shape[-1] // 2
    return image if min(height, width) < SMALLEST_HALF else resize(image, (height, width))


def detail(image: Tensor) -> Tensor:
    """What a blur by [1 2 1]/4 takes from a picture (1, C, H, W): its finest waves. Edges repeat."""
    opencv = _opencv_for(image)
    if opencv is not None:
        edges = {"borderType": opencv.BORDER_REPLICATE}
        return image - _by_planes(image, lambda plane, out: opencv.GaussianBlur(plane, (3, 3), 0, out, **edges))
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
        low = _halved(current)
        levels.append(current - _doubled(low, current))
        current = low
    return [*levels, current]


def merge(levels: Sequence[Tensor], factors: Tensor | None = None) -> Tensor:
    """The picture whose bands these are, each times its factor if there are `factors`, (number of levels,)."""
    current = levels[-1] if factors is None else factors[-1] * levels[-1]
    for place in reversed(range(len(levels) - 1)):
        enlarged = _doubled(current, levels[place])
        current = enlarged + levels[place] if factors is None else enlarged.addcmul_(levels[place], factors[place])
    return current


def blend(first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    """`second` where `share` (1, 1, H, W) is 1, `first` where it is 0, (1, C, H, W). In between each band goes over
    within its own wavelength (Burt and Adelson 1983, "A multiresolution spline"): no seam shows, nor anything double.
    """
    mixed = []
    for before, after in zip(bands(first, _BLENDED), bands(second, _BLENDED), strict=True):
        share = share if share.shape[-2:] == before.shape[-2:] else _halved(share)
        mixed.append(torch.lerp(before, after, share))
    return merge(mixed)


def root_mean_square(part: Tensor) -> Tensor:
    """Of all values together, 0-dim."""
    length: Tensor = torch.linalg.vector_norm(part)
    return length / math.sqrt(part.numel())


def _halved(image: Tensor) -> Tensor:
    """Every second pixel of a 5x5 binomial low-pass [1 4 6 4 1]/16, (1, C, H, W). Edges repeat."""
    channels, height, width = image.shape[1:]
    opencv = _opencv_for(image)
    if opencv is not None:
        edges = {"borderType": opencv.BORDER_REPLICATE}
        return _by_planes(
            image, lambda plane, out: opencv.pyrDown(plane, out, **edges), ((height + 1) // 2, (width + 1) // 2)
        )
    row = constant((1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16), image.dtype, image.device)
    kernel = (row[:, None] * row).expand(channels, 1, 5, 5)
    return F.conv2d(F.pad(image, (2, 2, 2, 2), mode="replicate"), kernel, stride=2, groups=channels)


def _doubled(low: Tensor, like: Tensor) -> Tensor:
    """`low` enlarged to the size of `like`, twice its own or one less, by linear interpolation."""
    height, width = like.shape[-2:]
    opencv = _opencv_for(low)
    if opencv is not None:
        return _by_planes(low, lambda plane, out: opencv.resize(plane, (width, height), out), (height, width))
    return F.interpolate(low, size=(height, width), mode="bilinear", align_corners=False)


def _opencv_for(image: Tensor) -> ModuleType | None:
    """OpenCV where it can do the work, in a fraction of PyTorch's time: 0.08 ms to halve a picture of 480x270 and 0.09
    to double it again, instead of 0.4 and 0.8 (one thread). None elsewhere. What both give differs by 2e-7.
    """
    if image.device.type != "cpu" or image.dtype != torch.float32 or image.shape[0] != 1 or image.requires_grad:
        return None
    return find_opencv()


def _by_planes(image: Tensor, function: Callable[[Any, Any], object], size: tuple[int, int] | None = None) -> Tensor:
    """(1, C, *size): what `function` makes of each channel of (1, C, H, W), as arrays that it reads and writes."""
    result = image.new_empty((*image.shape[:2], *(image.shape[2:] if size is None else size)))
    for plane, out in zip(image.contiguous()[0].numpy(), result[0].numpy(), strict=True):
        function(plane, out)
    return result


def fill(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Scale to cover `size` (height, width), cutting off equally what sticks out; the aspect ratio stays. In [0, 1].

    What sticks out is cut off before, to within a pixel: a picture of 60000x16 must not become one of 2000000x540.
    """
    height, width = image.shape[-2:]
    scale = max(size[0] / height, size[1] / width)
    kept = (min(height, math.ceil(size[0] / scale)), min(width, math.ceil(size[1] / scale)))
    top, left = (height - kept[0]) // 2, (width - kept[1]) // 2
    return resize(image[..., top : top + kept[0], left : left + kept[1]], size).clamp(0, 1)
