"""Pictures that say which they are: four patches of known colours above, and a number in black and white bars below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

Frames = np.ndarray[tuple[int, ...], np.dtype[Any]]
"""(N, height, width, 3 or 4), 8 bit, RGB or RGB and alpha."""

SIZE = (96, 128)
COLORS = ((200, 40, 40), (40, 180, 60), (50, 60, 200), (130, 130, 130))
ALPHAS = (255, 255, 128, 0)
"""Of the patches, in transparent pictures; the bars are opaque."""

_BITS = 8


def frames(count: int, size: tuple[int, int] = SIZE, first: int = 0) -> Frames:
    """`count` opaque pictures with the numbers from `first` on, up to 255."""
    return numbered(range(first, first + count), size)


def numbered(numbers: Sequence[int], size: tuple[int, int] = SIZE) -> Frames:
    """Opaque pictures with these numbers, up to 255."""
    height, width = size
    pictures = np.empty((len(numbers), height, width, 3), np.uint8)
    patches = np.array(COLORS, np.uint8)[np.arange(width) * len(COLORS) // width]
    places = np.arange(width) * _BITS // width
    for number, picture in zip(numbers, pictures, strict=True):
        picture[:] = patches
        picture[height // 2 :] = (16 + (number >> places & 1) * 220)[None, :, None]
    return pictures


def transparent(pictures: Frames, alphas: tuple[int, ...] = ALPHAS) -> Frames:
    """Opaque pictures with the alpha of their patches."""
    _, height, width, _ = pictures.shape
    alpha = np.full((*pictures.shape[:3], 1), 255, np.uint8)
    alpha[:, : height // 2, :, 0] = np.array(alphas, np.uint8)[np.arange(width) * len(alphas) // width]
    return np.concatenate([pictures, alpha], -1)


def fields(first: Frames, second: Frames, *, even_first: bool) -> Frames:
    """Interlaced pictures: the rows of one parity from `first`, which are shown first, the others from `second`."""
    woven = first.copy()
    woven[:, 1 if even_first else 0 :: 2] = second[:, 1 if even_first else 0 :: 2]
    return woven


def number_of(picture: Tensor) -> int:
    """The number that (1, 3, H, W) shows, -1 where a bar is neither black nor white in all of its rows."""
    height, width = picture.shape[-2:]
    rows = picture[0].mean(0)[height * 5 // 8 : height * 15 // 16]
    middles = [int((place + 0.5) * width / _BITS) for place in range(_BITS)]
    bars = torch.stack([rows[:, column - 1 : column + 2].mean(1) for column in middles])
    light = bars > 0.5
    if (light != light[:, :1]).any():
        return -1
    return sum(1 << place for place in range(_BITS) if light[place, 0])


def patches_of(picture: Tensor) -> Tensor:
    """(4, C) in units of 8 bits: the means of the middles of the patches of (1, C, H, W)."""
    height, width = picture.shape[-2:]
    step, rows = width / len(COLORS), picture[0, :, height // 8 : height * 3 // 8]
    middles = [(int((place + 0.375) * step), int((place + 0.625) * step)) for place in range(len(COLORS))]
    return torch.stack([rows[:, :, left:right].mean((1, 2)) for left, right in middles]) * 255
