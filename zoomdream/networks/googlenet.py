"""The GoogLeNets, opened up for dreaming: BVLC's of the first Deep Dreams, those of the Places, and Inception5h.

Szegedy et al. 2014 (arXiv:1409.4842): biases and no batch norm, real 5x5 branches, local response norm after the first
pool and before the second, pools that round up. Caffe's input is BGR, 0..255, minus a mean; order and scale are folded
into the first convolution here, so preprocessing is one subtraction. With a wrong mean, channel order, norm or padding
the dreams still look plausible: only Caffe's own activations prove a loader (tests/nets/test_googlenet.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from zoomdream.autodiff.operations import (
    Written,
    convolve,
    join,
    normalize_response,
    other,
    pool,
    rectify,
    response_band,
)
from zoomdream.autodiff.prepack import Packed
from zoomdream.autodiff.tape import Tape, Value, run
from zoomdream.networks.googlenet_layers import (
    BRANCHES,
    BVLC,
    CLASSIFIER,
    LOGITS,
    PROBABILITIES,
    STEM,
    ResponseNorm,
    Variant,
    layers,
)
from zoomdream.networks.weights.googlenet_layouts import read_variant
from zoomdream.types import Layer


class _Convolution(nn.Module):
    """A convolution with bias whose weights never need gradients."""

    def __init__(self, weight: Tensor, bias: Tensor, stride: int = 1, same: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last), requires_grad=False)
        self.bias = nn.Parameter(bias, requires_grad=False)
        self.stride = stride
        self.padding = weight.shape[-1] // 2
        self.same = same and stride == 2
        self.packed = Packed()

    def forward(self, tape: Tape, x: Value, rectified: bool = False) -> Value:
        above = left = self.padding
        if self.same:  # for even edges TensorFlow pads one less before than after
            height, width = x.tensor.shape[2:]
            above, left = above - (height % 2 == 0), left - (width % 2 == 0)
        return tape.do(
            convolve,
            x,
            weight=self.weight,
            bias=self.bias,
            stride=self.stride,
            padding=(above, self.padding, left, self.padding),
            rectified=rectified,
            packed=self.packed,
        )


class _ResponseNorm(nn.Module):
    """Local response norm, see `normalize_response`."""

    band: Tensor
    bias: Tensor

    def __init__(self, channels: int, norm: ResponseNorm = BVLC.norm) -> None:
        super().__init__()
        self.register_buffer("band", response_band(channels, norm.size, norm.alpha), persistent=False)
        self.register_buffer("bias", torch.full((channels,), norm.bias), persistent=False)
        self.beta = norm.beta
        self.packed = Packed()

    def forward(self, tape: Tape, x: Value) -> Value:
        return tape.do(normalize_response, x, band=self.band, bias=self.bias, beta=self.beta, packed=self.packed)


class _Found:
    """Collects the wanted activations of one pass."""

    def __init__(self, tape: Tape, wanted: frozenset[str]) -> None:
        self.tape = tape
        self.wanted = wanted
        self.activations: dict[str, Value] = {}

    def done(self) -> bool:
        return len(self.activations) == len(self.wanted)

    def goes_past(self, block: str) -> bool:
        """True if more than single branches of this block are still wanted."""
        return any(not name.startswith(f"{block}_") for name in self.wanted - self.activations.keys())

    def wants(self, *names: str) -> bool:
        return any(name in self.wanted or f"{name}_pre_relu" in self.wanted for name in names)

    def keep(self, name: str, activation: Value) -> Value:
        if name in self.wanted:
            self.activations[name] = activation
        return activation

    def convolve(self, name: str, convolution: _Convolution, x: Value) -> Value:
        """The convolution with its ReLU."""
        before = f"{name}_pre_relu"
        if before not in self.wanted:
            return self.keep(name, convolution(self.tape, x, rectified=True))
        return self.keep(name, self.tape.do(other(torch.relu), self.keep(before, convolution(self.tape, x))))


class _Inception(nn.Module):
    """Four branches side by side; what is not wanted of the deepest block is not computed."""

    def __init__(self, block: str, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.title = f"mixed{block}"
        for branch in BRANCHES:
            key = f"inception_{block}_{branch}"
            self.add_module(f"branch_{branch}", _Convolution(tensors[f"{key}.weight"], tensors[f"{key}.bias"]))

    def _branch(self, name: str, x: Value, found: _Found) -> Value:
        convolution = self.get_submodule(f"branch_{name}")
        assert isinstance(convolution, _Convolution)
        return found.convolve(f"{self.title}_{name}", convolution, x)

    def forward(self, x: Value, found: _Found, whole: bool) -> Value | None:
        """The block's output if `whole`; otherwise just the branches that are wanted, and None."""
        branches = []
        if whole or found.wants(f"{self.title}_1x1"):
            branches.append(self._branch("1x1", x, found))
        for size in ("3x3", "5x5"):
            if whole or found.wants(f"{self.title}_{size}_reduce", f"{self.title}_{size}"):
                reduced = self._branch(f"{size}_reduce", x, found)
                if whole or found.wants(f"{self.title}_{size}"):
                    branches.append(self._branch(size, reduced, found))
        if whole or found.wants(f"{self.title}_pool", f"{self.title}_pool_proj"):
            pooled = found.tape.do(pool, x, window=(3, 3), stride=1, padding=(1, 1))
            found.keep(f"{self.title}_pool", pooled)
            if whole or found.wants(f"{self.title}_pool_proj"):
                branches.append(self._branch("pool_proj", pooled, found))
        return found.keep(self.title, found.tape.do(join, *branches)) if whole else None


class GoogLeNet(nn.Module):
    """The network, opened up: a call returns the wanted activations and computes nothing past the deepest of them.

    Layers: `conv1`, `conv2_reduce`, `conv2`, `pool1` .. `pool5`, `norm1`, `norm2`, the blocks `mixed3a` .. `mixed5b`,
    and each branch's convolutions and pool such as `mixed4c_3x3_reduce`; the convolutions also before their ReLU
    (`..._pre_relu`). Where the weights have the classifier, also the classes: `logits`, (1, classes), of the mean of
    `mixed5b`, and `prob`, their softmax. No weight needs a gradient.
    """

    mean: Tensor

    def __init__(self, tensors: Mapping[str, Tensor], variant: Variant = BVLC) -> None:
        """tensors: float32 by the names of `tensor_shapes`, and optionally `loss3_classifier.weight` and `.bias`."""
        super().__init__()
        self._variant = variant
        self.register_buffer("mean", torch.tensor(variant.mean).view(1, 3, 1, 1) / 255, persistent=False)
        stem = {name: (tensors[f"{key}.weight"], tensors[f"{key}.bias"]) for name, key in STEM.items()}
        # The mean stays outside: Caffe pads with zeros after subtracting it, a bias would be wrong at the borders.
        self.conv1 = _Convolution(stem["conv1"][0] * 255, stem["conv1"][1], stride=2, same=variant.same)
        self.norm1 = _ResponseNorm(64, variant.norm)
        self.conv2_reduce = _Convolution(*stem["conv2_reduce"])
        self.conv2 = _Convolution(*stem["conv2"])
        self.norm2 = _ResponseNorm(192, variant.norm)
        self.blocks = nn.ModuleDict({f"mixed{block}": _Inception(block, tensors) for block in variant.blocks})
        self.classifier: _Convolution | None = None
        if f"{CLASSIFIER}.weight" in tensors:
            weight, bias = tensors[f"{CLASSIFIER}.weight"], tensors[f"{CLASSIFIER}.bias"]
            self.classifier = _Convolution(weight[:, :, None, None], bias)
        self._layers = tuple(
            layer
            for layer in layers(variant)
            if self.classifier is not None or layer.name not in (LOGITS, PROBABILITIES)
        )
        self._names = frozenset(layer.name for layer in self._layers)
        self.eval()

    @property
    def name(self) -> str:
        return self._variant.name

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Every layer that can be dreamed with, in the network's order."""
        return self._layers

    def forward(self, image: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
        """image: (1, 3, H, W) RGB in [0, 1]. Returns the wanted layers by canonical name, each (1, C, h, w).

        `logits` and `prob` are (1, classes). Raises ValueError for a name that is not one of `layers`; people's names
        go through `catalog.find_layer`.
        """
        if unknown := wanted - self._names:
            raise ValueError(f"{self.name} has no layer {min(unknown)!r}")
        if not wanted:
            return {}
        return run(image, lambda tape, picture: self._run(picture, _Found(tape, wanted)))

    def _run(self, image: Value, found: _Found) -> dict[str, Value]:
        self._look(image, found)
        return found.activations

    def _look(self, image: Value, found: _Found) -> None:
        tape = found.tape
        x = tape.do(self._centred, image)
        # ReLU and pool are the same in either order, and behind the pool ReLU has a quarter of the work.
        if found.wants("conv1"):
            x = found.convolve("conv1", self.conv1, x)
            if found.done():
                return
            x = self._pool(tape, x)
        else:
            x = tape.do(rectify, self._pool(tape, self.conv1(tape, x)))
        found.keep("pool1", x)
        if found.done():
            return
        x = found.keep("norm1", self.norm1(tape, x))
        if found.done():
            return
        x = found.convolve("conv2_reduce", self.conv2_reduce, x)
        if found.done():
            return
        x = found.convolve("conv2", self.conv2, x)
        if found.done():
            return
        x = found.keep("norm2", self.norm2(tape, x))
        if found.done():
            return
        x = found.keep("pool2", self._pool(tape, x))
        for title, block in self.blocks.items():
            if found.done():
                return
            if title in ("mixed4a", "mixed5a"):
                x = found.keep(f"pool{int(title[5]) - 1}", self._pool(tape, x))
                if found.done():
                    return
            x = block(x, found, whole=found.goes_past(title))
        if not found.done():
            self._classify(x, found)

    def _centred(self, image: Tensor) -> Written:
        """The picture less the mean, in the network's precision. The mean goes first, in the picture's own precision:
        in bfloat16 numbers around 0 are finer than around 0.5. Rounded, they are put in order in half the time.
        """
        x = (image - self.mean).to(self.conv1.weight.dtype).contiguous(memory_format=torch.channels_last)
        return x, lambda gradient: (gradient.to(image.dtype),)

    def _classify(self, x: Value, found: _Found) -> None:
        x = found.keep("pool5", found.tape.do(other(lambda grid: grid.mean((2, 3), keepdim=True)), x))
        if self.classifier is not None and not found.done():
            x = found.tape.do(other(lambda classes: classes.flatten(1)), self.classifier(found.tape, x))
            found.keep(LOGITS, x)
            if PROBABILITIES in found.wanted:
                found.keep(PROBABILITIES, found.tape.do(other(lambda classes: classes.softmax(1)), x))

    def _pool(self, tape: Tape, x: Value) -> Value:
        # A window larger than the picture is an error in PyTorch when the edge is 1.
        height, width = x.tensor.shape[2:]
        # Caffe's window starts at the edge, TensorFlow's only for even edges and else one pixel outside.
        before = [edge % 2 if edge > 1 and self._variant.same else 0 for edge in (height, width)]
        return tape.do(
            pool, x, window=(min(3, height), min(3, width)), stride=2, padding=(before[0], before[1]), ceil=True
        )


def load(path: Path, variant: Variant = BVLC) -> GoogLeNet:
    """The network with the weights of a file, in eval mode, on the CPU, float32.

    The file: .caffemodel, or .pth or .safetensors in the layouts of Caffe and neural-dream, of lucid and of captum; see
    `googlenet_files`. Raises InputError for a file that cannot be read or that holds another network.
    """
    return GoogLeNet(read_variant(path, variant), variant)
