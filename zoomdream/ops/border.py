"""What comes in over the edge when the camera moves past it."""

from __future__ import annotations

import torch
from torch import Tensor

from zoomdream.ops.noise import natural_noise


def fill_with_noise(moved: Tensor, revealed: Tensor, random: torch.Generator, contrast: float = 0.15) -> Tensor:
    """Replace what was revealed by noise with the statistics of photographs around the picture's own colour, for the
    dream to climb on.

    moved (1, 3, H, W); revealed (1, 1, H, W) in 0..1 as `camera.outside` gives it. Nothing is drawn where nothing
    was revealed.
    """
    if not revealed.any():
        return moved
    height, width = moved.shape[-2:]
    fresh = natural_noise((height, width), random).to(moved) * contrast + moved.mean(dim=(2, 3), keepdim=True)
    return torch.lerp(moved, fresh, revealed)
