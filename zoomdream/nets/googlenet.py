"""The BVLC GoogLeNet, the network of the first Deep Dreams, opened up for dreaming.

Szegedy et al. 2014 (arXiv:1409.4842), as Caffe trained it: biases and no batch norm, real 5x5 branches, local response
norm after the first pool and before the second, pools that round up. Its input is BGR, 0..255, minus a mean; both are
folded into the first convolution here, so preprocessing is one subtraction. With a wrong mean, channel order, norm or
padding the dreams still look plausible: only Caffe's own activations prove a loader (tests/nets/test_googlenet.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zoomdream.errors import InputError
from zoomdream.nets.googlenet_layers import BLOCKS, BRANCHES, CLASSIFIER, STEM, layers, tensor_shapes
from zoomdream.nets.weights import read_tensors
from zoomdream.types import Layer

MEAN_RGB = (123.0, 117.0, 104.0)


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

    The sum is a 1x1 convolution with a banded matrix: exact to 2e-5, and it runs in bfloat16 on the CPU. PyTorch's own does
    not, and took 40 % of a gradient step. The first norm's input reaches 3,400 on natural pictures, whose square float16
    cannot hold: it is divided by 64 before and the matrix multiplied by 64 squared, which is exact.
    """

    band: Tensor
    one: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        distance = (torch.arange(channels)[:, None] - torch.arange(channels)[None, :]).abs()
        self.register_buffer("band", (distance <= 2).float()[:, :, None, None] * (1e-4 / 5 * 64**2), persistent=False)
        self.register_buffer("one", torch.ones(channels), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        small = x * (1 / 64)
        return x * F.conv2d(small * small, self.band, self.one) ** -0.75


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
    `mixed4c_3x3_reduce`; all but the blocks also before their ReLU (`..._pre_relu`). `logits`, (1, 1000, 1, 1), is the
    classifier on the mean of `mixed5b`, if the weights have one. No weight needs a gradient; the picture may.
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
        """Every layer in the network's order; `logits` only where the weights have the classifier."""
        return layers() if self.classifier is not None else layers()[:-1]

    def forward(self, image: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
        """image: (1, 3, H, W) RGB in [0, 1]. Returns the wanted layers by canonical name, each (1, C, h, w).

        Raises ValueError for a name that is not one of `layers`.
        """
        if unknown := wanted - {layer.name for layer in self.layers}:
            raise ValueError(f"{self.name} has no layer {sorted(unknown)[0]!r}")
        found = _Found(wanted)
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
            found.keep("logits", self.classifier(x.mean((2, 3), keepdim=True)))


def _pool(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, 2, ceil_mode=True)


def load(path: Path) -> GoogLeNet:
    """The network with the weights of a file (.pth or .safetensors), in eval mode, on the CPU, float32.

    The names are those of `tensor_shapes`; the classifier may be missing and the training's side heads (`loss1_`,
    `loss2_`) are ignored. Raises InputError for a file that cannot be read or that holds another network.
    """
    tensors = read_tensors(path)
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith(("loss1_", "loss2_"))}
    expected = tensor_shapes()
    if not any(name.startswith(CLASSIFIER) for name in kept):
        expected = {name: shape for name, shape in expected.items() if not name.startswith(CLASSIFIER)}
    for name, shape in expected.items():
        if name not in kept:
            raise _another(path, f"it has no tensor {name!r}")
        if tuple(kept[name].shape) != shape:
            raise _another(path, f"its tensor {name!r} is {_text(kept[name].shape)} where GoogLeNet has {_text(shape)}")
    if unknown := next((name for name in kept if name not in expected), None):
        raise _another(path, f"GoogLeNet has no tensor {unknown!r}")
    return GoogLeNet(kept)


def _another(path: Path, difference: str) -> InputError:
    return InputError(f"{path} holds the weights of another network than the BVLC GoogLeNet: {difference}.")


def _text(shape: Sequence[int]) -> str:
    return "x".join(str(edge) for edge in shape)
