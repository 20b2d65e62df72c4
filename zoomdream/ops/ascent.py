"""Climbing: a few gradient steps on one octave."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Climbed = Callable[[Tensor], Tensor]  # a picture (1, 3, H, W) in, the 0-dim objective out


def gradient_at(image: Tensor, climbed: Climbed) -> Tensor:
    """The gradient of the objective in the picture, (1, 3, H, W). Only the picture gets one; parameters never do."""
    with torch.enable_grad():
        leaf = image.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(climbed(leaf), leaf)
    return gradient


def ascend(
    image: Tensor,
    climbed: Climbed,
    *,
    steps: int,
    step_size: float,
    offsets: Callable[[int], tuple[int, int]],
    normalized: Callable[[Tensor], Tensor],
) -> Tensor:
    """`steps` times uphill. image (1, 3, H, W); returns a new one, not clamped.

    `normalized` brings a gradient to mean magnitude 1, so that each step changes the picture by `step_size` on
    average (1 is the full range of a pixel).

    `offsets(step)` is how far (x, y) the picture is rolled before the network sees it, so that the grid of its
    strides leaves no print (jitter, Mordvintsev 2015).
    """
    for step in range(steps):
        x, y = offsets(step)
        rolled = torch.roll(image, shifts=(y, x), dims=(2, 3))
        gradient = normalized(gradient_at(rolled, climbed))
        image = image + step_size * torch.roll(gradient, shifts=(-y, -x), dims=(2, 3))
    return image
