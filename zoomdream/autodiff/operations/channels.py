"""Tensors added, put side by side along their channels, and taken apart again."""

from __future__ import annotations

import operator
from functools import partial
from typing import Any

import torch
from torch import Tensor, fx

from zoomdream.autodiff.graph import VJP, Fused, Graph


def match_add(graph: Graph, node: fx.Node) -> Fused | None:
    """Two tensors of any shapes that can be added."""
    if node.target not in (operator.add, torch.add, "add") or node.kwargs:
        return None
    parts = tuple(part for part in node.args if isinstance(part, fx.Node) and graph.tensor(part))
    return Fused(parts, (add,)) if len(parts) == len(node.args) == 2 else None


def add(x: Tensor, y: Tensor) -> tuple[Tensor, VJP]:
    """The sum, a tensor of its own."""
    sizes = x.shape, y.shape
    return x + y, lambda gradient: tuple(gradient.sum_to_size(size) for size in sizes)


def match_concatenate(graph: Graph, node: fx.Node) -> Fused | None:
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


def match_split(graph: Graph, node: fx.Node) -> Fused | None:
    """torch.split of a grid's channels into widths, of which others take single parts; and the taking."""
    if node.target is operator.getitem:
        whole, item = node.args
        if isinstance(whole, fx.Node) and isinstance(item, int) and match_split(graph, whole):
            return Fused((whole,), item=item)
    if node.target not in (torch.split, "split") or not graph.grid(node.args[0]):
        return None
    options: dict[str, Any] = dict(zip(("widths", "dim"), node.args[1:], strict=False)) | node.kwargs
    widths = options.get("widths", options.get("split_size_or_sections", options.get("split_size")))
    single = all(user.target is operator.getitem and isinstance(user.args[1], int) for user in graph.users[node])
    if not isinstance(widths, list | tuple) or options.get("dim", 0) not in (1, -3) or not single:
        return None
    return Fused((node.all_input_nodes[0],), (partial(split, widths=list(widths)),))


def split(x: Tensor, widths: list[int]) -> tuple[tuple[Tensor, ...], VJP]:
    """(1, width, h, w) for each of the widths, views of `x`."""
    parts = torch.split(x, widths, 1)

    def vjp(*gradients: Tensor | None) -> tuple[Tensor]:
        every = [torch.zeros_like(part) if one is None else one for part, one in zip(parts, gradients, strict=True)]
        return (torch.cat(every, 1),)

    return parts, vjp
