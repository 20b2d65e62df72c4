"""BVLC GoogLeNet as the teacher: every block's output and the logits from one pass, no deeper than asked for."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from zoomdream.networks.dreamnet import LOGITS, NAMES, POOLED_BEFORE

_MEAN_BLUE_GREEN_RED = (104.0, 117.0, 123.0)


class Teacher(nn.Module):
    """Reads the 116 tensors named as `inception_4c_3x3_reduce.weight`. Image (N, 3, H, W) RGB in [0, 1]."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        tensors = torch.load(path, weights_only=True)
        self.weights = nn.ParameterDict(
            {
                key.replace(".", "|"): nn.Parameter(
                    value.float().contiguous(memory_format=torch.channels_last) if value.ndim == 4 else value.float(),
                    requires_grad=False,
                )
                for key, value in tensors.items()
                if not key.startswith("loss1") and not key.startswith("loss2")
            }
        )
        self.register_buffer("mean", torch.tensor(_MEAN_BLUE_GREEN_RED).view(1, 3, 1, 1))
        for channels in (64, 192):
            line = torch.arange(channels)
            band = ((line[:, None] - line[None, :]).abs() <= 2).float() * (1e-4 / 5)
            self.register_buffer(f"band{channels}", band.view(channels, channels, 1, 1))

    def forward(self, image: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        deepest = NAMES[-1] if LOGITS in wanted else max(wanted, key=NAMES.index)
        picture = (image * 255).flip(1) - self.mean
        picture = picture.contiguous(memory_format=torch.channels_last).to(self._dtype)
        picture = self._local_norm(_pool(self._convolve(picture, "conv1_7x7_s2", stride=2)))
        picture = self._convolve(self._convolve(picture, "conv2_3x3_reduce"), "conv2_3x3")
        picture = _pool(self._local_norm(picture))
        for name in NAMES:
            if name in POOLED_BEFORE:
                picture = _pool(picture)
            picture = self._block(picture, f"inception_{name.removeprefix('mixed')}")
            if name in wanted:
                found[name] = picture
            if name == deepest:
                break
        if LOGITS in wanted:
            found[LOGITS] = functional.linear(picture.mean(dim=(2, 3)), *self.pair("loss3_classifier"))
        return found

    @property
    def _dtype(self) -> torch.dtype:
        return self.weights["conv1_7x7_s2|bias"].dtype

    def pair(self, name: str) -> tuple[Tensor, Tensor]:
        return self.weights[f"{name}|weight"], self.weights[f"{name}|bias"]

    def _convolve(self, picture: Tensor, name: str, stride: int = 1) -> Tensor:
        weight, bias = self.pair(name)
        return functional.relu(functional.conv2d(picture, weight, bias, stride, weight.shape[-1] // 2))

    def _block(self, picture: Tensor, name: str) -> Tensor:
        return torch.cat(
            [
                self._convolve(picture, f"{name}_1x1"),
                self._convolve(self._convolve(picture, f"{name}_3x3_reduce"), f"{name}_3x3"),
                self._convolve(self._convolve(picture, f"{name}_5x5_reduce"), f"{name}_5x5"),
                self._convolve(functional.max_pool2d(picture, 3, 1, 1), f"{name}_pool_proj"),
            ],
            dim=1,
        )

    def _local_norm(self, picture: Tensor) -> Tensor:
        """Local response norm (size 5, alpha 1e-4, beta 0.75) as a banded 1x1 convolution, which is far quicker."""
        root = torch.rsqrt(1 + functional.conv2d(picture * picture, getattr(self, f"band{picture.shape[1]}")))
        return picture * (root * torch.sqrt(root))  # (1 + s) ** -0.75


def _pool(picture: Tensor) -> Tensor:
    return functional.max_pool2d(picture, 3, stride=2, ceil_mode=True)
