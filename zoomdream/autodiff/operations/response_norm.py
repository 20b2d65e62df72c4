"""Local response norm as a banded 1x1 convolution."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, fx, nn

from zoomdream.autodiff.graph import PACKED, VJP, Fused, Graph
from zoomdream.autodiff.operations.convolution import mix
from zoomdream.autodiff.prepack import PackedWeight
from zoomdream.machine.devices import constant, to_device

_SCALE = 64


@dataclass(frozen=True, slots=True)
class ResponseNorm:
    """What a module gives."""

    module: nn.LocalResponseNorm

    def __call__(self, x: Tensor) -> tuple[Tensor, VJP]:
        module = self.module
        band = response_band(x.shape[1], module.size, module.alpha / module.size, x.dtype, x.device)
        bias = constant((float(module.k),) * x.shape[1], x.dtype, x.device)
        return normalize_response(x, band, bias, module.beta, getattr(module, PACKED, None))


def match(graph: Graph, node: fx.Node) -> Fused | None:
    """PyTorch's own; with an even size its window is not symmetrical."""
    module = graph.module(node, nn.LocalResponseNorm)
    if module is None or not graph.grid(node) or module.size % 2 == 0:
        return None
    return Fused((node.all_input_nodes[0],), (ResponseNorm(module),))


@lru_cache(maxsize=32)
def response_band(channels: int, size: int, alpha: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """(C, C, 1, 1): sums the squares of the `size` channels around each, times alpha, for `normalize_response`."""
    number = torch.arange(channels)
    near = (number[:, None] - number[None, :]).abs() <= size // 2
    scale = alpha * _SCALE**2 if dtype == torch.float16 else alpha
    band = near.to(torch.promote_types(dtype, torch.float32)) * scale
    return to_device(band.to(dtype)[:, :, None, None], device)


def normalize_response(
    x: Tensor, band: Tensor, bias: Tensor, beta: float, packed: PackedWeight | None = None
) -> tuple[Tensor, VJP]:
    """x * (bias + alpha * sum of the squares of neighbouring channels) ** -beta.

    The sum is a 1x1 convolution with a banded matrix, `response_band`: exact to 2e-5, and it runs in bfloat16 on the
    CPU. PyTorch's own does not, and took 40 % of a gradient step. bias (C,).
    With s = bias + sum over the band:  d/dx of x * s**-b  is  g * s**-b - 2 * b * x * band(g * x * s**(-b-1)).
    """
    # The first norm's input reaches 3,400 on natural pictures, whose square float16 cannot hold: there it is divided by
    # 64, which is exact, and the band holds 64 squared.
    half = x.dtype == torch.float16
    small = x * (1 / _SCALE) if half else x
    sums = mix(small * small, band, bias, packed)
    power = _power(sums, beta)

    def vjp(gradient: Tensor) -> tuple[Tensor]:
        passed = gradient * power
        # The band is symmetric, so it is its own transpose.
        spread = mix((passed * x).div_(sums), band, None, packed)
        return (passed.addcmul_(spread, x, value=-2 * beta / (_SCALE**2 if half else 1)),)

    return x * power, vjp


def _power(sums: Tensor, beta: float) -> Tensor:
    """sums ** -beta; roots are three times as quick as powers."""
    if beta not in (0.5, 0.75):
        return sums**-beta
    root = torch.rsqrt(sums)
    return root if beta == 0.5 else torch.sqrt(root).mul_(root)
