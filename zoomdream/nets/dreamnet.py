"""DreamNet: the small network inside the package, taught by BVLC GoogLeNet to see what GoogLeNet sees.

A half-width network of Inception-like blocks. Behind each block a 1x1 head predicts the teacher's activations, so that
`mixed4c` channel 61 means the same here as in GoogLeNet, and dreaming a layer means amplifying what its head says.
How it was trained, from what, and how close it comes: docs/dreamnet.md.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional

from zoomdream.errors import ConfigError, InputError
from zoomdream.types import Layer

LOGITS = "logits"
CLASSES = 1000
FILE_NAME = "dreamnet.safetensors"
_LARGEST_FILE = 64 * 2**20
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


# Multiples of 16 keep AVX-512 lanes full. The stem is narrow because its resolution is what costs.
STEM, SQUEEZE, DETAIL = 24, 32, 96
SHAPES = {
    "mixed3a": BlockShape(32, 48, 64, 16, 16, 16, 256),
    "mixed3b": BlockShape(64, 64, 96, 16, 48, 32, 480),
    "mixed4a": BlockShape(96, 48, 112, 16, 32, 32, 512),
    "mixed4b": BlockShape(80, 80, 128, 16, 32, 32, 512),
    "mixed4c": BlockShape(64, 96, 160, 16, 32, 32, 512),
    "mixed4d": BlockShape(64, 96, 160, 16, 32, 32, 528),
    "mixed4e": BlockShape(128, 96, 192, 16, 64, 64, 832),
    "mixed5a": BlockShape(128, 80, 160, 16, 64, 64, 832),
    "mixed5b": BlockShape(192, 96, 192, 32, 64, 64, 1024),
}
NAMES = tuple(SHAPES)
POOLED_BEFORE = frozenset({"mixed4a", "mixed5a"})


class Convolution(nn.Module):
    """Convolution, batch norm (while training; folded away in the shipped weights), ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, norm: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=not norm)
        self.norm = nn.BatchNorm2d(outputs, momentum=0.02) if norm else nn.Identity()

    def forward(self, picture: Tensor) -> Tensor:
        return functional.relu(self.norm(self.conv(picture)))


class DivisiveNorm(nn.Module):
    """x / sqrt(1 + weighted sum of the channels' squares): a learned form of the teacher's local response norm.

    A 1x1 convolution instead of a window over channels, and a square root instead of the power 0.75: both are quick.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels, channels, 1, 1), 0.5 / channels))

    def forward(self, picture: Tensor) -> Tensor:
        return picture * torch.rsqrt(1 + functional.conv2d(picture * picture, self.weight))


class Block(nn.Module):
    """Four branches like an Inception block, behind a single 1x1 convolution, so the input is read once.

    The pooling branch pools after its projection, not before: 4 to 14 times fewer channels go through the slow pooling.
    """

    def __init__(self, inputs: int, shape: BlockShape, norm: bool) -> None:
        super().__init__()
        self.split = [shape.direct, shape.reduced3, shape.reduced5, shape.pooled]
        self.entry = Convolution(inputs, sum(self.split), 1, norm=norm)
        self.conv3 = Convolution(shape.reduced3, shape.full3, 3, norm=norm)
        self.conv5 = Convolution(shape.reduced5, shape.full5, 5, norm=norm)

    def forward(self, picture: Tensor) -> Tensor:
        direct, reduced3, reduced5, projected = self.entry(picture).split(self.split, dim=1)
        pooled = functional.max_pool2d(projected, 3, stride=1, padding=1)
        return torch.cat([direct, self.conv3(reduced3), self.conv5(reduced5), pooled], dim=1)


def _pool(picture: Tensor) -> Tensor:
    window = (min(3, picture.shape[2]), min(3, picture.shape[3]))  # an edge of 1 has no room for 3: PyTorch's error
    return functional.max_pool2d(picture, window, stride=2, ceil_mode=True)


class DreamNet(nn.Module):
    """See the module. `norm` adds batch norm for training; `load` gives the network to dream with.

    Called with image (1, 3, H, W), RGB in [0, 1], and the wanted layers' names ("logits" too), gives each one's
    activations (1, C, h, w), not negative, in the teacher's units; "logits" is (1, 1000). Runs no further than the
    deepest wanted layer and computes no head that is not wanted. ConfigError for a name that is no layer.
    """

    def __init__(self, norm: bool = False) -> None:
        super().__init__()
        self.stem = Convolution(3, STEM, 7, stride=2, norm=norm)
        self.gain = DivisiveNorm(STEM)
        self.squeeze = Convolution(STEM, SQUEEZE, 1, norm=norm)
        self.detail = Convolution(SQUEEZE, DETAIL, 3, norm=norm)
        self.blocks = nn.ModuleDict()
        self.heads = nn.ModuleDict()
        width = DETAIL
        for name, shape in SHAPES.items():
            self.blocks[name] = Block(width, shape, norm)
            self.heads[name] = nn.Conv2d(shape.width, shape.teacher, 1)
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
        deepest = NAMES[-1] if LOGITS in wanted else max(wanted, key=NAMES.index, default=None)
        found: dict[str, Tensor] = {}
        if deepest is None:
            return found
        picture = (image - self.mean).contiguous(memory_format=torch.channels_last)
        picture = self.gain(_pool(self.stem(picture)))
        picture = _pool(self.detail(self.squeeze(picture)))
        for name, block in self.blocks.items():
            if name in POOLED_BEFORE:
                picture = _pool(picture)
            picture = block(picture)
            if name in wanted or (name == deepest and LOGITS in wanted):
                activation = functional.relu(self.heads[name](picture))
                if name in wanted:
                    found[name] = activation
                if name == deepest and LOGITS in wanted:
                    found[LOGITS] = self.classifier(activation.mean(dim=(2, 3)))
            if name == deepest:
                break
        return found


def _cost_table() -> tuple[Layer, ...]:
    """Multiply-adds up to each layer with its head, as a share of those for all layers and the logits, at 224x224."""

    def area(stride: int) -> int:
        return (224 // stride) ** 2

    body = area(2) * 3 * STEM * 49 + area(4) * (STEM * STEM + STEM * SQUEEZE + SQUEEZE * DETAIL * 9)
    heads = 0
    reached: dict[str, tuple[int, int]] = {}
    width, stride = DETAIL, 8
    for name, shape in SHAPES.items():
        stride *= 2 if name in POOLED_BEFORE else 1
        entry = width * (shape.direct + shape.reduced3 + shape.reduced5 + shape.pooled)
        body += area(stride) * (entry + shape.reduced3 * shape.full3 * 9 + shape.reduced5 * shape.full5 * 25)
        width = shape.width
        head = area(stride) * width * shape.teacher
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


def checksum(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, shapes, types and bytes of the tensors, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        # Flat first: a channels-last 1x1 kernel counts as contiguous and yet cannot be viewed as bytes.
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def read(path: Path | None = None) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors (as stored, float16) and metadata of a dreamnet file; the embedded one without a path.

    InputError if the file is missing, not a safetensors file, or its tensors do not fit its checksum.
    """
    place = "the embedded network's file" if path is None else str(path)
    again = "Install zoomdream again." if path is None else "Give a file that scripts/train_dreamnet.py has written."
    try:
        source = resources.files("zoomdream").joinpath("data", FILE_NAME) if path is None else path
        with source.open("rb") as file:
            raw = file.read(_LARGEST_FILE + 1)
        if len(raw) > _LARGEST_FILE:
            raise InputError(f"{place} is no dreamnet file: it is larger than {_LARGEST_FILE >> 20} MiB. {again}")
        tensors: dict[str, Tensor] = safetensors.torch.load(raw)
        header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
        metadata = {str(key): str(value) for key, value in header.get("__metadata__", {}).items()}
    except OSError as error:
        raise InputError(f"{place} cannot be read: {error.strerror or error}. {again}") from error
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise InputError(f"{place} is not a whole safetensors file ({error}). {again}") from error
    if metadata.get("checksum") != checksum(tensors):
        raise InputError(f"{place} is damaged or no dreamnet file: its tensors do not fit its checksum. {again}")
    return tensors, metadata


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
