"""The first convolution, 7x7 with stride 2 on three channels, with a gradient that is quick to compute.

Libraries compute the gradient in the picture with three channels in lanes made for sixteen: for BVLC GoogLeNet's 64
filters at 640x360, one thread, it took 28 of the 33 ms of this layer in float32, 14 of 18 in bfloat16, and the layer a
sixth of a whole gradient step to mixed4c.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def strided_convolution(picture: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`conv2d(picture, weight, bias, stride=2, padding=3)` for a weight (C, 3, 7, 7).

    picture (N, 3, H, W). Where the weight needs no gradient itself, that in the picture is written out: every second
    pixel of a row (and column) sees a fixed set of 4x4 places of the output, so the gradient is one 4x4 convolution to
    12 channels (three colours at four places), and a shuffle of these to their places. Equal within rounding.
    """
    if weight.requires_grad or not picture.requires_grad:
        return F.conv2d(picture, weight, bias, 2, 3)
    result: Tensor = _Step.apply(picture, weight, bias)
    return result


def backward_weight(weight: Tensor) -> Tensor:
    """(12, C, 4, 4): what a place of the output, from one before to two after, gives to each colour of the four pixels.

    With y[o] = sum over k of w[k] x[2o - 3 + k], pixel i = 2m + p takes part in y[m + j] with w[p + 3 - 2j] for j from
    -1 to 2.
    """
    outputs, colours = weight.shape[:2]
    even = F.pad(weight, (1, 0, 1, 0)).view(outputs, colours, 4, 2, 4, 2).flip(2, 4)
    return (
        even.permute(1, 3, 5, 0, 2, 4).reshape(4 * colours, outputs, 4, 4).contiguous(memory_format=torch.channels_last)
    )


class _Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, picture: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.size, ctx.dtype = picture.shape[-2:], picture.dtype
        return F.conv2d(picture, weight, bias, 2, 3)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (weight,) = ctx.saved_tensors
        height, width = ctx.size
        weight = backward_weight(weight.to(gradient.dtype))  # under autocast it comes in another one
        found = F.pixel_shuffle(F.conv2d(F.pad(gradient, (1, 2, 1, 2)), weight), 2)
        return found[:, :, :height, :width].to(ctx.dtype), None, None
