"""Weights files for networks of which only the speed counts: the right shapes, random numbers that keep their scale."""

from __future__ import annotations

from pathlib import Path

import torch
import torchvision
from torch import Tensor

from zoomdream.networks.googlenet_layers import BVLC, CLASSIFIER, tensor_shapes


def random_googlenet(path: Path) -> Path:
    """A file of BVLC GoogLeNet's layout, without the classifier."""
    random = torch.Generator().manual_seed(1)
    shapes = {name: shape for name, shape in tensor_shapes(BVLC).items() if not name.startswith(CLASSIFIER)}
    torch.save({name: _random(shape, random) for name, shape in shapes.items()}, path)
    return path


def random_torchvision(path: Path) -> Path:
    """A file of torchvision's GoogLeNet."""
    random = torch.Generator().manual_seed(1)
    model = torchvision.models.googlenet(weights=None, aux_logits=False, init_weights=False, transform_input=False)
    tensors = {
        name: _random(tuple(tensor.shape), random) if tensor.ndim == 4 else tensor
        for name, tensor in model.state_dict().items()
    }
    torch.save(tensors, path)
    return path


def _random(shape: tuple[int, ...], random: torch.Generator) -> Tensor:
    """He's initialisation, so that activations neither vanish (numbers too small for the processor's quick path) nor
    explode on their way; biases are 0."""
    if len(shape) == 1:
        return torch.zeros(shape)
    return torch.randn(shape, generator=random) * (2 / (shape[1] * shape[2] * shape[3])) ** 0.5
