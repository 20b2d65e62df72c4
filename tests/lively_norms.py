"""Batch norms that do something, so that it shows whether they are folded."""

from __future__ import annotations

import torch
from torch import nn


def enliven(norm: nn.BatchNorm2d, generator: torch.Generator) -> None:
    """Gives a norm a mean and a variance other than those that it is made with."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.copy_(torch.randn(norm.num_features, generator=generator) * 0.1)
    norm.running_var.copy_(0.5 + torch.rand(norm.num_features, generator=generator))
