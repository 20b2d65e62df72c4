"""A network of two layers that fits in the head: enough to dream with in milliseconds."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoomdream.types import Layer


class TinyNetwork(nn.Module):
    """`edges` (8 channels, stride 2) and `shapes` (12 channels, stride 4), weights from a fixed seed.

    `asked` remembers what each call wanted.
    """

    name = "tiny"
    layers = (Layer("edges", 8, 2, 0.3), Layer("shapes", 12, 4, 1.0, ("forms",)))

    def __init__(self) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(3)
        self.first = nn.Parameter(torch.randn(8, 3, 5, 5, generator=random) / 5, requires_grad=False)
        self.second = nn.Parameter(torch.randn(12, 8, 5, 5, generator=random) / 8, requires_grad=False)
        self.asked: list[frozenset[str]] = []

    def forward(self, image: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
        self.asked.append(wanted)
        edges = torch.relu(nn.functional.conv2d((image - 0.45).to(self.first.dtype), self.first, stride=2, padding=2))
        found = {"edges": edges}
        if "shapes" in wanted:
            found["shapes"] = torch.relu(nn.functional.conv2d(edges, self.second, stride=2, padding=2))
        return found
