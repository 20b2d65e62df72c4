"""A traced network's graph as operations see it that look for what they can compute.

Nothing is matched that has hooks or is of a class derived from PyTorch's: it may do anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from torch import Tensor, fx, nn

VJP = Callable[..., tuple[Tensor | None, ...]]
"""A vector-Jacobian product: the gradients of an operation's results in (None for those that have none), those of its
inputs out. It may be called once.
"""
Operation = Callable[..., tuple[Any, VJP]]
"""A function of tensors that gives a tensor, or a tuple of them, and the vector-Jacobian product. It writes to none of
them but where it says so.
"""

PACKED = "packed"
"""The attribute of a module with its packed weights, if they are to be kept."""

_Kind = TypeVar("_Kind", bound=nn.Module)


class Fused(NamedTuple):
    """Operations one after the other that give a node's value, the first of them of all inputs.

    Without any the input is passed on, or of several results the one with number `item`.
    """

    inputs: tuple[fx.Node, ...]
    operations: tuple[Operation, ...] = ()
    item: int | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """The part of a graph that is computed. users: of each node, those that are computed. targets: the nodes that are
    wanted. shapes: of all nodes that give a tensor; None where operations meet nothing but tensors (1, C, h, w).
    """

    model: nn.Module
    users: Mapping[fx.Node, list[fx.Node]]
    targets: frozenset[fx.Node]
    shapes: Mapping[fx.Node, tuple[int, ...]] | None

    def module(self, node: fx.Node, kind: type[_Kind]) -> _Kind | None:
        """The module that a node calls, if it is of just this class."""
        module = self.model.get_submodule(str(node.target)) if node.op == "call_module" else None
        return module if type(module) is kind and not (module._forward_hooks or module._forward_pre_hooks) else None

    def calls(self, node: fx.Node, kind: type[nn.Module], *functions: Callable[..., Any] | str) -> bool:
        """Whether a node of a single tensor calls such a module, or one of the functions or methods."""
        if len(node.args) == 0 or node.all_input_nodes != [node.args[0]] or not self.tensor(node.args[0]):
            return False
        return self.module(node, kind) is not None if node.op == "call_module" else node.target in functions

    def tensor(self, node: Any) -> bool:
        """Whether it is a node that gives a tensor."""
        return isinstance(node, fx.Node) and (self.shapes is None or node in self.shapes)

    def grid(self, node: Any) -> bool:
        """Whether it is a node that gives a tensor (1, C, h, w)."""
        return self.tensor(node) and (self.shapes is None or len(self.shapes[node]) == 4)

    def alone(self, node: fx.Node) -> bool:
        """Whether a single other node needs what it gives."""
        return node not in self.targets and len(self.users[node]) == 1
