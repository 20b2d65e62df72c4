"""Pictures at several scales."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from zoomdream.ops.constant import constant


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
        low = _halved(current)
        levels.append(current - _doubled(low, current))
        current = low
    return [*levels, current]


def merge(levels: Sequence[Tensor], factors: Sequence[Tensor] | None = None) -> Tensor:
    """The picture whose bands these are, each times its factor (0-dim) if there are `factors`."""
    current = levels[-1] if factors is None else factors[-1] * levels[-1]
    for place in reversed(range(len(levels) - 1)):
        enlarged = _doubled(current, levels[place])
        current = enlarged + levels[place] if factors is None else enlarged.addcmul_(levels[place], factors[place])
    return current


def root_mean_square(part: Tensor) -> Tensor:
    """Of all values together, 0-dim."""
    length: Tensor = torch.linalg.vector_norm(part)
    return length / math.sqrt(part.numel())


def _halved(image: Tensor) -> Tensor:
    """Every second pixel of a 5x5 binomial low-pass [1 4 6 4 1]/16, (1, C, H, W). Edges repeat."""
    channels, height, width = image.shape[1:]
    padded = F.pad(image, (2, 2, 2, 2), mode="replicate")
    if not _by_slices(image):
        row = constant((1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16), image.dtype, image.device)
        kernel = (row[:, None] * row).expand(channels, 1, 5, 5)
        return F.conv2d(padded, kernel, stride=2, groups=channels)
    # A convolution of three channels, each by itself, leaves most of a CPU's lanes empty: 2.4 ms at 640x360, this 0.5.
    down = _weighted(padded[:, :, 0::2], padded[:, :, 1::2], 2, (height + 1) // 2)
    return _weighted(down[..., 0::2].contiguous(), down[..., 1::2].contiguous(), 3, (width + 1) // 2) / 256


def _by_slices(image: Tensor) -> bool:
    """Whether many quick steps on whole slices take less time than PyTorch's single one."""
    return image.device.type == "cpu" and image.numel() > 20_000


def _weighted(even: Tensor, odd: Tensor, axis: int, length: int) -> Tensor:
    """[1 4 6 4 1] around every second of the lines that are parted into even and odd ones."""
    near, far = odd.narrow(axis, 0, length), even.narrow(axis, 0, length)
    total = far + even.narrow(axis, 2, length)
    total = total.add_(even.narrow(axis, 1, length), alpha=6).add_(near, alpha=4)
    return total.add_(odd.narrow(axis, 1, length), alpha=4)


def _doubled(low: Tensor, like: Tensor) -> Tensor:
    """`low` enlarged to the size of `like`, twice its own or one less, by linear interpolation."""
    height, width = like.shape[-2:]
    if not _by_slices(like) or low.requires_grad:
        return F.interpolate(low, size=(height, width), mode="bilinear", align_corners=False)
    # 1.8 ms at 640x360 by F.interpolate, this 0.3
    padded = F.pad(low, (1, 1, 1, 1), mode="replicate")
    return _stretched(_stretched(padded, 3, width), 2, height)


def _stretched(padded: Tensor, axis: int, length: int) -> Tensor:
    """An axis that has one line more at each end, drawn out to `length` lines."""
    shape = list(padded.shape)
    shape[axis] = length
    result = padded.new_empty(shape)
    for begin, first, count, share in _blends(padded.shape[axis] - 2, length):
        place = [slice(None)] * axis + [slice(begin, begin + 2 * count, 2)]
        weight = share if isinstance(share, float) else share.to(padded.dtype).view([-1] + [1] * (3 - axis))
        before, after = padded.narrow(axis, first, count), padded.narrow(axis, first + 1, count)
        torch.lerp(before, after, weight, out=result[tuple(place)])
    return result


@lru_cache(maxsize=256)
def _blends(count: int, length: int) -> tuple[tuple[int, int, int, Tensor | float], ...]:
    """How `count` lines with one more at each end are drawn out to `length`: first line of the result, first line of
    what it is a blend of with the next, how often so on with every second line of the result and every next of the
    other, and the share of the next: one for all or one for each.
    """
    # The places of even and of odd lines are about one apart, so that few blends of whole slices make all of them.
    place = (torch.arange(length, dtype=torch.float64) + 0.5) * (count / length) + 0.5
    line = place.floor()
    share = (place - line).float()
    found = []
    for parity in (0, 1):
        lines = [int(number) for number in line[parity::2]]
        jumps = [number for number in range(1, len(lines)) if lines[number] != lines[number - 1] + 1]
        for start, end in pairwise([0, *jumps, len(lines)]):
            part = share[parity::2][start:end].contiguous()
            alike = bool((part == part[0]).all())
            found.append((parity + 2 * start, lines[start], end - start, float(part[0]) if alike else part))
    return tuple(found)


def fill(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Scale to cover `size` (height, width), cutting off equally what sticks out; the aspect ratio stays. In [0, 1].

    What sticks out is cut off before, to within a pixel: a picture of 60000x16 must not become one of 2000000x540.
    """
    height, width = image.shape[-2:]
    scale = max(size[0] / height, size[1] / width)
    kept = (min(height, math.ceil(size[0] / scale)), min(width, math.ceil(size[1] / scale)))
    top, left = (height - kept[0]) // 2, (width - kept[1]) // 2
    return resize(image[..., top : top + kept[0], left : left + kept[1]], size).clamp(0, 1)
