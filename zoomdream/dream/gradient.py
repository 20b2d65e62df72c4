"""Gradients brought to a common size: after each of these the mean magnitude over all pixels and channels is 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from zoomdream.color.pyramid import bands, merge, root_mean_square
from zoomdream.color.statistics import ColorGains
from zoomdream.machine.devices import constant

Normalization = Literal["laplacian", "mean", "std"]

# Of the Laplacian's bands from fine to coarse, the last is the rest. The finest ones get less: at full height they
# lay a net of ripples over everything, which the network likes and people do not (GoogLeNet mixed4c, 150 frames:
# fine band of the luma 0.057 instead of 0.063, fur instead of rings, and the objective is hardly lower).
BAND_WEIGHTS = (0.4, 0.8, 1.0, 1.0, 1.0)
_TINY = 1e-12  # below any gradient that carries information; keeps a dead objective at zero instead of dividing by it


def unchanged(gradient: Tensor) -> Tensor:
    return gradient


def input_gradient(
    picture: Tensor, objective: Callable[[Tensor], Tensor], then: Callable[[Tensor], Tensor] = unchanged
) -> Tensor:
    """The gradient of the objective (0-dim) in the picture (1, 3, H, W), after `then`."""
    with torch.enable_grad():
        leaf = picture.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(objective(leaf), leaf)
    return then(gradient)


def normalize(gradient: Tensor, how: Normalization, gains: ColorGains | None = None) -> Tensor:
    """Bring `gradient` (1, C, H, W) to mean magnitude 1. A zero gradient stays zero.

    laplacian: each band of a pyramid over its own root mean square (Mordvintsev 2015), so that coarse shape and
    natural colour grow as fast as fine texture; in our trials it gave whole creatures where the other two gave grey
    worms. mean: as it is (DeepDream 2015). std: freed of its mean first (pytorch-deepdream).

    gains: for laplacian, what the picture lacks and should get more of.
    """
    match how:
        case "laplacian":
            gradient = laplacian(gradient, gains)
        case "std":
            gradient = gradient - gradient.mean()
        case "mean":
            pass
    total: Tensor = torch.linalg.vector_norm(gradient, 1)
    return gradient / (total / gradient.numel()).clamp_min(_TINY)


def laplacian(gradient: Tensor, gains: ColorGains | None = None) -> Tensor:
    """Each band of a pyramid divided by its own root mean square, times its weight in BAND_WEIGHTS, times `gains`."""
    parts = bands(gradient, len(BAND_WEIGHTS) - 1)
    weights = constant((*BAND_WEIGHTS[: len(parts) - 1], BAND_WEIGHTS[-1]), gradient.dtype, gradient.device)
    factors = weights / torch.stack([root_mean_square(part) for part in parts]).clamp_min(_TINY)
    if gains is None:
        return merge(parts, factors)
    beyond = len(parts) - len(gains.bands)  # of a small wrapped picture, which is seen with more around it
    wanted = torch.cat([gains.bands, gains.bands[-1:].expand(beyond)]) if beyond else gains.bands
    merged = merge(parts, factors * wanted)
    grey = merged.mean(dim=1, keepdim=True)
    return torch.lerp(grey, merged, gains.color)
