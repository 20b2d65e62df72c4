"""A traced classifier that is run no further than the deepest wanted layer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from zoomdream.autodiff.graph import PACKED, VJP
from zoomdream.autodiff.operations.divisive_norm import DivisiveNorm
from zoomdream.autodiff.prepack import PackedWeight
from zoomdream.autodiff.schedule import Step, Values, schedule
from zoomdream.autodiff.tape import Tape, Value, run
from zoomdream.autodiff.trace import Blueprint
from zoomdream.types import Layer

# How many numbers the convolutions of a network may hold for their packed weights to be kept, two for each size of
# pictures: of three octaves in float32 that is 190 MB. Large networks also have more to do besides packing.
_PACKED = 8_000_000


class TracedNetwork(nn.Module):
    """See the module. image (1, 3, H, W), RGB in [0, 1]; each activation (1, C, h, w), but classes (1, classes).

    mean and std: what is subtracted and divided by, RGB. smallest: shortest edge that the whole network can take;
    smaller pictures are enlarged to it by repeating their border.
    """

    mean: Tensor
    std: Tensor | None

    def __init__(
        self,
        name: str,
        model: nn.Module,
        blueprint: Blueprint,
        mean: tuple[float, ...],
        std: tuple[float, ...] | None = None,
        smallest: int = 1,
    ) -> None:
        super().__init__()
        self._name, self._blueprint, self._smallest = name, blueprint, smallest
        self._schedules: dict[frozenset[str], tuple[Step, ...]] = {}
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", None if std is None else torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.model = _prepared(model, blueprint)
        self.eval()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_schedules": {}}  # they are of this very model

    @property
    def name(self) -> str:
        return self._name

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Every layer that can be dreamed with, shallow to deep; the classes last."""
        return self._blueprint.layers

    def forward(self, image: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
        """The wanted layers by canonical name. Raises ValueError for a name that is not one of `layers`; people's names
        go through `catalog.find_layer`.
        """
        if unknown := wanted - self._blueprint.nodes.keys():
            raise ValueError(f"{self.name} has no layer {min(unknown)!r}")
        if not wanted:
            return {}
        if wanted not in self._schedules:
            targets = frozenset(self._blueprint.nodes[name] for name in wanted)
            self._schedules[wanted] = schedule(self._blueprint, self.model, targets)
        return run(image, lambda tape, picture: self._run(tape, picture, wanted))

    def _run(self, tape: Tape, image: Value, wanted: frozenset[str]) -> dict[str, Value]:
        placeholder = next(iter(self._blueprint.graph.nodes))
        picture = tape.do(self._normalize, image)
        if min(picture.tensor.shape[2:]) < self._smallest:
            (picture,) = tape.follow(lambda x: (_enlarged(x, self._smallest),), picture)
        values: Values = {placeholder: picture}
        del picture
        for step in self._schedules[wanted]:
            step.run(tape, values)
            for node in step.done:
                del values[node]
        found = {}
        for name in wanted:
            value = values[self._blueprint.nodes[name]]
            found[name] = tape.do(_channels_first, value) if name in self._blueprint.last else value
        return found

    def _normalize(self, image: Tensor) -> tuple[Tensor, VJP]:
        """The mean goes first, in the picture's own precision: in bfloat16 numbers around 0 are finer than around 0.5.
        The numbers are rounded before they are put in another order, which then takes half the time.
        """
        picture, std, dtype = image - self.mean, self.std, image.dtype
        if std is not None:
            picture = picture / std
        picture = picture.to(self.mean.dtype).contiguous(memory_format=torch.channels_last)

        def vjp(gradient: Tensor) -> tuple[Tensor]:
            gradient = gradient.to(dtype)
            return (gradient if std is None else gradient / std,)

        return picture, vjp


def _enlarged(picture: Tensor, smallest: int) -> Tensor:
    missing = [max(0, smallest - edge) for edge in picture.shape[2:]]
    above, before = missing[0] // 2, missing[1] // 2
    larger = functional.pad(picture, (before, missing[1] - before, above, missing[0] - above), mode="replicate")
    return larger.contiguous(memory_format=torch.channels_last)


def _channels_first(value: Tensor) -> tuple[Tensor, VJP]:
    return value.permute(0, 3, 1, 2), lambda gradient: (gradient.permute(0, 2, 3, 1),)


def _prepared(model: nn.Module, blueprint: Blueprint) -> nn.Module:
    """Ready to dream: eval mode, batch norms folded, nothing in place, no gradients for weights, channels last."""
    model.eval().requires_grad_(False)
    for path, behind in blueprint.folds:
        convolution, norm = model.get_submodule(path), model.get_submodule(behind)
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            _replace(model, path, fuse_conv_bn_eval(convolution, norm).requires_grad_(False))
            _replace(model, behind, nn.Identity())
    weights = [module.weight.numel() for module in model.modules() if isinstance(module, nn.Conv2d)]
    if sum(weights) <= _PACKED:
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.LocalResponseNorm | DivisiveNorm):
                setattr(module, PACKED, PackedWeight())
    for module in model.modules():
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]
    return model.to(memory_format=torch.channels_last)


def _replace(model: nn.Module, path: str, module: nn.Module) -> None:
    owner, _, name = path.rpartition(".")
    setattr(model.get_submodule(owner), name, module)
