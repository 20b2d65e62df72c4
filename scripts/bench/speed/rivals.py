"""The usual way: the loops of the two best-known PyTorch tools, written anew from what they do, on the same networks.

pytorch-deepdream (gordicaleksa, 2021) and neural-dream (ProGamerGov, 2020) in float32, with the picture's way through
numpy, OpenCV and PIL, and every frame saved as a file, as they do it. What they do worse than they would have to is
left out, in their favour: both count as if the network was loaded once (pytorch-deepdream does so for each frame),
and neural-dream's hooks that pile up, its look through the network before each octave and its last step beyond the
wanted number are not there.
"""

from __future__ import annotations

import math
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from bench.speed.floor import ORDER, torchvision_model
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from zoomdream import ffmpeg
from zoomdream.networks.googlenet_layers import BVLC
from zoomdream.networks.weights.googlenet_layouts import read_variant

Pixels = NDArray[np.float32]  # (H, W, 3)
_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], dtype=np.float32)


class PytorchDeepdream:
    """Its endless zoom: dream, save as JPEG, zoom and turn, again. torchvision's GoogLeNet, which it runs to its last
    layer on offer, inception4e, whatever is wanted: here inception4c."""

    def __init__(self, weights: Path, size: tuple[int, int], octaves: int, steps: int, folder: Path) -> None:
        self._model = torchvision_model(weights)
        self._octaves, self._steps, self._folder = octaves, steps, folder
        self._random = np.random.default_rng(7)
        self._lowest, self._highest = (
            torch.from_numpy(((edge - _MEAN) / _DEVIATION).astype(np.float32)).view(1, 3, 1, 1) for edge in (0.0, 1.0)
        )
        width, height = size
        self._picture: Pixels = self._random.random((height, width, 3), dtype=np.float32)
        self.frames = 0

    def frame(self) -> None:
        picture = (self._picture - _MEAN) / _DEVIATION
        height, width = picture.shape[:2]
        for level in reversed(range(self._octaves)):  # the picture itself is shrunk and enlarged, not its details
            edges = (round(width / 1.4**level), round(height / 1.4**level))
            picture = cv2.resize(picture, edges).astype(np.float32)
            tensor = torch.from_numpy(picture.transpose(2, 0, 1)).contiguous()[None]
            for step in range(self._steps):
                down, right = (int(number) for number in self._random.integers(-32, 33, 2))
                tensor = torch.roll(tensor, (down, right), (2, 3))
                tensor = torch.roll(self._climb(tensor, step), (-down, -right), (2, 3))
            picture = tensor[0].numpy().transpose(1, 2, 0)
        picture = np.clip(picture * _DEVIATION + _MEAN, 0, 1)
        cv2.imwrite(str(self._folder / f"{self.frames:06d}.jpg"), (255 * picture).astype(np.uint8)[:, :, ::-1])
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), 1.5, 1.04)
        self._picture = cv2.warpAffine(picture, turn, (width, height)).astype(np.float32)
        self.frames += 1

    def finish(self) -> None:
        """The video of all frames, as it makes one: x264 at crf 25."""
        words = ["-y", "-loglevel", "error", "-r", "30", "-i", str(self._folder / "%06d.jpg")]
        words += ["-c:v", "libx264", "-crf", "25", "-pix_fmt", "yuv420p", str(self._folder / "video.mp4")]
        subprocess.run([str(ffmpeg.executable("bundled")), *words], check=True)

    def _climb(self, tensor: Tensor, step: int) -> Tensor:
        tensor = tensor.requires_grad_()
        activations = self._activations(tensor)
        nn.functional.mse_loss(activations, torch.zeros_like(activations)).backward()
        assert tensor.grad is not None
        with torch.no_grad():
            gradient = _smooth(tensor.grad, (step + 1) / self._steps * 2 + 0.5)
            gradient = (gradient - gradient.mean()) / gradient.std()
            return torch.max(torch.min(tensor + 0.09 * gradient, self._highest), self._lowest)

    def _activations(self, x: Tensor) -> Tensor:
        model = self._model
        x = torch.cat([x[:, [c]] * (_DEVIATION[c] / 0.5) + (_MEAN[c] - 0.5) / 0.5 for c in range(3)], 1)
        for name in ORDER[: ORDER.index("inception4c") + 1]:
            x = getattr(model, name)(x)
        model.inception4e(model.inception4d(x))
        return x


def _smooth(gradient: Tensor, sigma: float) -> Tensor:
    """The mean of three Gaussians of half, once and twice sigma, 9x9, drawn anew each time and applied as such."""
    padded = F.pad(gradient, (4, 4, 4, 4), mode="reflect")
    along = torch.arange(9) - 4.0
    total = torch.zeros_like(gradient)
    for factor in (0.5, 1.0, 2.0):
        bell = torch.exp(-0.5 * (along / (factor * sigma)) ** 2)
        kernel = bell[:, None] * bell
        total = total + F.conv2d(padded, (kernel / kernel.sum()).expand(3, 1, 9, 9).contiguous(), groups=3)
    return total / 3


class NeuralDream:
    """Its zoom: Adam on the picture at each octave, saved as PNG, its middle enlarged, again. BVLC GoogLeNet, which it
    runs to the end for each step, with PyTorch's own local response norm."""

    smallest = 224  # pixels; below that the last pooling has no room, and it stops with an error

    def __init__(self, weights: Path, size: tuple[int, int], octaves: int, steps: int, folder: Path) -> None:
        self._network = _WholeGoogLeNet(weights)
        self._octaves, self._steps, self._folder = octaves, steps, folder
        width, height = size
        if height / 1.4 ** (octaves - 1) < self.smallest:
            raise ValueError(f"the smallest of {octaves} octaves of {width}x{height} is below {self.smallest} pixels")
        self._random = torch.Generator().manual_seed(7)
        self._mean = torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
        self._picture = 256 * torch.rand(1, 3, height, width, generator=self._random) - self._mean
        self.frames = 0

    def frame(self) -> None:
        full = tuple(self._picture.shape[-2:])
        for octave in reversed(range(self._octaves)):
            edges = tuple(round(edge / 1.4**octave) for edge in full)
            picture = _resized(self._picture, edges).requires_grad_()
            optimizer = torch.optim.Adam([picture], lr=1.5)
            for _ in range(self._steps):
                optimizer.step(self._loss_of(picture, optimizer))
            self._picture = _resized(picture.detach(), full)
        self._save()
        height, width = full
        inset_y, inset_x = (round(edge * 0.025) for edge in full)  # the share of 95 % that it calls a zoom of 95
        self._picture = _resized(self._picture[..., inset_y : height - inset_y, inset_x : width - inset_x], full)
        self.frames += 1

    def finish(self) -> None:
        """It makes no video."""

    def _loss_of(self, picture: Tensor, optimizer: torch.optim.Optimizer) -> Callable[[], float]:
        def closure() -> float:
            optimizer.zero_grad()
            shifts = tuple(int(number) for number in torch.randint(-32, 33, (2,), generator=self._random))
            activations = self._network(torch.roll(picture, shifts, (2, 3)))
            loss = -1000 * activations.square().sum().sqrt()
            value = loss.item()
            loss.backward()
            return value

        return closure

    def _save(self) -> None:
        shown = ((self._picture[0] + self._mean[0]) / 256)[[2, 1, 0]].clamp(0, 1)
        pixels = (255 * shown).byte().permute(1, 2, 0).contiguous().numpy()
        Image.fromarray(pixels).save(self._folder / f"out_{self.frames}.png")


def _resized(picture: Tensor, edges: tuple[int, ...]) -> Tensor:
    if tuple(picture.shape[-2:]) == edges:
        return picture.clone()
    return F.interpolate(picture, size=edges, mode="bilinear", align_corners=True)


class _WholeGoogLeNet(nn.Module):
    """All of it, pooled features at the end; gives the activations of inception_4c. Input BGR, 0..256 less the mean."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        tensors = read_variant(weights, BVLC)
        self.convolutions = nn.ModuleDict()
        for name in (key.removesuffix(".weight") for key in tensors if key.endswith(".weight")):
            weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
            if weight.ndim != 4:
                continue
            outputs, inputs, kernel, _ = weight.shape
            layer = nn.Conv2d(inputs, outputs, kernel, 2 if name.startswith("conv1") else 1, kernel // 2)
            layer.load_state_dict({"weight": weight.flip(1) if name.startswith("conv1") else weight, "bias": bias})
            self.convolutions[name] = layer
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.local_response_norm(_pool(self._layer("conv1_7x7_s2", x)), 5, 1e-4, 0.75, 1)
        x = self._layer("conv2_3x3", self._layer("conv2_3x3_reduce", x))
        x = _pool(F.local_response_norm(x, 5, 1e-4, 0.75, 1))
        wanted = x
        for block in BVLC.blocks:
            x = self._block(f"inception_{block}_", _pool(x) if block in ("4a", "5a") else x)
            if block == "4c":
                wanted = x
        F.avg_pool2d(x, 7, 1)
        return wanted

    def _block(self, name: str, x: Tensor) -> Tensor:
        one = self._layer(f"{name}1x1", x)
        three = self._layer(f"{name}3x3", self._layer(f"{name}3x3_reduce", x))
        five = self._layer(f"{name}5x5", self._layer(f"{name}5x5_reduce", x))
        return torch.cat([one, three, five, self._layer(f"{name}pool_proj", F.max_pool2d(x, 3, 1, 1))], 1)

    def _layer(self, name: str, x: Tensor) -> Tensor:
        return F.relu(self.convolutions[name](x))


def _pool(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, 2, ceil_mode=True)


def smallest_size(octaves: int) -> tuple[int, int]:
    """The smallest 16:9 picture (width, height), both even, that NeuralDream can dream on with so many octaves."""
    height = math.ceil(NeuralDream.smallest * 1.4 ** (octaves - 1) / 2) * 2
    return math.ceil(height * 16 / 9 / 2) * 2, height
