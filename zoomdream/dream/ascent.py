"""Gradient ascent: a few steps on one octave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from zoomdream.dream.gradient import input_gradient, unchanged
from zoomdream.dream.regularizers import transform
from zoomdream.dream.tiles import TiledObjective

AnyObjective = Callable[[Tensor], Tensor] | TiledObjective
"""A picture (1, 3, H, W) in, the 0-dim objective out; or what knows its gradient tile by tile."""


def objective_gradient(
    image: Tensor,
    objective: AnyObjective,
    shifts: tuple[float, float] = (0.0, 0.0),
    then: Callable[[Tensor], Tensor] = unchanged,
) -> Tensor:
    """The gradient of the objective in the picture, (1, 3, H, W), and what `then` makes of it. Only the picture gets
    one; parameters never do.

    shifts: of where tiles meet, see `tiles.spans`.
    """
    if isinstance(objective, TiledObjective):
        return objective.gradient(image, shifts, then)
    return input_gradient(image, objective, then)


@dataclass(frozen=True, slots=True)
class View:
    """How the network sees the picture in one step.

    offset: how far (x, y) it is rolled before, so that the grid of the network's strides leaves no print (jitter,
    Mordvintsev 2015). turned: by how many degrees it is turned and by which factor it is scaled, None for neither.
    shifts: of where tiles meet, x and y, -1 to 1, so that they leave no print either. wrap: pixels of its opposite side
    around the picture.
    """

    offset: tuple[int, int] = (0, 0)
    turned: tuple[float, float] | None = None
    shifts: tuple[float, float] = (0.0, 0.0)
    wrap: int = 0

    def gradient(self, image: Tensor, objective: AnyObjective, normalized: Callable[[Tensor], Tensor]) -> Tensor:
        """The gradient in the picture (1, 3, H, W) as it lies, `normalized` on the way."""
        x, y = self.offset
        rolled = torch.roll(image, shifts=(y, x), dims=(2, 3))
        if self.wrap:
            rolled = F.pad(rolled, (self.wrap,) * 4, mode="circular")
        if self.turned is None:
            found = objective_gradient(rolled, objective, self.shifts, normalized)
        elif isinstance(objective, TiledObjective):
            with torch.enable_grad():
                leaf = rolled.detach().requires_grad_()
                viewed = transform(leaf, *self.turned)
                (found,) = torch.autograd.grad(viewed, leaf, objective.gradient(viewed.detach(), self.shifts))
            found = normalized(found)
        else:
            turned, of_turned = self.turned, objective
            found = input_gradient(rolled, lambda picture: of_turned(transform(picture, *turned)), normalized)
        if self.wrap:
            found = found[..., self.wrap : -self.wrap, self.wrap : -self.wrap]
        return torch.roll(found, shifts=(-y, -x), dims=(2, 3))


def ascend(
    image: Tensor,
    objective: AnyObjective,
    *,
    steps: int,
    step_size: float,
    views: Callable[[int], View],
    normalized: Callable[[Tensor], Tensor],
    regularized: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """`steps` times uphill. image (1, 3, H, W); returns a new one, not clamped.

    `normalized` brings a gradient to mean magnitude 1, so that each step changes the picture by `step_size` on
    average (1 is the full range of a pixel). `regularized`, where given, follows each step.
    """
    for step in range(steps):
        image = torch.add(image, views(step).gradient(image, objective, normalized), alpha=step_size)
        if regularized is not None:
            image = regularized(image)
    return image
