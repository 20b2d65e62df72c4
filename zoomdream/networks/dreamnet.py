"""DreamNet: the small network inside the package, taught by BVLC GoogLeNet to see what GoogLeNet sees.

A half-width network of Inception-like blocks. Behind each block a 1x1 head predicts the teacher's activations, so that
`mixed4c` channel 61 means the same here as in GoogLeNet, and dreaming a layer means amplifying what its head says.
How it was trained, from what, and how close it comes: docs/dreamnet.md.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from zoomdream.autodiff.operations import Written, convolve, divide, join, other, pool, rectify
from zoomdream.autodiff.prepack import Packed
from zoomdream.autodiff.tape import Tape, Value, run
from zoomdream.errors import ConfigError, InputError
from zoomdream.networks.dreamnet_file import FILE_NAME, read
from zoomdream.types import Layer

LOGITS = "logits"
CLASSES = 1000
# The mean that the teacher subtracts, RGB of 255. Zero padding then means this grey, for teacher and student alike.
_MEAN = (123.0 / 255, 117.0 / 255, 104.0 / 255)


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
POOLED_BEFORE = frozenset({"mixed4a", "mixed5a"})
# Whose head sees what the block was made of too. For 3b it explains 0.02 more of the teacher's variance, and only those
# who dream with 3b pay for it; for 4c and 4d, whose blocks are wider beside their teacher's, it explains nothing more.
SEES_BEFORE = frozenset({"mixed3b"})


def head_inputs(name: str, before: int) -> int:
    """Channels that the head of a block sees that was made of `before` channels."""
    return SHAPES[name].width + (before if name in SEES_BEFORE else 0)


class Convolution(nn.Module):
    """Convolution and, unless that comes later, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, rectified: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)
        self.stride, self.around, self.rectified = stride, (kernel // 2,) * 4, rectified
        self.packed = Packed()

    def operate(self, picture: Tensor) -> Written:
        weight, bias = self.conv.weight, self.conv.bias
        return convolve(
            picture,
            weight,
            bias,
            stride=self.stride,
            padding=self.around,
            rectified=self.rectified,
            packed=self.packed,
        )

    def forward(self, tape: Tape, picture: Value) -> Value:
        return tape.do(self.operate, picture)


class DivisiveNorm(nn.Module):
    """x / sqrt(1 + weighted sum of the channels' squares): a learned form of the teacher's local response norm.

    A 1x1 convolution instead of a window over channels, and a square root instead of the power 0.75: both are quick.
    """

    one: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels, channels, 1, 1), 0.5 / channels))
        self.register_buffer("one", torch.ones(channels), persistent=False)
        self.packed = Packed()

    def forward(self, tape: Tape, picture: Value) -> Value:
        return tape.do(divide, picture, weight=self.weight, bias=self.one, packed=self.packed)


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

    def operate(self, picture: Tensor) -> Written:
        entered, entry_back = self.entry.operate(picture)
        direct, reduced3, reduced5, projected = torch.split(entered, self.split, dim=1)
        full3, back3 = self.conv3.operate(reduced3)
        full5, back5 = self.conv5.operate(reduced5)
        pooled, pool_back = pool(projected, (3, 3), 1, (1, 1))
        joined, parts = join(direct, full3, full5, pooled)

        def back(gradient: Tensor) -> tuple[Tensor, ...]:
            of_direct, of3, of5, of_pooled = parts(gradient)
            return entry_back(torch.cat([of_direct, *back3(of3), *back5(of5), *pool_back(of_pooled)], 1))

        return joined, back

    def forward(self, tape: Tape, picture: Value) -> Value:
        return tape.do(self.operate, picture)


def _pool(tape: Tape, picture: Value) -> Value:
    height, width = picture.tensor.shape[2:]  # an edge of 1 has no room for 3: PyTorch's error
    return tape.do(pool, picture, window=(min(3, height), min(3, width)), stride=2, ceil=True)


class DreamNet(nn.Module):
    """See the module. `load` gives the network to dream with.

    Called with image (1, 3, H, W), RGB in [0, 1], and the wanted layers' names ("logits" too), gives each one's
    activations (1, C, h, w), not negative, in the teacher's units; "logits" is (1, 1000). Runs no further than the
    deepest wanted layer and computes no head that is not wanted. ConfigError for a name that is no layer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = Convolution(3, STEM, 7, stride=2, rectified=False)
        self.gain = DivisiveNorm(STEM)
        self.squeeze = Convolution(STEM, SQUEEZE, 1)
        self.detail = Convolution(SQUEEZE, DETAIL, 3, rectified=False)
        self.balance = DivisiveNorm(DETAIL)
        self.blocks = nn.ModuleDict()
        self.heads = nn.ModuleDict()
        width = DETAIL
        for name, shape in SHAPES.items():
            self.blocks[name] = Block(width, shape)
            self.heads[name] = Convolution(head_inputs(name, width), shape.teacher, 1)
            width = shape.width
        self.classifier = nn.Linear(SHAPES[NAMES[-1]].teacher, CLASSES)
        self.mean: Tensor
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)

    @property
    def name(self) -> str:
        return "dreamnet"

    @property
    def layers(self) -> tuple[Layer, ...]:
        return _LAYERS

    def forward(self, image: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
        for name in wanted:
            if name not in SHAPES and name != LOGITS:
                near = difflib.get_close_matches(name, [*NAMES, LOGITS], 1, 0)[0]
                raise ConfigError(f"dreamnet has no layer {name!r}; did you mean {near!r}? It has {', '.join(NAMES)}.")
        if not wanted:
            return {}
        if self.stem.conv.weight.requires_grad:  # while it learns, autograd follows every operation
            return {
                name: value.tensor for name, value in self._look(Tape(recording=False), Value(image), wanted).items()
            }
        return run(image, lambda tape, picture: self._look(tape, picture, wanted))

    def _look(self, tape: Tape, image: Value, wanted: frozenset[str]) -> dict[str, Value]:
        deepest = NAMES[-1] if LOGITS in wanted else max(wanted, key=NAMES.index)
        found: dict[str, Value] = {}
        # ReLU and pooling are the same in either order, and behind the pooling ReLU has a quarter of the work.
        picture = self.stem(tape, tape.do(self._centred, image))
        picture = self.gain(tape, tape.do(rectify, _pool(tape, picture)))
        picture = self.detail(tape, self.squeeze(tape, picture))
        picture = self.balance(tape, tape.do(rectify, _pool(tape, picture)))
        for name, block in self.blocks.items():
            if name in POOLED_BEFORE:
                picture = _pool(tape, picture)
            before, picture = picture, block(tape, picture)
            if name in wanted or (name == deepest and LOGITS in wanted):
                seen = tape.do(join, before, picture) if name in SEES_BEFORE else picture
                activation = self.heads[name](tape, seen)
                if name in wanted:
                    found[name] = activation
                if name == deepest and LOGITS in wanted:
                    found[LOGITS] = tape.do(other(lambda grid: self.classifier(grid.mean(dim=(2, 3)))), activation)
            if name == deepest:
                break
        return found

    def _centred(self, image: Tensor) -> Written:
        # Rounded before its numbers are put in another order, which then takes half the time.
        picture = (image - self.mean).to(self.stem.conv.weight.dtype).contiguous(memory_format=torch.channels_last)
        return picture, lambda gradient: (gradient.to(image.dtype),)


def _cost_table() -> tuple[Layer, ...]:
    """Multiply-adds up to each layer with its head, as a share of those for all layers and the logits, at 224x224."""

    def area(stride: int) -> int:
        return (224 // stride) ** 2

    body = area(2) * 3 * STEM * 49 + area(4) * (STEM * STEM + STEM * SQUEEZE + SQUEEZE * DETAIL * 9)
    body += area(8) * DETAIL**2
    heads = 0
    reached: dict[str, tuple[int, int]] = {}
    width, stride = DETAIL, 8
    for name, shape in SHAPES.items():
        stride *= 2 if name in POOLED_BEFORE else 1
        entry = width * (shape.direct + shape.reduced3 + shape.reduced5 + shape.pooled)
        body += area(stride) * (entry + shape.reduced3 * shape.full3 * 9 + shape.reduced5 * shape.full5 * 25)
        head = area(stride) * head_inputs(name, width) * shape.teacher
        width = shape.width
        heads += head
        reached[name] = (stride, body + head)
    whole = body + heads + SHAPES[NAMES[-1]].teacher * CLASSES
    blocks = tuple(
        Layer(name, SHAPES[name].teacher, stride, operations / whole, _aliases(name))
        for name, (stride, operations) in reached.items()
    )
    classes = (reached[NAMES[-1]][1] + SHAPES[NAMES[-1]].teacher * CLASSES) / whole
    return (*blocks, Layer(LOGITS, CLASSES, stride, classes, ("loss3/classifier", "loss3_classifier", "fc")))


def _aliases(name: str) -> tuple[str, ...]:
    short = name.removeprefix("mixed")
    return (f"inception_{short}/output", f"inception_{short}_output", f"inception{short}", short)


_LAYERS = _cost_table()


def layers() -> tuple[Layer, ...]:
    """Every layer that can be dreamed with, shallow to deep; the classes, `logits`, last."""
    return _LAYERS


def load(path: Path | None = None) -> DreamNet:
    """The network ready to dream: float32 on the CPU, eval mode, parameters without gradients, channels-last weights.

    Reads the embedded weights, or those of `path`. InputError if the file is missing, damaged or of another network.
    """
    tensors, _ = read(path)
    network = DreamNet()
    try:
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except RuntimeError as error:
        raise InputError(
            f"{path or FILE_NAME} holds the tensors of another network than this version's dreamnet."
        ) from error
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
