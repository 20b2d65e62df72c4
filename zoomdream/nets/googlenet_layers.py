"""The BVLC GoogLeNet on paper: the widths of its blocks, the tensors of its weights file, its layers and their names.

Szegedy et al. 2014, arXiv:1409.4842, table 1.
"""

from __future__ import annotations

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
CLASSES = 1000


def tensor_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of all tensors of a weights file, in the network's order, the classifier's last."""
    weights: dict[str, tuple[int, ...]] = {
        "conv1_7x7_s2": (64, 3, 7, 7),
        "conv2_3x3_reduce": (64, 64, 1, 1),
        "conv2_3x3": (192, 64, 3, 3),
    }
    for block, width in BLOCKS.items():
        for branch in BRANCHES:
            weights[f"inception_{block}_{branch}"] = width.weight_shape(branch)
    weights[CLASSIFIER] = (CLASSES, BLOCKS["5b"].output)
    shapes: dict[str, tuple[int, ...]] = {}
    for name, shape in weights.items():
        shapes[f"{name}.weight"] = shape
        shapes[f"{name}.bias"] = shape[:1]
    return shapes


@cache
def layers() -> tuple[Layer, ...]:
    """Every layer that can be dreamed with, in the network's order; `cost` counts the banded norms' work too."""
    shapes = tensor_shapes()
    spent = 0.0  # multiplications for each pixel of the picture
    found: list[Layer] = []
    for index, (name, key) in enumerate(STEM.items()):
        stride = 2 if name == "conv1" else 4
        channels = shapes[f"{key}.weight"][0]
        spent += prod(shapes[f"{key}.weight"]) / stride**2
        found += _convolution(name, channels, stride, spent, (key.replace("_", "/", 1), key, f"conv2d{index}"))
        if name != "conv2_reduce":
            spent += (channels / 4) ** 2  # the norm that follows, at a quarter of the picture's edges
    for block, width in BLOCKS.items():
        stride = STRIDES[block[0]]
        costs = {branch: prod(width.weight_shape(branch)) / stride**2 for branch in BRANCHES}
        for branch in BRANCHES:
            reached = spent + costs.get(f"{branch}_reduce", 0.0) + costs[branch]
            channels = width.weight_shape(branch)[0]
            found += _convolution(f"mixed{block}_{branch}", channels, stride, reached, _aliases(block, branch))
        spent += sum(costs.values())
        caffe = (f"inception_{block}/output", f"inception_{block}_output", f"inception_{block}")
        found.append(Layer(f"mixed{block}", width.output, stride, spent, (*caffe, f"inception{block}", block)))
    return tuple(Layer(one.name, one.channels, one.stride, one.cost / spent, one.aliases) for one in found)


def _convolution(name: str, channels: int, stride: int, spent: float, aliases: tuple[str, ...]) -> tuple[Layer, Layer]:
    """A convolution before and after its ReLU. Without a suffix a name always means after.

    So it is with Caffe's blobs, which are rectified in place. neural-dream's modules of the same names are before it.
    """
    before = tuple(f"{alias}_pre_relu" for alias in aliases)
    return (
        Layer(f"{name}_pre_relu", channels, stride, spent, before),
        Layer(name, channels, stride, spent, aliases),
    )


def _aliases(block: str, branch: str) -> tuple[str, ...]:
    caffe = (f"inception_{block}/{branch}", f"inception_{block}_{branch}", f"{block}_{branch}")
    return caffe if BRANCHES[branch] == branch else (*caffe, f"mixed{block}_{BRANCHES[branch]}")
