"""Which of a traced network's steps are operations that `written` has.

Not those with hooks or of classes derived from PyTorch's: they may do anything.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from zoomdream.autodiff.operations import Written, add, convolve, join, pool, rectify

PACKED = "packed"
"""The attribute of a convolution with its packed weights, if they are to be kept."""

_POOL_OPTIONS = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
_Kind = TypeVar("_Kind", bound=nn.Module)


class Made(NamedTuple):
    """Operations one after the other, the first of them on all parts; without any the part is passed on."""

    parts: tuple[fx.Node, ...]
    operations: tuple[Callable[..., Written], ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """What is needed of a graph. users: who needs a node. targets: are shown. shapes: of all tensors."""

    model: nn.Module
    users: Mapping[fx.Node, list[fx.Node]]
    targets: frozenset[fx.Node]
    shapes: Mapping[fx.Node, tuple[int, ...]]


def written(graph: Graph, nodes: Iterable[fx.Node]) -> dict[fx.Node, Made]:
    """How those of the nodes are made that can be. nodes: in the graph's order."""
    found: dict[fx.Node, Made] = {}
    for node in nodes:
        if _is(graph, node, nn.ReLU, (F.relu, torch.relu, "relu")):
            _rectify(graph, found, node)
        elif node not in found and (made := _convolution(graph, node) or _pool(graph, node) or _join(graph, node)):
            found[node] = made
    return found


def _rectify(graph: Graph, found: dict[fx.Node, Made], node: fx.Node) -> None:
    """A ReLU goes into the convolution before it, or behind a pool, where either order is right and less is to do; or
    it overwrites what comes in, if nothing else needs that. That is new in every case, a view of nothing.
    """
    (before,) = node.all_input_nodes
    alone = _alone(graph, before)
    if alone and (total := _sum(graph, before)):
        found[before] = total
    if before not in found:
        return
    if not alone or not found[before].operations:
        found[node] = Made((before,), (_rectified_copy,))
    elif not (convolution := _convolution(graph, before)):
        found[node] = Made((before,), (rectify,))
    else:
        found[node] = Made((before,), ())
        behind = graph.users[node][0] if _alone(graph, node) else None
        if behind and (pooled := _pool(graph, behind)) and _smaller(graph, behind):
            found[behind] = Made(pooled.parts, (*pooled.operations, rectify))
        else:
            found[before] = Made(convolution.parts, (partial(convolution.operations[0], rectified=True),))


def _rectified_copy(x: Tensor) -> Written:
    return rectify(x.clone())


def _alone(graph: Graph, node: fx.Node) -> bool:
    """Whether but one other needs what it gives."""
    return node not in graph.targets and len(graph.users[node]) == 1


def _smaller(graph: Graph, node: fx.Node) -> bool:
    """Whether a pool gives fewer pixels than it takes."""
    return graph.shapes[node][2] < graph.shapes[node.all_input_nodes[0]][2]


def _is(graph: Graph, node: fx.Node, kind: type[nn.Module], functions: tuple[Callable[..., Any] | str, ...]) -> bool:
    """Whether a node of one input that is a tensor calls such a module, or one of the functions or methods."""
    if len(node.args) == 0 or node.all_input_nodes != [node.args[0]] or node.all_input_nodes[0] not in graph.shapes:
        return False
    return node.target in functions if node.op != "call_module" else _module(graph, node, kind) is not None


def _module(graph: Graph, node: fx.Node, kind: type[_Kind]) -> _Kind | None:
    module = graph.model.get_submodule(str(node.target)) if node.op == "call_module" else None
    if type(module) is not kind or module._forward_hooks or module._forward_pre_hooks:
        return None
    return module


def _convolution(graph: Graph, node: fx.Node) -> Made | None:
    module = _module(graph, node, nn.Conv2d)
    if module is None or len(graph.shapes.get(node, ())) != 4 or isinstance(module.padding, str):
        return None
    plain = module.groups == 1 and module.padding_mode == "zeros" and module.dilation == (1, 1)
    if not plain or module.stride[0] != module.stride[1] or (module.kernel_size == (1, 1) and any(module.padding)):
        return None
    return Made((node.all_input_nodes[0],), (partial(_convolve, module=module),))


def _convolve(x: Tensor, module: nn.Conv2d, rectified: bool = False) -> Written:
    above, left = _pair(module.padding)
    return convolve(
        x,
        module.weight,
        module.bias,
        stride=module.stride[0],
        padding=(above, above, left, left),
        rectified=rectified,
        packed=getattr(module, PACKED, None),
    )


def _pool(graph: Graph, node: fx.Node) -> Made | None:
    if not _is(graph, node, nn.MaxPool2d, (F.max_pool2d, torch.max_pool2d)) or len(graph.shapes.get(node, ())) != 4:
        return None
    if module := _module(graph, node, nn.MaxPool2d):
        options = {name: getattr(module, name) for name in _POOL_OPTIONS}
    else:
        options = dict(zip(_POOL_OPTIONS, node.args[1:], strict=False)) | node.kwargs
    window = _pair(options["kernel_size"])
    across, down = _pair(options.get("stride") or window)
    if across != down or _pair(options.get("dilation", 1)) != (1, 1):
        return None
    padding, ceil = _pair(options.get("padding", 0)), options.get("ceil_mode", False)
    return Made((node.all_input_nodes[0],), (partial(pool, window=window, stride=across, padding=padding, ceil=ceil),))


def _pair(number: Any) -> tuple[int, int]:
    edges = tuple(number) if isinstance(number, tuple | list) else (number,)
    return edges[0], edges[-1]


def _join(graph: Graph, node: fx.Node) -> Made | None:
    if node.target not in (torch.cat, torch.concat) or not node.args or not isinstance(node.args[0], tuple | list):
        return None
    parts = tuple(part for part in node.args[0] if isinstance(part, fx.Node) and len(graph.shapes.get(part, ())) == 4)
    axis = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
    return Made(parts, (join,)) if len(parts) == len(node.args[0]) and axis in (1, -3) else None


def _sum(graph: Graph, node: fx.Node) -> Made | None:
    if node.target not in (operator.add, torch.add, "add") or node.kwargs:
        return None
    parts = tuple(part for part in node.args if isinstance(part, fx.Node) and part in graph.shapes)
    return Made(parts, (add,)) if len(parts) == len(node.args) == 2 else None
