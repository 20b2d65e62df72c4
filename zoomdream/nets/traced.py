"""A traced classifier that is run no further than the deepest wanted layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from zoomdream.nets.tracing import Blueprint
from zoomdream.types import Layer


@dataclass(frozen=True, slots=True)
class _Step:
    """One call. done: the values that no later step needs. keeps: the wanted layers that this is."""

    node: fx.Node
    call: Callable[..., Any]
    done: tuple[fx.Node, ...]
    keeps: tuple[str, ...]


class TracedNetwork(nn.Module):
    """See the module. image (1, 3, H, W), RGB in [0, 1]; each activation (1, C, h, w), but `logits` (1, classes).

    mean and std: what is subtracted and divided by, RGB. smallest: shortest edge that the whole network can take;
    smaller pictures are enlarged to it by repeating their border.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        name: str,
        model: nn.Module,
        blueprint: Blueprint,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        smallest: int,
    ) -> None:
        super().__init__()
        self._name, self._blueprint, self._smallest = name, blueprint, smallest
        self._plans: dict[frozenset[str], tuple[_Step, ...]] = {}
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.model = _prepared(model, blueprint)

    @property
    def name(self) -> str:
        return self._name

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Every layer that can be dreamed with, shallow to deep; the classes, `logits`, last."""
        return self._blueprint.layers

    def forward(self, image: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
        """The wanted layers by canonical name. Raises ValueError for a name that is not one of `layers`."""
        if unknown := wanted - self._blueprint.nodes.keys():
            raise ValueError(f"{self.name} has no layer {min(unknown)!r}")
        if wanted not in self._plans:
            self._plans[wanted] = self._plan(wanted)
        picture = self._enlarged(((image - self.mean) / self.std).to(self.mean.dtype))
        picture = picture.contiguous(memory_format=torch.channels_last)
        values: dict[fx.Node, Any] = {}
        found: dict[str, Tensor] = {}
        for step in self._plans[wanted]:
            if step.node.op == "placeholder":
                value = picture
            else:
                arguments = fx.node.map_arg(step.node.args, values.__getitem__)
                options = fx.node.map_arg(step.node.kwargs, values.__getitem__)
                value = step.call(*arguments, **options)
            values[step.node] = value
            for name in step.keeps:
                found[name] = value.permute(0, 3, 1, 2) if name in self._blueprint.last else value
            for node in step.done:
                del values[node]
        return found

    def _enlarged(self, picture: Tensor) -> Tensor:
        missing = [max(0, self._smallest - edge) for edge in picture.shape[2:]]
        if not any(missing):
            return picture
        above, before = missing[0] // 2, missing[1] // 2
        return functional.pad(picture, (before, missing[1] - before, above, missing[0] - above), mode="replicate")

    def _plan(self, wanted: frozenset[str]) -> tuple[_Step, ...]:
        targets = {self._blueprint.nodes[name] for name in wanted}
        needed: set[fx.Node] = set()
        waiting = list(targets)
        while waiting:
            node = waiting.pop()
            if node not in needed:
                needed.add(node)
                waiting += node.all_input_nodes
        ordered = [node for node in self._blueprint.graph.nodes if node in needed]
        last_use = {before: node for node in ordered for before in (node, *node.all_input_nodes)}
        return tuple(
            _Step(
                node,
                self._call(node),
                tuple(before for before in dict.fromkeys((node, *node.all_input_nodes)) if last_use[before] is node),
                tuple(sorted(name for name in wanted if self._blueprint.nodes[name] is node)),
            )
            for node in ordered
        )

    def _call(self, node: fx.Node) -> Callable[..., Any]:
        target = node.target
        if callable(target):
            return target
        if node.op == "call_module":
            return self.model.get_submodule(target)
        if node.op == "call_method":
            return lambda value, *arguments, **options: getattr(value, target)(*arguments, **options)
        return lambda: _attribute(self.model, target)  # looked up each time: `to` may put another tensor there


def _attribute(model: nn.Module, path: str) -> Any:
    owner, _, name = path.rpartition(".")
    return getattr(model.get_submodule(owner), name)


def _prepared(model: nn.Module, blueprint: Blueprint) -> nn.Module:
    """Ready to dream: eval mode, batch norms folded, nothing in place, no gradients for weights, channels last."""
    model.eval().requires_grad_(False)
    for path, behind in blueprint.folds:
        convolution, norm = model.get_submodule(path), model.get_submodule(behind)
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            _replace(model, path, fuse_conv_bn_eval(convolution, norm).requires_grad_(False))
            _replace(model, behind, nn.Identity())
    for module in model.modules():
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]
    return model.to(memory_format=torch.channels_last)


def _replace(model: nn.Module, path: str, module: nn.Module) -> None:
    owner, _, name = path.rpartition(".")
    setattr(model.get_submodule(owner), name, module)
