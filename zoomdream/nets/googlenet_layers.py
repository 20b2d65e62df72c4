"""The BVLC GoogLeNet on paper: the widths of its blocks, the tensors of its weights file, its layers and their names."""

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
BRANCHES = ("1x1", "3x3_reduce", "3x3", "5x5_reduce", "5x5", "pool_proj")
STEM = {"conv1": "conv1_7x7_s2", "conv2_reduce": "conv2_3x3_reduce", "conv2": "conv2_3x3"}
CLASSIFIER = "loss3_classifier"


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
    weights[CLASSIFIER] = (1000, BLOCKS["5b"].output)
    shapes: dict[str, tuple[int, ...]] = {}
    for name, shape in weights.items():
        shapes[f"{name}.weight"] = shape
        shapes[f"{name}.bias"] = shape[:1]
    return shapes


@cache
def layers() -> tuple[Layer, ...]:
    """Every layer in the network's order; `cost` counts multiplications, those of the banded norms too."""
    shapes = tensor_shapes()

    def work(key: str, stride: int) -> float:
        """Multiplications of a convolution for each pixel of the picture."""
        return prod(shapes[f"{key}.weight"]) / stride**2

    found: list[tuple[str, int, int, float, tuple[str, ...]]] = []

    def add(name: str, key: str, stride: int, spent: float, aliases: tuple[str, ...]) -> None:
        channels = shapes[f"{key}.weight"][0]
        before = tuple(f"{alias}_pre_relu" for alias in aliases)
        found.append((f"{name}_pre_relu", channels, stride, spent, before))
        found.append((name, channels, stride, spent, aliases))

    spent = 0.0
    for index, (name, key) in enumerate(STEM.items()):
        stride = 2 if name == "conv1" else 4
        spent += work(key, stride)
        add(name, key, stride, spent, (key.replace("_", "/", 1), key, f"conv2d{index}"))
        if name != "conv2_reduce":  # the banded norm that follows
            spent += (shapes[f"{key}.weight"][0] / 4) ** 2
    for block, width in BLOCKS.items():
        stride = {"3": 8, "4": 16, "5": 32}[block[0]]
        costs = {branch: work(f"inception_{block}_{branch}", stride) for branch in BRANCHES}
        for branch in BRANCHES:
            reduced = costs.get(f"{branch}_reduce", 0.0)
            add(
                f"mixed{block}_{branch}",
                f"inception_{block}_{branch}",
                stride,
                spent + reduced + costs[branch],
                _aliases(block, branch),
            )
        spent += sum(costs.values())
        names = (
            f"inception_{block}/output",
            f"inception_{block}_output",
            f"inception_{block}",
            f"inception{block}",
            block,
        )
        found.append((f"mixed{block}", width.output, stride, spent, names))
    found.append(
        (
            "logits",
            shapes[f"{CLASSIFIER}.weight"][0],
            32,
            spent,
            ("loss3/classifier", CLASSIFIER, "softmax2_pre_activation"),
        )
    )
    return tuple(
        Layer(name, channels, stride, cost / spent, aliases) for name, channels, stride, cost, aliases in found
    )


def _aliases(block: str, branch: str) -> tuple[str, ...]:
    """Caffe's names for it and Inception5h's. Caffe rectifies in place, so its blob is the value after the ReLU."""
    inception5h = (
        branch.replace("x3_reduce", "x3_bottleneck")
        .replace("x5_reduce", "x5_bottleneck")
        .replace("pool_proj", "pool_reduce")
    )
    names = (f"inception_{block}/{branch}", f"inception_{block}_{branch}", f"mixed{block}_{inception5h}")
    return names if inception5h != branch else names[:2]
