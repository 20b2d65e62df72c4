"""Opening up any classifier that torch.fx can trace: its steps in order, names for what they give, and their cost.

`trace` follows a model that holds no numbers (device "meta") and answers with a `Blueprint`, which fits every model of
the same structure. Names are those of the modules, and of functions inside them: `layer3.0.conv1`, `layer3.0.add`; what
is called again gets `_1`. A batch norm behind a convolution is folded away, so both names mean what comes out of it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log2
from typing import Any

import torch
from torch import Tensor, fx, nn

from zoomdream.autodiff import operations
from zoomdream.types import Layer

LOGITS = "logits"
# Both sides differ and grow differently, so the edge that stays the same is the channels'.
_PROBES = ((512, 384), (640, 512))
# Modules that hold the whole network: what they give is better known by the name of their last part.
_WHOLE = ("features", "trunk_output", "layers")
_PLAIN = (int, float, complex, str, torch.Size, torch.dtype, torch.device, type(None))  # hold no tensors
_SAFE: dict[Any, Callable[..., Any]] = {
    operator.iadd: operator.add,
    operator.isub: operator.sub,
    operator.imul: operator.mul,
    operator.itruediv: operator.truediv,
}


@dataclass(frozen=True, eq=False)
class Blueprint:
    """Steps of a model, and its layers: shallow to deep, `logits` last.

    nodes: each layer's step. last: the layers whose channels come last, (1, h, w, C), as in Swin. folds: pairs of a
    convolution and the batch norm that is folded into it. shapes: of each step that gives a tensor, for a picture of
    512 by 384; None where operations meet nothing but tensors (1, C, h, w). several: the steps that give something that
    may hold tensors.
    """

    graph: fx.Graph
    layers: tuple[Layer, ...]
    nodes: Mapping[str, fx.Node]
    last: frozenset[str] = frozenset()
    folds: tuple[tuple[str, str], ...] = ()
    shapes: Mapping[fx.Node, tuple[int, ...]] | None = None
    several: frozenset[fx.Node] = frozenset()

    def __deepcopy__(self, memo: Any) -> Blueprint:
        return self  # nothing of it changes, and a copied graph has other nodes


class _Tracer(fx.Tracer):
    """Remembers under which names people can ask for each step. Modules that operations match stay whole."""

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[fx.Node, list[str]] = {}
        self._path = ""
        self._calls: dict[str, int] = {}

    def create_args_for_root(self, root_fn: Any, is_module: bool, concrete_args: Any = None) -> tuple[Any, list[Any]]:
        """Only the picture is traced: all other arguments keep their defaults."""
        return root_fn, [self.root, self.create_proxy("placeholder", "picture", (), {})]

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return m.__module__.startswith(operations.__name__) or super().is_leaf_module(m, module_qualified_name)

    def _numbered(self, name: str) -> str:
        calls = self._calls[name] = self._calls.get(name, -1) + 1
        return f"{name}_{calls}" if calls else name

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        before, self._path = self._path, self.path_of_module(m)
        name = self._numbered(self._path)
        try:
            result = super().call_module(m, forward, args, kwargs)
        finally:
            self._path = before
        if isinstance(result, fx.Proxy):
            self.names.setdefault(result.node, []).append(name)
        return result

    def create_node(self, kind: str, target: Any, args: Any, kwargs: Any, *rest: Any, **more: Any) -> fx.Node:
        node = super().create_node(kind, target, args, kwargs, *rest, **more)
        if kind in ("call_function", "call_method"):
            function = target if isinstance(target, str) else _SAFE.get(target, target).__name__
            name = f"{self._path}.{function}" if self._path else function
            self.names.setdefault(node, []).append(self._numbered(name))
        return node


class _Probe(fx.Interpreter):
    """Runs the steps without numbers, for the shapes and the multiplications."""

    def __init__(self, model: nn.Module, graph: fx.Graph) -> None:
        super().__init__(model, graph=graph)
        self.shapes: dict[fx.Node, tuple[int, ...]] = {}
        self.work: dict[fx.Node, int] = {}
        self.several: set[fx.Node] = set()

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if isinstance(result, Tensor):
            self.shapes[n] = tuple(result.shape)
            self.work[n] = self._multiplications(n, result)
        elif not isinstance(result, _PLAIN):
            self.several.add(n)
        return result

    def _multiplications(self, node: fx.Node, result: Tensor) -> int:
        if node.op == "call_module":
            module = self.fetch_attr(str(node.target))
            weight = getattr(module, "weight", None)
            if isinstance(module, nn.Conv2d | nn.Linear) and isinstance(weight, Tensor):
                return result.numel() // weight.shape[0] * weight.numel()
        if node.op == "call_function" and result.ndim == 4:  # attention: its matrices, for each position
            arguments = [self.fetch_attr(str(used.target)) for used in node.all_input_nodes if used.op == "get_attr"]
            matrices = sum(one.numel() for one in arguments if isinstance(one, nn.Parameter) and one.ndim == 2)
            return result.shape[1] * result.shape[2] * matrices
        return 0


def trace(model: nn.Module, more_names: Callable[[str], tuple[str, ...]]) -> Blueprint:
    """The blueprint of a model on the device "meta", in eval mode. more_names: other names of a name."""
    tracer = _Tracer()
    graph = tracer.trace(model)
    _make_safe(graph)
    folds = _fold(graph, tracer.names, dict(model.named_modules()))
    probes = []
    for size in _PROBES:
        probes.append(_Probe(model, graph))
        with torch.no_grad():
            probes[-1].run(torch.empty(1, 3, *size, device="meta"))
    return _name(graph, tracer.names, probes, folds, more_names)


def trace_named(model: nn.Module, modules: Mapping[Layer, str]) -> Blueprint:
    """The blueprint of a network whose layers are known already. modules: the one that gives each layer."""
    tracer = _Tracer()
    graph = tracer.trace(model)
    named = {name: node for node, names in tracer.names.items() for name in names}
    nodes = {layer.name: named[path] for layer, path in modules.items()}
    return Blueprint(graph, tuple(modules), nodes)


def _make_safe(graph: fx.Graph) -> None:
    """Nothing changes in place: a layer that is asked for must still be what it was when it was made."""
    for node in graph.nodes:
        if node.op == "call_function":
            node.target = _SAFE.get(node.target, node.target)
        if node.op == "call_method" and str(node.target).endswith("_") and hasattr(Tensor, str(node.target)[:-1]):
            node.target = str(node.target)[:-1]
        if node.kwargs.get("inplace"):
            node.kwargs = {**node.kwargs, "inplace": False}


def _fold(
    graph: fx.Graph, names: dict[fx.Node, list[str]], modules: Mapping[str, nn.Module]
) -> tuple[tuple[str, str], ...]:
    """Takes batch norms behind convolutions out of the graph; the pairs."""
    folds = []
    calls = [node.target for node in graph.nodes if node.op == "call_module"]
    for norm in list(graph.nodes):
        if norm.op != "call_module" or not isinstance(modules[str(norm.target)], nn.BatchNorm2d):
            continue
        convolution = norm.args[0]
        if not isinstance(convolution, fx.Node) or convolution.op != "call_module" or len(convolution.users) != 1:
            continue
        if not isinstance(modules[str(convolution.target)], nn.Conv2d):
            continue
        if calls.count(norm.target) > 1 or calls.count(convolution.target) > 1:
            continue
        norm.replace_all_uses_with(convolution)
        names[convolution] += names.pop(norm)
        graph.erase_node(norm)
        folds.append((str(convolution.target), str(norm.target)))
    return tuple(folds)


def _name(
    graph: fx.Graph,
    names: dict[fx.Node, list[str]],
    probes: list[_Probe],
    folds: tuple[tuple[str, str], ...],
    more_names: Callable[[str], tuple[str, ...]],
) -> Blueprint:
    """The layers: every step that gives a grid of channels and comes after the first convolution, and the classes."""
    output = next(node for node in graph.nodes if node.op == "output").args[0]
    work = _reached(graph, probes[0].work)
    found: dict[str, tuple[fx.Node, int, int, float, list[str]]] = {}
    last = set()
    for node in graph.nodes:
        first, second = (probe.shapes.get(node, ()) for probe in probes)
        known = sorted(names.get(node, []), key=lambda name: (name in _WHOLE, name.count(".")))
        if node is output:
            deepest = max(stride for _, _, stride, _, _ in found.values())
            found[LOGITS] = (node, first[1], deepest, 1.0, known)
            continue
        grown = [a != b for a, b in zip(first, second, strict=True)]
        if grown not in ([False, False, True, True], [False, True, True, False]) or not known or not work[node]:
            continue
        channels, height = (first[1], first[2]) if grown[3] else (first[3], first[1])
        if not grown[3]:
            last.add(known[0])
        stride = 2 ** round(log2(_PROBES[0][0] / height))
        found[known[0]] = (node, channels, stride, work[node] / work[output], known[1:])
    taken = {*found, *(alias for entry in found.values() for alias in entry[4])}
    layers = []
    for name, (_, channels, stride, cost, aliases) in found.items():
        more = []
        for other in (other for known in (name, *aliases) for other in more_names(known)):
            if other.lower() not in taken:
                taken.add(other.lower())
                more.append(other)
        layers.append(Layer(name, channels, stride, cost, (*aliases, *more)))
    nodes = {name: entry[0] for name, entry in found.items()}
    shapes, several = probes[0].shapes, frozenset(probes[0].several)
    return Blueprint(graph, tuple(layers), nodes, frozenset(last), folds, shapes, several)


def _reached(graph: fx.Graph, work: Mapping[fx.Node, int]) -> dict[fx.Node, int]:
    """The multiplications of each step and of all that it needs."""
    needed: dict[fx.Node, frozenset[fx.Node]] = {}
    for node in graph.nodes:
        own = frozenset([node]) if work.get(node) else frozenset()
        needed[node] = own.union(*(needed[before] for before in node.all_input_nodes))
    return {node: sum(work[one] for one in before) for node, before in needed.items()}
