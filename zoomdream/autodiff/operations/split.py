"""A tensor's channels in several parts."""

from __future__ import annotations

import operator
from functools import partial
from typing import Any

import torch
from torch import Tensor, fx

from zoomdream.autodiff.graph import VJP, Fused, Graph


def match(graph: Graph, node: fx.Node) -> Fused | None:
    """torch.split of a grid's channels into widths, of which others take single parts; and the taking."""
    if node.target is operator.getitem:
        whole, item = node.args
        if isinstance(whole, fx.Node) and isinstance(item, int) and match(graph, whole):
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
