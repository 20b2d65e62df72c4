"""Climbing: a few gradient steps on one octave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from zoomdream.dream.gradient import as_it_is, slope
from zoomdream.dream.tiles import Tiled

Climbed = Callable[[Tensor], Tensor] | Tiled
"""A picture (1, 3, H, W) in, the 0-dim objective out; or what knows its gradient tile by tile."""


def gradient_at(
    image: Tensor,
    climbed: Climbed,
    shifts: tuple[float, float] = (0.0, 0.0),
    then: Callable[[Tensor], Tensor] = as_it_is,
) -> Tensor:
    """The gradient of the objective in the picture, (1, 3, H, W), and what `then` makes of it. Only the picture gets
    one; parameters never do.

    shifts: of where tiles meet, see `tile.spans`.
    """
    if isinstance(climbed, Tiled):
        return climbed.gradient(image, shifts, then)
    return slope(image, climbed, then)


@dataclass(frozen=True, slots=True)
class Sight:
    """How the network sees the picture in one step.

    offset: how far (x, y) it is rolled before, so that the grid of the network's strides leaves no print (jitter,
    Mordvintsev 2015). view: what else happens to it on the way, differentiable; None: nothing. shifts: of where tiles
    meet, x and y, -1 to 1, so that they leave none either.
    """

    offset: tuple[int, int] = (0, 0)
    view: Callable[[Tensor], Tensor] | None = None
    shifts: tuple[float, float] = (0.0, 0.0)

    def gradient(self, image: Tensor, climbed: Climbed, normalized: Callable[[Tensor], Tensor]) -> Tensor:
        """The gradient in the picture (1, 3, H, W) as it lies, `normalized` on the way."""
        x, y = self.offset
        view = self.view
        rolled = torch.roll(image, shifts=(y, x), dims=(2, 3))
        if view is None:
            found = gradient_at(rolled, climbed, self.shifts, normalized)
        elif isinstance(climbed, Tiled):
            with torch.enable_grad():
                leaf = rolled.detach().requires_grad_()
                viewed = view(leaf)
                (found,) = torch.autograd.grad(viewed, leaf, climbed.gradient(viewed.detach(), self.shifts))
            found = normalized(found)
        else:
            found = gradient_at(rolled, lambda picture: climbed(view(picture)), then=normalized)
        return torch.roll(found, shifts=(-y, -x), dims=(2, 3))


def ascend(
    image: Tensor,
    climbed: Climbed,
    *,
    steps: int,
    step_size: float,
    sights: Callable[[int], Sight],
    normalized: Callable[[Tensor], Tensor],
    settled: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """`steps` times uphill. image (1, 3, H, W); returns a new one, not clamped.

    `normalized` brings a gradient to mean magnitude 1, so that each step changes the picture by `step_size` on
    average (1 is the full range of a pixel). `settled`, where given, is what becomes of the picture after each step.
    """
    for step in range(steps):
        image = torch.add(image, sights(step).gradient(image, climbed, normalized), alpha=step_size)
        if settled is not None:
            image = settled(image)
    return image
