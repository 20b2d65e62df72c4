"""The BVLC GoogLeNet, the network of the first Deep Dreams, opened up for dreaming.

Szegedy et al. 2014 (arXiv:1409.4842), as Caffe trained it: biases and no batch norm, real 5x5 branches, local response
norm after the first pool and before the second, pools that round up. Its input is BGR, 0..255, minus a mean; both are
folded into the first convolution here, so preprocessing is one subtraction. With a wrong mean, channel order, norm or
padding the dreams still look plausible: only Caffe's own activations prove a loader (tests/nets/test_googlenet.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional as F

from zoomdream.errors import InputError
from zoomdream.nets.googlenet_layers import BLOCKS, BRANCHES, CLASSES, CLASSIFIER, LOGITS, STEM, layers, tensor_shapes
from zoomdream.nets.weights import read_tensors
from zoomdream.types import Layer

MEAN_RGB = (123.0, 117.0, 104.0)
SIDE_HEADS = ("loss1_", "loss2_")


class _Convolution(nn.Module):
    """A convolution with bias whose weights never need gradients."""

    def __init__(self, weight: Tensor, bias: Tensor, stride: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last), requires_grad=False)
        self.bias = nn.Parameter(bias, requires_grad=False)
        self.stride = stride
        self.padding = weight.shape[-1] // 2

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding)


class _ResponseNorm(nn.Module):
    """Local response norm over 5 neighbouring channels: x * (1 + 1e-4/5 * sum of their squares) ** -0.75.

    The sum is a 1x1 convolution with a banded matrix: exact to 2e-5, and it runs in bfloat16 on the CPU. PyTorch's own
    does not, and took 40 % of a gradient step.
    """

    band: Tensor
    one: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        distance = (torch.arange(channels)[:, None] - torch.arange(channels)[None, :]).abs()
        self.register_buffer(
            "band", (distance <= 2).float()[:, :, None, None] * _ResponseNormStep.share, persistent=False
        )
        self.register_buffer("one", torch.ones(channels), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = _ResponseNormStep.apply(x, self.band, self.one)
        return result


class _ResponseNormStep(torch.autograd.Function):
    """The norm with its gradient written out, which is 8 % of a whole gradient step quicker than autograd's own.

    With s = 1 + a * sum of squares:  d/dx of x * s**-0.75  is  g * s**-0.75 - 1.5 * a * x * band(g * x * s**-1.75).
    The first norm's input reaches 3,400 on natural pictures, whose square float16 cannot hold, so x is divided by 64
    and the band multiplied by 64 squared; both are exact.
    """

    share = 1e-4 / 5 * 64**2

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, band: Tensor, one: Tensor) -> Tensor:
        small = x * (1 / 64)
        sums = F.conv2d(small.mul_(small), band, one)
        power = sums**-0.75
        ctx.save_for_backward(x, sums, power, band)
        return x * power

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        x, sums, power, band = ctx.saved_tensors
        scaled = gradient * power
        # Small again for float16; the band is symmetric, so it is its own transpose.
        spread = F.conv2d((scaled * x).div_(sums), band)
        return scaled.addcmul_(spread, x, value=-1.5 / 64**2), None, None


class _Found:
    """Collects the wanted activations of one pass."""

    def __init__(self, wanted: frozenset[str]) -> None:
        self.wanted = wanted
        self.activations: dict[str, Tensor] = {}

    def done(self) -> bool:
        return len(self.activations) == len(self.wanted)

    def goes_past(self, block: str) -> bool:
        """True if more than single branches of this block are still wanted."""
        return any(not name.startswith(f"{block}_") for name in self.wanted - self.activations.keys())

    def wants(self, *names: str) -> bool:
        return any(name in self.wanted or f"{name}_pre_relu" in self.wanted for name in names)

    def keep(self, name: str, activation: Tensor) -> Tensor:
        if name in self.wanted:
            self.activations[name] = activation
        return activation

    def relu(self, name: str, x: Tensor) -> Tensor:
        """Rectifies in place, which no convolution's gradient minds, unless the value before is wanted as well."""
        before = f"{name}_pre_relu"
        return self.keep(name, F.relu(self.keep(before, x), inplace=before not in self.wanted))


class _Inception(nn.Module):
    """Four branches side by side; what is not wanted of the deepest block is not computed."""

    def __init__(self, block: str, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.title = f"mixed{block}"
        for branch in BRANCHES:
            key = f"inception_{block}_{branch}"
            self.add_module(f"branch_{branch}", _Convolution(tensors[f"{key}.weight"], tensors[f"{key}.bias"]))

    def _branch(self, name: str, x: Tensor, found: _Found) -> Tensor:
        return found.relu(f"{self.title}_{name}", self.get_submodule(f"branch_{name}")(x))

    def forward(self, x: Tensor, found: _Found, whole: bool) -> Tensor | None:
        """The block's output if `whole`; otherwise just the branches that are wanted, and None."""
        branches = []
        if whole or found.wants(f"{self.title}_1x1"):
            branches.append(self._branch("1x1", x, found))
        for size in ("3x3", "5x5"):
            if whole or found.wants(f"{self.title}_{size}_reduce", f"{self.title}_{size}"):
                reduced = self._branch(f"{size}_reduce", x, found)
                if whole or found.wants(f"{self.title}_{size}"):
                    branches.append(self._branch(size, reduced, found))
        if whole or found.wants(f"{self.title}_pool_proj"):
            branches.append(self._branch("pool_proj", F.max_pool2d(x, 3, 1, 1), found))
        return found.keep(self.title, torch.cat(branches, 1)) if whole else None


class GoogLeNet(nn.Module):
    """The network, opened up: a call returns the wanted activations and computes nothing past the deepest of them.

    Layers: `conv1`, `conv2_reduce`, `conv2`, the blocks `mixed3a` .. `mixed5b`, and each branch's convolutions such as
    `mixed4c_3x3_reduce`; all but the blocks also before their ReLU (`..._pre_relu`). Where the weights have the
    classifier, a call knows `logits` too, (1, 1000), of the mean of `mixed5b`. No weight needs a gradient.
    """

    mean: Tensor

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        """tensors: float32 by the names of `tensor_shapes`, and optionally `loss3_classifier.weight` and `.bias`."""
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN_RGB).view(1, 3, 1, 1) / 255, persistent=False)
        stem = {name: (tensors[f"{key}.weight"], tensors[f"{key}.bias"]) for name, key in STEM.items()}
        # The mean stays outside: Caffe pads with zeros after subtracting it, a bias would be wrong at the borders.
        self.conv1 = _Convolution(stem["conv1"][0].flip(1) * 255, stem["conv1"][1], stride=2)
        self.norm1 = _ResponseNorm(64)
        self.conv2_reduce = _Convolution(*stem["conv2_reduce"])
        self.conv2 = _Convolution(*stem["conv2"])
        self.norm2 = _ResponseNorm(192)
        self.blocks = nn.ModuleDict({f"mixed{block}": _Inception(block, tensors) for block in BLOCKS})
        self.classifier: _Convolution | None = None
        if f"{CLASSIFIER}.weight" in tensors:
            weight, bias = tensors[f"{CLASSIFIER}.weight"], tensors[f"{CLASSIFIER}.bias"]
            self.classifier = _Convolution(weight[:, :, None, None], bias)
        self.eval()

    @property
    def name(self) -> str:
        return "googlenet"

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Every layer that can be dreamed with, in the network's order."""
        return layers()

    def forward(self, image: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
        """image: (1, 3, H, W) RGB in [0, 1]. Returns the wanted layers by canonical name, each (1, C, h, w).

        Raises ValueError for a name that is not one of `layers`; people's names go through `catalog.find_layer`.
        """
        known = {layer.name for layer in self.layers} | ({LOGITS} if self.classifier is not None else set())
        if unknown := wanted - known:
            raise ValueError(f"{self.name} has no layer {min(unknown)!r}")
        found = _Found(wanted)
        if wanted:
            self._run(image, found)
        return found.activations

    def _run(self, image: Tensor, found: _Found) -> None:
        # The mean goes first, in the picture's own precision: in bfloat16 numbers around 0 are finer than around 0.5.
        x = (image - self.mean).to(self.conv1.weight.dtype)
        x = found.relu("conv1", self.conv1(x.contiguous(memory_format=torch.channels_last)))
        if found.done():
            return
        x = found.relu("conv2_reduce", self.conv2_reduce(self.norm1(_pool(x))))
        if found.done():
            return
        x = found.relu("conv2", self.conv2(x))
        if found.done():
            return
        x = _pool(self.norm2(x))
        for title, block in self.blocks.items():
            if title in ("mixed4a", "mixed5a"):
                x = _pool(x)
            x = block(x, found, whole=found.goes_past(title))
            if found.done():
                return
        if self.classifier is not None:
            found.keep(LOGITS, self.classifier(x.mean((2, 3), keepdim=True)).flatten(1))


def _pool(x: Tensor) -> Tensor:
    # A window larger than the picture is an error in PyTorch when the edge is 1.
    return F.max_pool2d(x, (min(3, x.shape[2]), min(3, x.shape[3])), 2, ceil_mode=True)


def load(path: Path) -> GoogLeNet:
    """The network with the weights of a file (.pth or .safetensors), in eval mode, on the CPU, float32.

    The names are those of `tensor_shapes`; the classifier may be missing and the training's side heads (`loss1_`,
    `loss2_`) are ignored. Raises InputError for a file that cannot be read or that holds another network.
    """
    tensors = read_tensors(path)
    expected = tensor_shapes()
    if not any(name.startswith(CLASSIFIER) for name in tensors):
        expected = {name: shape for name, shape in expected.items() if not name.startswith(CLASSIFIER)}
    for name, shape in expected.items():
        if name not in tensors:
            raise _another(path, f"it has no tensor {name!r}")
        if tuple(tensors[name].shape) != shape:
            raise _another(path, f"its tensor {name!r} is {_text(tensors[name].shape)}, here it is {_text(shape)}")
    for name, tensor in tensors.items():
        if name.startswith(SIDE_HEADS):
            # Without its classifier a Places GoogLeNet gives itself away only here: its mean is another.
            if "classifier" in name and tensor.shape[0] != CLASSES:
                raise _another(path, f"its tensor {name!r} tells {tensor.shape[0]} classes apart, here it is {CLASSES}")
        elif name not in expected:
            raise _another(path, f"here is no tensor {name!r}")
    return GoogLeNet({name: tensors[name] for name in expected})


def _another(path: Path, difference: str) -> InputError:
    return InputError(f"{path} holds the weights of another network than the BVLC GoogLeNet: {difference}.")


def _text(shape: Sequence[int]) -> str:
    return "x".join(str(edge) for edge in shape)
