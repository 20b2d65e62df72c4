"""ReLU."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from zoomdream.autodiff.graph import VJP, Graph

HALVES = (torch.bfloat16, torch.float16)


def match(graph: Graph, node: fx.Node) -> bool:
    """Where a ReLU goes depends on what is before and behind it: see `fuse`."""
    return graph.calls(node, nn.ReLU, F.relu, torch.relu, "relu")


def rectify(x: Tensor) -> tuple[Tensor, VJP]:
    """ReLU in a tensor of its own."""
    return rectify_(x.clone())


def rectify_(x: Tensor) -> tuple[Tensor, VJP]:
    """ReLU, which overwrites `x`."""
    y = relu_(x)
    return y, lambda gradient: (masked(gradient, y),)


def relu_(x: Tensor) -> Tensor:
    """The same without its vector-Jacobian product."""
    if x.device.type == "cpu" and x.dtype in HALVES:
        # Below zero is below zero as whole numbers too, and these need no widening: six times as quick.
        x.view(torch.int16).clamp_min_(0)
        return x
    return x.relu_()


def masked(gradient: Tensor, y: Tensor) -> Tensor:
    """What of the gradient passes a ReLU that gave `y`."""
    passed: Tensor = torch.ops.aten.threshold_backward(gradient, y, 0)
    return passed
