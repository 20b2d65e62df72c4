"""Which nodes of a traced graph are computed by operations of ours, and which of these become one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from torch import fx

from zoomdream.autodiff.graph import Fused, Graph
from zoomdream.autodiff.operations import convolution, divisive_norm, pool, relu, response_norm
from zoomdream.autodiff.operations.channels import match_add, match_concatenate, match_split

_MATCHERS = (convolution.match, pool.match, match_concatenate, match_split, response_norm.match, divisive_norm.match)


def fuse(graph: Graph, nodes: Iterable[fx.Node]) -> dict[fx.Node, Fused]:
    """How those of the nodes are computed that operations match. nodes: in the graph's order."""
    found: dict[fx.Node, Fused] = {}
    for node in nodes:
        if relu.match(graph, node):
            _fuse_relu(graph, found, node)
        elif node not in found and (fused := next(filter(None, (match(graph, node) for match in _MATCHERS)), None)):
            found[node] = fused
    return found


def _fuse_relu(graph: Graph, found: dict[fx.Node, Fused], node: fx.Node) -> None:
    """A ReLU goes into the convolution before it, or behind a pool, where either order is right and less is to do; or
    it overwrites what comes in, if nothing else needs that and it is a view of nothing.
    """
    (before,) = node.all_input_nodes
    alone = graph.alone(before)
    if alone and (total := match_add(graph, before)):
        found[before] = total
    if before not in found:
        return
    inputs, operations, _ = found[before]
    if not alone or not operations:
        found[node] = Fused((before,), (relu.rectify,))
    elif not isinstance(operations[-1], convolution.Convolution):
        found[node] = Fused((before,), (relu.rectify_,))
    else:
        found[node] = Fused((before,))
        behind = graph.users[node][0] if graph.alone(node) else None
        pooled = pool.match(graph, behind) if behind else None
        if behind and pooled and pool.shrinks(pooled):
            found[behind] = Fused(pooled.inputs, (*pooled.operations, relu.rectify_))
        else:
            found[before] = Fused(inputs, (replace(operations[-1], rectified=True),))
