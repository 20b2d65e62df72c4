"""DreamNet: the small network inside the package, taught by BVLC GoogLeNet to see what GoogLeNet sees.

A half-width network of Inception-like blocks. Behind each block a 1x1 head predicts the teacher's activations, so that
`mixed4c` channel 61 means the same here as in GoogLeNet, and dreaming a layer means amplifying what its head says.
How it was trained, from what, and how close it comes: docs/dreamnet.md.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from zoomdream.autodiff.operations.divisive_norm import DivisiveNorm
from zoomdream.autodiff.operations.pool import HalvingPool
from zoomdream.autodiff.trace import trace_named
from zoomdream.autodiff.traced import TracedNetwork
from zoomdream.errors import InputError
from zoomdream.networks.dreamnet_file import FILE_NAME, read
from zoomdream.networks.googlenet import Convolution
from zoomdream.types import Layer

LOGITS = "logits"
CLASSES = 1000
# The mean that the teacher subtracts, RGB of 255. Zero padding then means this grey, for teacher and student alike.
MEAN = (123.0 / 255, 117.0 / 255, 104.0 / 255)


@dataclass(frozen=True, slots=True)
class BlockShape:
    """Widths of a block: straight 1x1, reduced and full 3x3, reduced and full 5x5, pooled; of the teacher's layer."""

    direct: int
    reduced3: int
    full3: int
    reduced5: int
    full5: int
    pooled: int
    teacher: int

    @property
    def width(self) -> int:
        return self.direct + self.full3 + self.full5 + self.pooled


# Multiples of 8 keep AVX-512 lanes full in bfloat16. The stem is narrow because its resolution is what costs.
STEM, SQUEEZE, DETAIL = 32, 40, 112
SHAPES = {
    "mixed3a": BlockShape(48, 56, 72, 16, 16, 24, 256),
    "mixed3b": BlockShape(80, 72, 112, 16, 48, 40, 480),
    "mixed4a": BlockShape(112, 56, 128, 16, 32, 40, 512),
    "mixed4b": BlockShape(96, 80, 144, 16, 40, 40, 512),
    "mixed4c": BlockShape(80, 96, 160, 16, 40, 40, 512),
    "mixed4d": BlockShape(80, 96, 176, 16, 40, 40, 528),
    "mixed4e": BlockShape(128, 96, 192, 16, 64, 64, 832),
    "mixed5a": BlockShape(128, 80, 160, 16, 56, 56, 832),
    "mixed5b": BlockShape(160, 80, 160, 24, 56, 56, 1024),
}
NAMES = tuple(SHAPES)
EVERYTHING = frozenset([*NAMES, LOGITS])
POOLED_BEFORE = frozenset({"mixed4a", "mixed5a"})
# Whose head sees what the block was made of too. For 3b it explains 0.02 more of the teacher's variance, and only those
# who dream with 3b pay for it; for 4c and 4d, whose blocks are wider beside their teacher's, it explains nothing more.
SEES_BEFORE = frozenset({"mixed3b"})


class Block(nn.Module):
    """Four branches like an Inception block, behind a single 1x1 convolution, so the input is read once.

    The pooling branch pools after its projection, not before: 4 to 14 times fewer channels go through the slow pooling.
    """

    def __init__(self, inputs: int, shape: BlockShape) -> None:
        super().__init__()
        self.split = [shape.direct, shape.reduced3, shape.reduced5, shape.pooled]
        self.entry = Convolution(inputs, sum(self.split), 1)
        self.conv3 = Convolution(shape.reduced3, shape.full3, 3)
        self.conv5 = Convolution(shape.reduced5, shape.full5, 5)
        self.pool = nn.MaxPool2d(3, stride=1, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        direct, reduced3, reduced5, projected = torch.split(self.entry(x), self.split, dim=1)
        return torch.cat([direct, self.conv3(reduced3), self.conv5(reduced5), self.pool(projected)], 1)


class DreamNet(nn.Module):
    """Pictures (N, 3, H, W), RGB in [0, 1] less MEAN, to the wanted layers: activations (N, C, h, w), not negative, in
    the teacher's units; "logits" is (N, 1000). Runs no further than the deepest wanted one. `load` gives the network to
    dream with.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = Convolution(3, STEM, 7, stride=2)
        self.gain = DivisiveNorm(STEM)
        self.squeeze = Convolution(STEM, SQUEEZE, 1)
        self.detail = Convolution(SQUEEZE, DETAIL, 3)
        self.balance = DivisiveNorm(DETAIL)
        self.pool = HalvingPool()
        self.blocks = nn.ModuleDict()
        self.heads = nn.ModuleDict()
        width = DETAIL
        for name, shape in SHAPES.items():
            self.blocks[name] = Block(width, shape)
            seen = shape.width + (width if name in SEES_BEFORE else 0)
            self.heads[name] = Convolution(seen, shape.teacher, 1)
            width = shape.width
        self.classifier = nn.Linear(shape.teacher, CLASSES)

    def forward(self, picture: Tensor, wanted: Collection[str] = EVERYTHING) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        x = self.gain(self.pool(self.stem(picture)))
        x = self.balance(self.pool(self.detail(self.squeeze(x))))
        for name, block in self.blocks.items():
            before = self.pool(x) if name in POOLED_BEFORE else x
            x = block(before)
            if name in wanted:
                found[name] = self.heads[name](torch.cat([before, x], 1) if name in SEES_BEFORE else x)
            if len(found) == len(wanted):
                return found
        head = found[name] if name in wanted else self.heads[name](x)
        found[LOGITS] = self.classifier(head.mean(dim=(2, 3)))
        return found


@cache
def layers() -> tuple[Layer, ...]:
    """Every layer that can be dreamed with, shallow to deep; the classes, `logits`, last.

    cost: the multiplications up to each layer with its head, as a share of those for all layers, at 224x224.
    """
    with torch.device("meta"):
        network = DreamNet()

    def work(module: nn.Module, stride: int) -> int:
        return (224 // stride) ** 2 * sum(weight.numel() for weight in module.parameters() if weight.ndim == 4)

    body = work(network.stem, 2) + sum(work(one, 4) for one in (network.gain, network.squeeze, network.detail))
    body += work(network.balance, 8)
    heads, stride = 0, 8
    reached: dict[str, tuple[int, int]] = {}
    for name in NAMES:
        stride *= 2 if name in POOLED_BEFORE else 1
        body, head = body + work(network.blocks[name], stride), work(network.heads[name], stride)
        heads += head
        reached[name] = (stride, body + head)
    classes = network.classifier.weight.numel()
    whole = body + heads + classes
    blocks = [
        Layer(name, SHAPES[name].teacher, stride, cost / whole, _aliases(name))
        for name, (stride, cost) in reached.items()
    ]
    names = ("loss3/classifier", "loss3_classifier", "fc")
    return (*blocks, Layer(LOGITS, CLASSES, stride, (body + head + classes) / whole, names))


def _aliases(name: str) -> tuple[str, ...]:
    short = name.removeprefix("mixed")
    return (f"inception_{short}/output", f"inception_{short}_output", f"inception{short}", short)


def ready(network: DreamNet) -> TracedNetwork:
    """The network as one dreams with it, which takes pictures as they are."""
    modules = {layer: "classifier" if layer.name == LOGITS else f"heads.{layer.name}" for layer in layers()}
    return TracedNetwork("dreamnet", network, trace_named(network, modules), MEAN)


def load(path: Path | None = None) -> TracedNetwork:
    """The network ready to dream: float32 on the CPU.

    Reads the embedded weights, or those of `path`. InputError if the file is missing, damaged or of another network.
    """
    tensors, _ = read(path)
    with torch.device("meta"):
        network = DreamNet()
    try:
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, assign=True)
    except RuntimeError as error:
        raise InputError(
            f"{path or FILE_NAME} holds the tensors of another network than this version's dreamnet."
        ) from error
    return ready(network)
