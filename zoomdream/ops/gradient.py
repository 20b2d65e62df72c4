"""Gradients brought to a common size: after each of these the mean magnitude over all pixels and channels is 1."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from zoomdream.ops.pyramid import bands, merge

Normalization = Literal["laplacian", "mean", "std"]

_TINY = 1e-12  # below any gradient that carries information; keeps a dead objective at zero instead of dividing by it


def normalize(gradient: Tensor, how: Normalization) -> Tensor:
    """Bring `gradient` (1, C, H, W) to mean magnitude 1. A zero gradient stays zero.

    laplacian: each band of a pyramid over its own root mean square (Mordvintsev 2015), so that coarse shape and
    natural colour grow as fast as fine texture; in our trials it gave whole creatures where the other two gave grey
    worms. mean: as it is (DeepDream 2015). std: freed of its mean first (pytorch-deepdream).
    """
    match how:
        case "laplacian":
            gradient = laplacian(gradient)
        case "std":
            gradient = gradient - gradient.mean()
        case "mean":
            pass
    return gradient / gradient.abs().mean().clamp_min(_TINY)


def laplacian(gradient: Tensor, levels: int = 5) -> Tensor:
    """Each of `levels` bands (the last is the coarse rest) divided by its root mean square."""
    parts = bands(gradient, levels - 1)
    return merge([part / torch.sqrt(part.square().mean()).clamp_min(_TINY) for part in parts])
