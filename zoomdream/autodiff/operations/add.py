"""The sum of two tensors."""

from __future__ import annotations

import operator

import torch
from torch import Tensor, fx

from zoomdream.autodiff.graph import VJP, Fused, Graph


def match(graph: Graph, node: fx.Node) -> Fused | None:
    """Two tensors of any shapes that can be added."""
    if node.target not in (operator.add, torch.add, "add") or node.kwargs:
        return None
    parts = tuple(part for part in node.args if isinstance(part, fx.Node) and graph.tensor(part))
    return Fused(parts, (add,)) if len(parts) == len(node.args) == 2 else None


def add(x: Tensor, y: Tensor) -> tuple[Tensor, VJP]:
    """The sum, a tensor of its own."""
    sizes = x.shape, y.shape
    return x + y, lambda gradient: tuple(gradient.sum_to_size(size) for size in sizes)
