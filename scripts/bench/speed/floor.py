"""The floor: the bare forward and backward passes of the cut network at the sizes of a frame's octaves, nothing else.

What plain PyTorch reaches with the measures that anyone would take: the network is cut behind the layer, batch norm is
folded into the convolutions, tensors are channels-last, ReLU works in place, local response norm is a 1x1 convolution
with a banded matrix, only the picture gets a gradient. The pictures lie ready in the network's number format. Nothing
of zoomdream's own networks or operations is used here, so that what makes those faster or slower shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models.googlenet import BasicConv2d

from zoomdream.networks.googlenet_layers import BVLC
from zoomdream.networks.weights.googlenet_layouts import read_variant

LAST = "4c"  # mixed4c: all blocks behind it are cut off
BLOCKS = ("3a", "3b", "4a", "4b", "4c")
ORDER = (
    *("conv1", "maxpool1", "conv2", "conv3", "maxpool2", "inception3a", "inception3b", "maxpool3"),
    *(f"inception4{block}" for block in "abcde"),
    *("maxpool4", "inception5a", "inception5b"),
)
"""Of torchvision's GoogLeNet."""
Passes = Callable[[Tensor], Tensor]  # a picture → the activations of mixed4c


class GoogLeNet:
    """BVLC GoogLeNet up to and with mixed4c, on a picture (1, 3, H, W), RGB less the mean, of 1 as the full range."""

    def __init__(self, weights: Path, dtype: torch.dtype, device: str = "cpu") -> None:
        def ready(tensor: Tensor) -> Tensor:
            tensor = tensor.to(device, dtype)
            return tensor.to(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor

        tensors = read_variant(weights, BVLC)
        tensors["conv1_7x7_s2.weight"] = 255 * tensors["conv1_7x7_s2.weight"]
        self._tensors: Mapping[str, Tensor] = {name: ready(tensor) for name, tensor in tensors.items()}
        self._bands = {channels: ready(_band(channels)) for channels in (64, 192)}

    def __call__(self, x: Tensor) -> Tensor:
        x = self._norm(_pool(self._convolution("conv1_7x7_s2", x, stride=2)))
        x = _pool(self._norm(self._convolution("conv2_3x3", self._convolution("conv2_3x3_reduce", x))))
        for block in BLOCKS:
            if block == "4a":
                x = _pool(x)
            x = self._block(f"inception_{block}_", x)
        return x

    def _block(self, name: str, x: Tensor) -> Tensor:
        one = self._convolution(f"{name}1x1", x)
        three = self._convolution(f"{name}3x3", self._convolution(f"{name}3x3_reduce", x))
        five = self._convolution(f"{name}5x5", self._convolution(f"{name}5x5_reduce", x))
        pooled = self._convolution(f"{name}pool_proj", F.max_pool2d(x, 3, 1, 1))
        return torch.cat([one, three, five, pooled], 1)

    def _convolution(self, name: str, x: Tensor, stride: int = 1) -> Tensor:
        weight, bias = self._tensors[f"{name}.weight"], self._tensors[f"{name}.bias"]
        return F.relu(F.conv2d(x, weight, bias, stride, weight.shape[-1] // 2), inplace=True)

    def _norm(self, x: Tensor) -> Tensor:
        return x * (1 + F.conv2d(x * x, self._bands[x.shape[1]])) ** -0.75


def _band(channels: int) -> Tensor:
    """Caffe's window over five channels, its alpha of 1e-4 divided by that five, as the kernel of a 1x1 convolution."""
    numbers = torch.arange(channels)
    near = (numbers[:, None] - numbers[None, :]).abs() <= 2
    return near[:, :, None, None] * (1e-4 / 5)


def _pool(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, 2, ceil_mode=True)


class TorchvisionGoogLeNet:
    """torchvision's GoogLeNet up to the layer `last`, batch norm folded, on a picture (1, 3, H, W) in -1..1."""

    def __init__(self, weights: Path, dtype: torch.dtype, device: str = "cpu", last: str = "inception4c") -> None:
        model = torchvision_model(weights)
        for layer in model.modules():
            if isinstance(layer, BasicConv2d):
                layer.conv, layer.bn = fuse_conv_bn_eval(layer.conv, layer.bn), nn.Identity()
        self._model = model.to(device, dtype).to(memory_format=torch.channels_last)
        self._layers = ORDER[: ORDER.index(last) + 1]

    def __call__(self, x: Tensor) -> Tensor:
        for name in self._layers:
            x = getattr(self._model, name)(x)
        return x


def torchvision_model(weights: Path) -> nn.Module:
    """torchvision's GoogLeNet as it comes, ready to be looked through; no parameter needs a gradient."""
    model = torchvision.models.googlenet(weights=None, aux_logits=False, init_weights=False, transform_input=False)
    model.load_state_dict(torch.load(weights, weights_only=True))
    return model.eval().requires_grad_(False)


def octave_sizes(size: tuple[int, int], octaves: int, scale: float = 1.4) -> list[tuple[int, int]]:
    """(height, width) of every octave of a frame of (width, height)."""
    width, height = size
    return [(round(height / scale**octave), round(width / scale**octave)) for octave in range(octaves)]


def gradient_step(passes: Passes, picture: Tensor) -> Tensor:
    """The gradient of half the squared activations in the picture."""
    picture = picture.detach().requires_grad_()
    activations = passes(picture)
    (gradient,) = torch.autograd.grad(activations, picture, activations.detach())
    return gradient


def frame(
    passes: Passes,
    size: tuple[int, int],
    octaves: int,
    steps: int,
    dtype: torch.dtype,
    device: str = "cpu",
) -> Callable[[], None]:
    """All passes of one frame of (width, height), as a piece of work."""
    random = torch.Generator().manual_seed(7)
    pictures = [
        (torch.rand(1, 3, *edges, generator=random) - 0.5).to(device, dtype).to(memory_format=torch.channels_last)
        for edges in octave_sizes(size, octaves)
    ]

    def work() -> None:
        for picture in reversed(pictures):
            for _ in range(steps):
                gradient_step(passes, picture)
        if device != "cpu":
            torch.cuda.synchronize()

    return work
