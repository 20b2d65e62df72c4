"""The GoogLeNets as plain modules: BVLC's of the first Deep Dreams, those of the Places, and Inception5h.

Szegedy et al. 2014 (arXiv:1409.4842): biases and no batch norm, real 5x5 branches, local response norm after the first
pool and before the second, pools that round up. Caffe's input is BGR, 0..255, minus a mean; order and scale are folded
into the first convolution here, so preprocessing is one subtraction. With a wrong mean, channel order, norm or padding
the dreams still look plausible: only Caffe's own activations prove a loader (tests/networks/weights).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from zoomdream.autodiff.operations.convolution import SameConv2d
from zoomdream.autodiff.operations.pool import HalvingPool
from zoomdream.autodiff.trace import trace_named
from zoomdream.autodiff.traced import TracedNetwork
from zoomdream.networks.googlenet_layers import BRANCHES, BVLC, CLASSIFIER, STEM, Variant, Widths, layers
from zoomdream.networks.weights.googlenet_layouts import read_variant


class Convolution(nn.Module):
    """A convolution that keeps the picture's size, or with stride 2 halves it, and ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, same: bool = False) -> None:
        super().__init__()
        self.conv = (SameConv2d if same else nn.Conv2d)(inputs, outputs, kernel, stride, kernel // 2)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.relu(self.conv(x))
        return found


class Inception(nn.ModuleDict):
    """Four branches side by side."""

    def __init__(self, width: Widths) -> None:
        super().__init__({"pool": nn.MaxPool2d(3, stride=1, padding=1)})
        for branch in BRANCHES:
            outputs, inputs, kernel, _ = width.weight_shape(branch)
            self[branch] = Convolution(inputs, outputs, kernel)

    def forward(self, x: Tensor) -> Tensor:
        one = self["1x1"](x)
        three = self["3x3"](self["3x3_reduce"](x))
        five = self["5x5"](self["5x5_reduce"](x))
        pooled = self["pool_proj"](self["pool"](x))
        return torch.cat([one, three, five, pooled], 1)


class GoogLeNet(nn.Sequential):
    """Pictures (1, 3, H, W), RGB in [0, 1] less the variant's mean, to the classes' probabilities (1, classes).

    Without its classifier, which not all weights have, to the mean of the last block (1, 1024, 1, 1).
    """

    def __init__(self, variant: Variant, classifier: bool = True) -> None:
        same, width, norm = variant.same, variant.blocks, variant.norm
        modules: dict[str, nn.Module] = {
            "conv1": Convolution(3, 64, 7, stride=2, same=same),
            "pool1": HalvingPool(same),
            "norm1": nn.LocalResponseNorm(norm.size, norm.size * norm.alpha, norm.beta, norm.bias),
            "conv2_reduce": Convolution(64, 64, 1),
            "conv2": Convolution(64, 192, 3),
            "norm2": nn.LocalResponseNorm(norm.size, norm.size * norm.alpha, norm.beta, norm.bias),
            "pool2": HalvingPool(same),
            "mixed3a": Inception(width["3a"]),
            "mixed3b": Inception(width["3b"]),
            "pool3": HalvingPool(same),
            "mixed4a": Inception(width["4a"]),
            "mixed4b": Inception(width["4b"]),
            "mixed4c": Inception(width["4c"]),
            "mixed4d": Inception(width["4d"]),
            "mixed4e": Inception(width["4e"]),
            "pool4": HalvingPool(same),
            "mixed5a": Inception(width["5a"]),
            "mixed5b": Inception(width["5b"]),
            "pool5": nn.AdaptiveAvgPool2d(1),
        }
        if classifier:
            modules["classifier"] = nn.Conv2d(width["5b"].output, variant.classes, 1)
            modules["logits"] = nn.Flatten()
            modules["prob"] = nn.Softmax(1)
        super().__init__(OrderedDict(modules))


def network(tensors: Mapping[str, Tensor], variant: Variant = BVLC) -> TracedNetwork:
    """The network ready to dream, on the CPU. tensors: float32 by the names of `tensor_shapes`; the classifier's are
    optional.

    Layers: `conv1`, `conv2_reduce`, `conv2`, `pool1` .. `pool5`, `norm1`, `norm2`, the blocks `mixed3a` .. `mixed5b`,
    and each branch's convolutions and pool such as `mixed4c_3x3_reduce`; the convolutions also before their ReLU
    (`..._pre_relu`). Where the weights have the classifier, also the classes: `logits`, (1, classes), of the mean of
    `mixed5b`, and `prob`, their softmax.
    """
    classifier = f"{CLASSIFIER}.weight" in tensors
    with torch.device("meta"):
        model = GoogLeNet(variant, classifier)
    state = {_parameter(name): tensor for name, tensor in tensors.items()}
    # The mean stays outside: Caffe pads with zeros after subtracting it, a bias would be wrong at the borders.
    state["conv1.conv.weight"] = state["conv1.conv.weight"] * 255
    if classifier:
        state["classifier.weight"] = state["classifier.weight"][:, :, None, None]
    model.load_state_dict(state, assign=True)
    mean = tuple((torch.tensor(variant.mean) / 255).tolist())
    found = layers(variant) if classifier else layers(variant)[:-2]
    return TracedNetwork(variant.name, model, trace_named(model, {layer: _path(layer.name) for layer in found}), mean)


def _parameter(name: str) -> str:
    """The module's name of a tensor of `tensor_shapes`."""
    stem, _, kind = name.rpartition(".")
    if stem == CLASSIFIER:
        return f"classifier.{kind}"
    own = {key: layer for layer, key in STEM.items()}
    if stem in own:
        return f"{own[stem]}.conv.{kind}"
    _, block, branch = stem.split("_", 2)
    return f"mixed{block}.{branch}.conv.{kind}"


def _path(layer: str) -> str:
    """The module that gives a layer."""
    name = layer.removesuffix("_pre_relu")
    path = name.replace("_", ".", 1) if name.startswith("mixed") else name
    return path if name == layer else f"{path}.conv"


def load(path: Path, variant: Variant = BVLC) -> TracedNetwork:
    """The network with the weights of a file, ready to dream, on the CPU, float32.

    The file: .caffemodel, or .pth or .safetensors in the layouts of Caffe and neural-dream, of lucid and of captum; see
    `weights.googlenet_layouts`. Raises InputError for a file that cannot be read or that holds another network.
    """
    return network(read_variant(path, variant), variant)
