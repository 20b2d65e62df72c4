"""Pictures that move in a known way."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SIZE = (64, 96)


def texture(seed: int, size: tuple[int, int] = SIZE) -> Tensor:
    """Smooth enough to be moved, rich enough to be tracked."""
    noise = torch.rand((1, 3, *size), generator=torch.Generator().manual_seed(seed))
    smooth = F.avg_pool2d(F.pad(noise, (4, 4, 4, 4), mode="reflect"), 5, 1)
    smooth = F.avg_pool2d(smooth, 5, 1)
    return (smooth - smooth.mean()) * 3 + 0.5


def panned(frames: int, right: int, down: int, seed: int = 1) -> list[Tensor]:
    """What is in the picture moves right and down by whole pixels per frame; new things come in over the border."""
    height, width = SIZE
    reach = 8 * frames
    wide = texture(seed, (height + reach, width + reach))
    return [
        wide[..., reach // 2 - index * down :, reach // 2 - index * right :][..., :height, :width]
        for index in range(frames)
    ]
