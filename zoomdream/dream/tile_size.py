"""How large tiles are and how wide their halo, measured from the network: what all frames of a render share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch

from zoomdream.randomness import generator, natural_noise
from zoomdream.types import Network

SMALLEST_EDGE = 256
"""Pixels of a tile that is worth climbing on."""
LARGEST_HALO = 256
"""Pixels; GoogLeNet's mixed5b needs 250."""
_LOST = 0.005
"""Share of the gradient's magnitude that may lie beyond the halo. With it the gradients of neighbouring tiles have a
cosine of 0.998 or more to the untiled one within 8 pixels of where they meet, and their energy there is within 3 %
(GoogLeNet mixed4c and mixed5b, dreamnet mixed4c; photographs of 1152x768).
"""


def receptive_field(network: Network, layers: frozenset[str], device: str) -> int:
    """Pixels around a place that a tile has to see for its gradient, but for a share of _LOST; at most LARGEST_HALO.

    Measured on noise: the gradient of the neurons in the middle, all channels alike.
    """
    edge = 2 * LARGEST_HALO + 128
    picture = (0.45 + 0.2 * natural_noise((edge, edge), generator(1, "reach"))).clamp(0, 1).to(device)
    strides = {layer.name: layer.stride for layer in network.layers}
    furthest = 0
    for name in sorted(layers):
        with torch.enable_grad():
            leaf = picture.requires_grad_()
            activation = network(leaf, frozenset({name}))[name]
            if activation.ndim == 2 or min(activation.shape[2:]) < 2:
                return LARGEST_HALO  # sees all of any picture
            rows, columns = (length // 2 for length in activation.shape[2:])
            neurons = activation[0, :, rows, columns].float()
            value = 1024 * (0.5 * neurons.square() + 1e-8).pow(0.2).sum()  # float16 has no very small gradients
            (gradient,) = torch.autograd.grad(value, leaf)
        away = [
            (torch.arange(edge, device=device) + 0.5 - (middle + 0.5) * strides[name]).abs()
            for middle in (rows, columns)
        ]
        distance = torch.maximum(away[0][:, None], away[1][None]).flatten()
        nearest = distance.argsort()
        found = gradient.abs().sum(dim=1).flatten()[nearest].cumsum(0)
        if found[-1] == 0:
            return LARGEST_HALO
        inside = int((found < (1 - _LOST) * found[-1]).sum())
        furthest = max(furthest, math.ceil(float(distance[nearest[min(inside, len(nearest) - 1)]])))
    return min(furthest, LARGEST_HALO)


@dataclass
class TileSize:
    """The size of tiles and of their halo, which all frames of a render share.

    edge: pixels at most, None for any; where memory runs out all the same, it is halved, once. targets: the networks,
    on their `device` already, and the names of the layers that are dreamed on.
    """

    edge: int | None
    targets: tuple[tuple[Network, str], ...]
    device: str
    halved: bool = False

    @cached_property
    def halo(self) -> int:
        """Pixels around a tile that the network sees too."""
        return max(receptive_field(network, frozenset({layer}), self.device) for network, layer in self.targets)

    def halve(self, size: tuple[int, int]) -> bool:
        """Whether there is anything to try after memory ran out on a picture of `size`."""
        smaller = min(self.edge or max(size), max(size)) // 2
        if self.halved or smaller < SMALLEST_EDGE:
            return False
        self.edge, self.halved = smaller, True
        return True
