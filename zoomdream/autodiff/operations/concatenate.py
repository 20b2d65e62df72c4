"""Tensors side by side along their channels."""

from __future__ import annotations

import torch
from torch import Tensor, fx

from zoomdream.autodiff.graph import VJP, Fused, Graph


def match(graph: Graph, node: fx.Node) -> Fused | None:
    """torch.cat of a list of grids along the channels."""
    if node.target not in (torch.cat, torch.concat) or not node.args or not isinstance(node.args[0], tuple | list):
        return None
    parts = tuple(part for part in node.args[0] if isinstance(part, fx.Node) and graph.grid(part))
    axis = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
    return Fused(parts, (concatenate,)) if len(parts) == len(node.args[0]) and axis in (1, -3) else None


def concatenate(*parts: Tensor) -> tuple[Tensor, VJP]:
    """(1, C1 + C2 + ..., h, w)."""
    widths = [part.shape[1] for part in parts]
    return torch.cat(parts, 1), lambda gradient: torch.split(gradient, widths, 1)
