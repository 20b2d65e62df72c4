"""Divisive normalisation: every channel over the root of a weighted sum of all channels' squares."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from zoomdream.autodiff.graph import PACKED, VJP, Fused, Graph
from zoomdream.autodiff.operations.convolution import mix
from zoomdream.autodiff.prepack import PackedWeight
from zoomdream.machine.devices import constant


class DivisiveNorm(nn.Module):
    """x / sqrt(1 + weighted sum of the channels' squares): a learned form of local response norm.

    A 1x1 convolution instead of a window over channels, and a square root instead of the power 0.75: both are quick.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels, channels, 1, 1), 0.5 / channels))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(1 + F.conv2d(x * x, self.weight))


@dataclass(frozen=True, slots=True)
class Division:
    """What a module gives."""

    module: DivisiveNorm

    def __call__(self, x: Tensor) -> tuple[Tensor, VJP]:
        one = constant((1.0,) * x.shape[1], x.dtype, x.device)
        return divide(x, self.module.weight, one, getattr(self.module, PACKED, None))


def match(graph: Graph, node: fx.Node) -> Fused | None:
    """`DivisiveNorm`."""
    module = graph.module(node, DivisiveNorm)
    return Fused((node.all_input_nodes[0],), (Division(module),)) if module and graph.grid(node) else None


def divide(x: Tensor, weight: Tensor, bias: Tensor, packed: PackedWeight | None = None) -> tuple[Tensor, VJP]:
    """x / sqrt(bias + weighted sums of the channels' squares), weight (C, C, 1, 1), bias (C,).

    With r = (bias + W x²) ** -1/2:  d/dx of x * r  is  g * r - x * Wᵀ(g * x * r³).
    """
    root = mix(x * x, weight, bias, packed).rsqrt_()
    y = x * root

    def vjp(gradient: Tensor) -> tuple[Tensor]:
        passed = gradient * root
        spread = mix((passed * y).mul_(root), weight, None, packed, backwards=True)
        return (passed.addcmul_(spread, x, value=-1),)

    return y, vjp
