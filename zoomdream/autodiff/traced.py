"""A traced classifier that is run no further than the deepest wanted layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from zoomdream.autodiff.fuse import PACKED
from zoomdream.autodiff.operations import other
from zoomdream.autodiff.prepack import Packed
from zoomdream.autodiff.schedule import Step, Values, plan
from zoomdream.autodiff.tape import Tape, Value, run
from zoomdream.autodiff.trace import Blueprint
from zoomdream.types import Layer

# How many numbers the convolutions of a network may hold for their packed weights to be kept, two for each size of
# pictures: of three octaves in float32 that is 190 MB. Large networks also have more to do besides packing.
_PACKED = 8_000_000


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
        self._plans: dict[frozenset[str], tuple[Step, ...]] = {}
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
        if not wanted:
            return {}
        if wanted not in self._plans:
            targets = frozenset(self._blueprint.nodes[name] for name in wanted)
            self._plans[wanted] = plan(self._blueprint, self.model, targets)
        return run(image, lambda tape, picture: self._look(tape, picture, wanted))

    def _look(self, tape: Tape, image: Value, wanted: frozenset[str]) -> dict[str, Value]:
        placeholder = next(iter(self._blueprint.graph.nodes))
        values: Values = {placeholder: tape.do(other(self._normalised), image)}
        for step in self._plans[wanted]:
            step.take(tape, values)
            for node in step.done:
                del values[node]
        found = {}
        for name in wanted:
            value = values[self._blueprint.nodes[name]]
            found[name] = tape.do(other(_channels_first), value) if name in self._blueprint.last else value
        return found

    def _normalised(self, image: Tensor) -> Tensor:
        picture = self._enlarged(((image - self.mean) / self.std).to(self.mean.dtype))
        return picture.contiguous(memory_format=torch.channels_last)

    def _enlarged(self, picture: Tensor) -> Tensor:
        missing = [max(0, self._smallest - edge) for edge in picture.shape[2:]]
        if not any(missing):
            return picture
        above, before = missing[0] // 2, missing[1] // 2
        return functional.pad(picture, (before, missing[1] - before, above, missing[0] - above), mode="replicate")


def _channels_first(value: Tensor) -> Tensor:
    return value.permute(0, 3, 1, 2)


def _prepared(model: nn.Module, blueprint: Blueprint) -> nn.Module:
    """Ready to dream: eval mode, batch norms folded, nothing in place, no gradients for weights, channels last."""
    model.eval().requires_grad_(False)
    for path, behind in blueprint.folds:
        convolution, norm = model.get_submodule(path), model.get_submodule(behind)
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            _replace(model, path, fuse_conv_bn_eval(convolution, norm).requires_grad_(False))
            _replace(model, behind, nn.Identity())
    convolutions = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    if sum(convolution.weight.numel() for convolution in convolutions) <= _PACKED:
        for convolution in convolutions:
            setattr(convolution, PACKED, Packed())
    for module in model.modules():
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]
    return model.to(memory_format=torch.channels_last)


def _replace(model: nn.Module, path: str, module: nn.Module) -> None:
    owner, _, name = path.rpartition(".")
    setattr(model.get_submodule(owner), name, module)
