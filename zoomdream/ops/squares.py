"""Half the squares of an activation, summed up by channel: what DeepDream's objective consists of."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def half_squares(activation: Tensor) -> Tensor:
    """Half the sum of the squares of each channel, (1, C, h, w) to (C,) float32. Differentiable once.

    Its gradient is the activation itself, each channel times what comes back to it. Autograd widens, squares and
    halves it again for that: with the power mean 0.6 ms instead of 0.2 for dreamnet's mixed4c at 480x270.
    """
    return cast(Tensor, _HalfSquares.apply(activation))


class _HalfSquares(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, activation: Tensor) -> Tensor:
        ctx.save_for_backward(activation)
        wide = activation.float()
        return torch.mul(wide, wide).sum(dim=(0, 2, 3)).mul_(0.5)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (activation,) = ctx.saved_tensors
        scale = gradient.view(1, -1, 1, 1)
        if activation.dtype == torch.float16:  # which has no numbers for the scale of a quiet channel
            found = (activation.float() * scale).to(activation.dtype)
        else:
            found = activation * scale.to(activation.dtype)
        return cast(Tensor, found)
