"""The GoogLeNets on paper: widths of their blocks, tensors of their weights files, their layers and all their names.

Szegedy et al. 2014, arXiv:1409.4842, table 1. Inception5h is Google's own training of it, with two other widths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import NamedTuple

from zoomdream.types import Layer


class Widths(NamedTuple):
    """Channels of one inception block: what comes in and what each convolution gives."""

    inputs: int
    one: int
    three_reduce: int
    three: int
    five_reduce: int
    five: int
    pool: int

    @property
    def output(self) -> int:
        return self.one + self.three + self.five + self.pool

    def weight_shape(self, branch: str) -> tuple[int, int, int, int]:
        """(out, in, height, width) of one convolution of the block."""
        return {
            "1x1": (self.one, self.inputs, 1, 1),
            "3x3_reduce": (self.three_reduce, self.inputs, 1, 1),
            "3x3": (self.three, self.three_reduce, 3, 3),
            "5x5_reduce": (self.five_reduce, self.inputs, 1, 1),
            "5x5": (self.five, self.five_reduce, 5, 5),
            "pool_proj": (self.pool, self.inputs, 1, 1),
        }[branch]


BLOCKS = {
    "3a": Widths(192, 64, 96, 128, 16, 32, 32),
    "3b": Widths(256, 128, 128, 192, 32, 96, 64),
    "4a": Widths(480, 192, 96, 208, 16, 48, 64),
    "4b": Widths(512, 160, 112, 224, 24, 64, 64),
    "4c": Widths(512, 128, 128, 256, 24, 64, 64),
    "4d": Widths(512, 112, 144, 288, 32, 64, 64),
    "4e": Widths(528, 256, 160, 320, 32, 128, 128),
    "5a": Widths(832, 256, 160, 320, 32, 128, 128),
    "5b": Widths(832, 384, 192, 384, 48, 128, 128),
}
INCEPTION5H_BLOCKS = {
    **BLOCKS,
    "4a": Widths(480, 192, 96, 204, 16, 48, 64),
    "4b": Widths(508, 160, 112, 224, 24, 64, 64),
    "5a": Widths(832, 256, 160, 320, 48, 128, 128),
}
STRIDES = {"3": 8, "4": 16, "5": 32}
# Each branch of a block and what Inception5h calls it.
BRANCHES = {
    "1x1": "1x1",
    "3x3_reduce": "3x3_bottleneck",
    "3x3": "3x3",
    "5x5_reduce": "5x5_bottleneck",
    "5x5": "5x5",
    "pool_proj": "pool_reduce",
}
STEM = {"conv1": "conv1_7x7_s2", "conv2_reduce": "conv2_3x3_reduce", "conv2": "conv2_3x3"}
CLASSIFIER = "loss3_classifier"
LOGITS = "logits"
PROBABILITIES = "prob"
_LOGITS_ALIASES = ("loss3/classifier", CLASSIFIER, "softmax2_pre_activation", "softmax2_pre_activation_matmul", "fc")


class ResponseNorm(NamedTuple):
    """x * (bias + alpha * sum of the squares of `size` neighbouring channels) ** -beta."""

    size: int
    alpha: float
    beta: float
    bias: float


@dataclass(frozen=True, eq=False)
class Variant:
    """One of the GoogLeNets. mean: of the pictures that it was trained on, RGB, 0..255, which is subtracted.

    same: TensorFlow's padding, which for odd edges starts half a step earlier than Caffe's.
    """

    name: str
    title: str
    classes: int
    mean: tuple[float, float, float]
    blocks: Mapping[str, Widths]
    norm: ResponseNorm
    same: bool = False


# Caffe's alpha is divided by the window's size, TensorFlow's is not.
_CAFFE_NORM = ResponseNorm(5, 1e-4 / 5, 0.75, 1.0)
BVLC = Variant("googlenet", "BVLC GoogLeNet", 1000, (123.0, 117.0, 104.0), BLOCKS, _CAFFE_NORM)
PLACES205 = Variant("googlenet-places205", "Places205 GoogLeNet", 205, (116.047, 113.753, 105.417), BLOCKS, _CAFFE_NORM)
PLACES365 = Variant("googlenet-places365", "Places365 GoogLeNet", 365, (116.676, 112.514, 104.051), BLOCKS, _CAFFE_NORM)
INCEPTION5H = Variant(
    "inception5h",
    "Inception5h",
    1008,
    (117.0, 117.0, 117.0),
    INCEPTION5H_BLOCKS,
    ResponseNorm(11, 1e-4, 0.5, 2.0),
    same=True,
)
VARIANTS = {variant.name: variant for variant in (BVLC, PLACES205, PLACES365, INCEPTION5H)}


def tensor_shapes(variant: Variant = BVLC) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all tensors of a weights file, in the network's order, the classifier's last.

    The names are Caffe's with `_` for `/`, as in neural-dream's files.
    """
    weights: dict[str, tuple[int, ...]] = {
        "conv1_7x7_s2": (64, 3, 7, 7),
        "conv2_3x3_reduce": (64, 64, 1, 1),
        "conv2_3x3": (192, 64, 3, 3),
    }
    for block, width in variant.blocks.items():
        for branch in BRANCHES:
            weights[f"inception_{block}_{branch}"] = width.weight_shape(branch)
    weights[CLASSIFIER] = (variant.classes, variant.blocks["5b"].output)
    shapes: dict[str, tuple[int, ...]] = {}
    for name, shape in weights.items():
        shapes[f"{name}.weight"] = shape
        shapes[f"{name}.bias"] = shape[:1]
    return shapes


@cache
def layers(variant: Variant = BVLC) -> tuple[Layer, ...]:
    """Every layer that can be dreamed with, in the network's order, classes last.

    `cost` counts the banded norms' work too, and of the pools nothing; that of the classes is next to nothing.
    """
    shapes = tensor_shapes(variant)
    spent = 0.0  # multiplications for each pixel of the picture
    found: list[Layer] = []

    def pooled(number: int, stride: int) -> None:
        caffe = (f"pool{number}/3x3_s2", f"pool{number}_3x3_s2", f"maxpool{(0, 1, 4, 10)[number - 1]}")
        found.append(Layer(f"pool{number}", found[-1].channels, stride, spent, caffe))

    for index, (name, key) in enumerate(STEM.items()):
        stride = 2 if name == "conv1" else 4
        channels = shapes[f"{key}.weight"][0]
        spent += prod(shapes[f"{key}.weight"]) / stride**2
        found += _convolution(name, channels, stride, spent, (key.replace("_", "/", 1), key, f"conv2d{index}"))
        if name == "conv2_reduce":
            continue
        if name == "conv1":
            pooled(1, 4)
        spent += (channels / 4) ** 2  # the norm that follows, at a quarter of the picture's edges
        caffe = "pool1/norm1" if name == "conv1" else "conv2/norm2"
        number = 1 if name == "conv1" else 2
        names = (caffe, caffe.replace("/", "_"), f"localresponsenorm{number - 1}")
        found.append(Layer(f"norm{number}", channels, 4, spent, names))
    pooled(2, 8)
    for block, width in variant.blocks.items():
        stride = STRIDES[block[0]]
        if block in ("4a", "5a"):
            pooled(int(block[0]) - 1, stride)
        costs = {branch: prod(width.weight_shape(branch)) / stride**2 for branch in BRANCHES}
        for branch in BRANCHES:
            if branch == "pool_proj":
                found.append(Layer(f"mixed{block}_pool", width.inputs, stride, spent, _caffe_names(block, "pool")))
            reached = spent + costs.get(f"{branch}_reduce", 0.0) + costs[branch]
            channels = width.weight_shape(branch)[0]
            found += _convolution(f"mixed{block}_{branch}", channels, stride, reached, _aliases(block, branch))
        spent += sum(costs.values())
        output = (f"inception_{block}/output", f"inception_{block}_output", f"inception_{block}")
        found.append(Layer(f"mixed{block}", width.output, stride, spent, (*output, f"inception{block}", block)))
    last = found[-1]
    found.append(Layer("pool5", last.channels, last.stride, spent, ("pool5/7x7_s1", "pool5_7x7_s1", "avgpool0")))
    found.append(Layer(LOGITS, variant.classes, last.stride, spent, _LOGITS_ALIASES))
    found.append(Layer(PROBABILITIES, variant.classes, last.stride, spent, ("softmax2", "softmax")))
    return tuple(Layer(one.name, one.channels, one.stride, one.cost / spent, one.aliases) for one in found)


def _convolution(name: str, channels: int, stride: int, spent: float, aliases: tuple[str, ...]) -> tuple[Layer, Layer]:
    """A convolution before and after its ReLU. Without a suffix a name always means after, `..._pre_relu` before.

    So it is with Caffe's blobs, which are rectified in place. neural-dream's modules of the same names are before it;
    its `inception_4c_relu_3x3` is after, as Caffe's layer of that name.
    """
    before = tuple(f"{alias}_pre_relu" for alias in aliases)
    lucid = tuple(f"{one}_pre_relu_conv" for one in (name, *aliases) if one.startswith(("mixed", "conv2d")))
    caffe = tuple(alias.replace("/", "/relu_") for alias in aliases if "/" in alias)
    # Of the first convolution they say no stride there.
    caffe = tuple(alias.removesuffix("_s2") for alias in caffe)
    after = (*caffe, *(alias.replace("/", "_") for alias in caffe))
    return (
        Layer(f"{name}_pre_relu", channels, stride, spent, (*before, *lucid)),
        Layer(name, channels, stride, spent, (*aliases, *after)),
    )


def _aliases(block: str, branch: str) -> tuple[str, ...]:
    caffe = _caffe_names(block, branch)
    return caffe if BRANCHES[branch] == branch else (*caffe, f"mixed{block}_{BRANCHES[branch]}")


def _caffe_names(block: str, branch: str) -> tuple[str, ...]:
    return (f"inception_{block}/{branch}", f"inception_{block}_{branch}", f"{block}_{branch}")
