"""Who is right about a picture: the network that dreamed it and one that never saw it, on fresh crops."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from zoomdream.networks.classes import LOGITS
from zoomdream.randomness import generator
from zoomdream.types import Network

CROPS = 8
SMALLEST = 0.75  # of the picture's edge
EDGE = 224  # pixels, what classifiers are trained on


@dataclass(frozen=True, slots=True)
class Verdict:
    """rank: how many classes are thought at least as likely as the wanted one, itself counted. probability: of it."""

    rank: int
    probability: float


def fresh_crops(picture: Tensor, seed: int) -> Tensor:
    """The whole of a picture (1, 3, H, W) and crops of it at random places, some mirrored; none was dreamt on.

    (1 + CROPS, 3, EDGE, EDGE), in [0, 1].
    """
    random = generator(seed, "judging")
    height, width = picture.shape[-2:]
    found = [picture]
    for _ in range(CROPS):
        share, x, y, side = torch.rand(4, generator=random).tolist()
        edge = round(min(height, width) * (SMALLEST + (1 - SMALLEST) * share))
        top, left = round(y * (height - edge)), round(x * (width - edge))
        crop = picture[..., top : top + edge, left : left + edge]
        found.append(crop.flip(3) if side < 0.5 else crop)
    size = (EDGE, EDGE)
    shrunk = [functional.interpolate(crop, size=size, mode="bicubic", antialias=True) for crop in found]
    return torch.cat(shrunk).clamp(0, 1)


def judged(network: Network, crops: Tensor, wanted: int) -> Verdict:
    """What the network (float32) thinks of the crops on average."""
    with torch.no_grad():
        logits = [network(crop[None], frozenset({LOGITS}))[LOGITS] for crop in crops]
    chances = torch.cat(logits).flatten(1).float().softmax(1).mean(0)
    return Verdict(int((chances >= chances[wanted]).sum()), float(chances[wanted]))
