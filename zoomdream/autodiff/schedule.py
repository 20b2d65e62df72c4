"""From a traced graph to steps on a tape: operations of ours where they match, autograd for the rest.

Calls between operations of ours are followed by autograd as a whole. So a network in which none matches goes as it
would without a tape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from torch import Tensor, fx, nn

from zoomdream.autodiff.fuse import fuse
from zoomdream.autodiff.graph import Fused, Graph
from zoomdream.autodiff.tape import Tape, Value
from zoomdream.autodiff.trace import Blueprint

Values = dict[fx.Node, Any]
"""What there is at a time: Values, or a tuple of them; parameters and numbers as they are."""

# Functions of others, which a tracer takes as a whole, may change what they are given.
_HARMLESS = frozenset({"torch", "torchvision", "_operator", "builtins", "math"})


@dataclass(frozen=True, slots=True)
class _FusedStep:
    node: fx.Node
    fused: Fused
    done: tuple[fx.Node, ...]

    def run(self, tape: Tape, values: Values) -> None:
        inputs, operations, item = self.fused
        found = [values[one] for one in inputs]
        for operation in operations:
            found = [tape.do(operation, *(one if isinstance(one, Value) else Value(one) for one in found))]
        values[self.node] = found[0] if item is None else found[0][item]


@dataclass(frozen=True, slots=True)
class _Call:
    node: fx.Node
    call: Callable[..., Any]
    done: tuple[fx.Node, ...]


@dataclass(frozen=True, slots=True)
class _FollowedStep:
    """Calls that autograd follows. takes: what they need of others. gives: what others need of them."""

    calls: tuple[_Call, ...]
    takes: tuple[fx.Node, ...]
    gives: tuple[fx.Node, ...]
    done: tuple[fx.Node, ...]

    def run(self, tape: Tape, values: Values) -> None:
        followed = [node for node in self.takes if isinstance(values[node], Value)]
        rest = {node: values[node] for node in self.takes if node not in followed}

        def calls(*tensors: Tensor) -> tuple[Any, ...]:
            here: Values = rest | dict(zip(followed, tensors, strict=True))
            for one in self.calls:
                arguments = fx.node.map_arg(one.node.args, here.__getitem__)
                options = fx.node.map_arg(one.node.kwargs, here.__getitem__)
                here[one.node] = one.call(*arguments, **options)
                for node in one.done:
                    del here[node]
            return tuple(here[node] for node in self.gives)

        values.update(zip(self.gives, tape.follow(calls, *(values[node] for node in followed)), strict=True))


Step = _FusedStep | _FollowedStep
"""`run` adds what it gives to the values. done: the values that no later step needs."""


def schedule(blueprint: Blueprint, model: nn.Module, targets: frozenset[fx.Node]) -> tuple[Step, ...]:
    """The steps to the targets, whose values stay, from the graph's placeholder, whose value is given."""
    needed: set[fx.Node] = set()
    waiting = list(targets)
    while waiting:
        node = waiting.pop()
        if node not in needed:
            needed.add(node)
            waiting += node.all_input_nodes
    users = {node: [user for user in node.users if user in needed] for node in needed}
    ordered = [node for node in blueprint.graph.nodes if node in needed and node.op != "placeholder"]
    fused = fuse(Graph(model, users, targets, blueprint.shapes), ordered)
    followed = [group for group in _groups(ordered, fused) if group[0] not in fused]
    # A step that autograd follows may give others tensors and numbers, and not what holds tensors.
    if any(node in blueprint.several for group in followed for node in _given(group, users, targets)):
        fused = {}
    last_use = {used: node for node in ordered for used in (node, *node.all_input_nodes)}
    last_use |= {node: blueprint.graph.output_node() for node in targets}
    steps: list[Step] = []
    for group in _groups(ordered, fused):
        takes = tuple(dict.fromkeys(used for node in group for used in node.all_input_nodes if used not in group))
        done = tuple(node for node in takes if last_use[node] in group)
        if group[0] in fused:
            steps.append(_FusedStep(group[0], fused[group[0]], done))
        else:
            gives = _given(group, users, targets)
            calls = tuple(_Call(node, _call(model, node), _ended(node, last_use, gives)) for node in group)
            steps.append(_FollowedStep(calls, takes, gives, done))
    return tuple(steps)


def _groups(ordered: list[fx.Node], fused: Mapping[fx.Node, Fused]) -> list[list[fx.Node]]:
    """What operations of ours compute one by one, and together what comes between."""
    return [list(group) for _, group in groupby(ordered, lambda node: node if node in fused else None)]


def _given(
    group: list[fx.Node], users: Mapping[fx.Node, list[fx.Node]], targets: frozenset[fx.Node]
) -> tuple[fx.Node, ...]:
    inside = set(group)
    return tuple(node for node in group if node in targets or not inside.issuperset(users[node]))


def _ended(node: fx.Node, last_use: Mapping[fx.Node, fx.Node], gives: tuple[fx.Node, ...]) -> tuple[fx.Node, ...]:
    used = dict.fromkeys((node, *node.all_input_nodes))
    return tuple(one for one in used if last_use[one] is node and one not in gives)


def _call(model: nn.Module, node: fx.Node) -> Callable[..., Any]:
    target = node.target
    if callable(target):
        return target if str(getattr(target, "__module__", "")).partition(".")[0] in _HARMLESS else _on_copies(target)
    if node.op == "call_module":
        return model.get_submodule(target)
    if node.op == "call_method":
        return lambda value, *arguments, **options: getattr(value, target)(*arguments, **options)
    return lambda: _attribute(model, target)  # looked up each time: `to` may put another tensor there


def _on_copies(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        arguments, options = fx.node.map_aggregate((arguments, options), _copied)
        return function(*arguments, **options)

    return call


def _copied(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


def _attribute(model: nn.Module, path: str) -> Any:
    owner, _, name = path.rpartition(".")
    return getattr(model.get_submodule(owner), name)
