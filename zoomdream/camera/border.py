"""What comes in over the edge when the camera moves past it."""

from __future__ import annotations

import torch
from torch import Tensor

from zoomdream.machine.devices import to_device
from zoomdream.randomness import natural_noise


def fill_with_noise(moved: Tensor, revealed: Tensor, random: torch.Generator, contrast: float = 0.15) -> Tensor:
    """Replace what was revealed by noise with the statistics of photographs around the picture's own colour, for the
    dream to climb on.

    moved (1, 3, H, W); revealed (1, 1, H, W) in 0..1 as `camera.outside` gives it. Nothing is drawn where nothing
    was revealed.
    """
    if not revealed.any():
        return moved
    height, width = moved.shape[-2:]
    fresh = to_device(natural_noise((height, width), random), moved.device)
    fresh = fresh.to(moved) * contrast + moved.mean(dim=(2, 3), keepdim=True)
    return torch.lerp(moved, fresh, revealed)


def surround(picture: Tensor, margin: tuple[int, int]) -> Tensor:
    """The picture with `margin` (rows, columns) of its mirror image on every side, however wide that is.

    (1, C, H, W) to (1, C, H + 2 rows, W + 2 columns).
    """
    for axis, extra in zip((2, 3), margin, strict=True):
        length = picture.shape[axis]
        index = torch.remainder(torch.arange(-extra, length + extra, device=picture.device), 2 * length)
        picture = picture.index_select(axis, torch.where(index < length, index, 2 * length - 1 - index))
    return picture
