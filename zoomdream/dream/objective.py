"""What is amplified in a frame: the terms of one or several networks, whose weights may change from frame to frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor

from zoomdream.dream.guides import Guide
from zoomdream.dream.terms import ClassTerm, LayerTerm, ObjectiveTerm, Pick
from zoomdream.machine.devices import to_device
from zoomdream.randomness import generator, wandering
from zoomdream.types import Layer, Network

DRIFT_SECONDS = 4.0
"""How long a channel stays in favour; see `dream.variety`."""

NetworkTerms = Sequence[tuple[Network, Sequence[ObjectiveTerm]]]
"""Each network with its terms."""


def weighted_sum(activations: Mapping[str, Tensor], terms: Sequence[ObjectiveTerm]) -> Tensor:
    """The weighted sum of the terms' values, 0-dim float32; with one term its direction is that of the term itself."""
    parts = [_times(term.weight, term.value(activations[term.layer])) for term in terms if term.weight != 0]
    return reduce(torch.add, parts) if parts else torch.zeros((), device=next(iter(activations.values())).device)


def _times(factor: float, value: Tensor) -> Tensor:
    """An operation less for the usual 1: even on a single number each takes some 10 us, and its backward pass too."""
    return value if factor == 1 else factor * value


@dataclass(frozen=True, slots=True)
class Objective:
    """The objective of pictures that the network sees whole, `scale` times. A value, so that a CUDA graph knows equal
    ones as equal.
    """

    groups: NetworkTerms
    scale: float = 1.0

    def __call__(self, image: Tensor) -> Tensor:
        """image (1, 3, H, W); 0-dim."""
        parts = (
            weighted_sum(network(image, frozenset(term.layer for term in terms)), terms)
            for network, terms in self.groups
        )
        return _times(self.scale, reduce(torch.add, parts))


@dataclass(frozen=True, slots=True)
class LayerOverTime:
    """A term about the energy of a layer, with a weight, a diversity and a variety for each frame.

    channels, pick, place: see `terms.Term`. seed: of the drift of its channel weights; period: seconds after which that
    comes back.
    """

    network: Network
    layer: Layer
    weights: tuple[float, ...]
    diversity: tuple[float, ...]
    variety: tuple[float, ...]
    fps: float
    seed: int
    device: str
    period: float | None = None
    channels: tuple[int, ...] | None = None
    pick: Pick | None = None
    place: tuple[float, float] | None = None

    def at(self, frame: int) -> LayerTerm:
        seconds = frame / self.fps
        drifted = channel_weights(self.seed, self.layer, seconds, self.variety[frame], self.device, self.period)
        weight, diversity = self.weights[frame], self.diversity[frame]
        return LayerTerm(self.layer.name, weight, self.channels, drifted, diversity, self.pick, self.place)


@dataclass(frozen=True, slots=True)
class ClassesOverTime:
    """A term about classes, with a weight for each frame."""

    network: Network
    layer: Layer
    classes: tuple[int, ...]
    weights: tuple[float, ...]

    def at(self, frame: int) -> ClassTerm:
        return ClassTerm(self.layer.name, self.classes, self.weights[frame])


TermOverTime = LayerOverTime | ClassesOverTime | Guide


@dataclass(frozen=True, slots=True)
class ObjectiveOverTime:
    """The terms of every frame."""

    terms: tuple[TermOverTime, ...]

    def __call__(self, frame: int) -> NetworkTerms:
        """The terms at a frame by network, those of weight 0 left out."""
        groups: dict[int, tuple[Network, list[ObjectiveTerm]]] = {}
        for term in self.terms:
            if term.weights[frame] != 0:
                groups.setdefault(id(term.network), (term.network, []))[1].append(term.at(frame))
        return list(groups.values())


def channel_weights(
    seed: int, layer: Layer, seconds: float, variety: float, device: str, period: float | None = None
) -> Tensor | None:
    """Factors (C,) on the energy of each channel of `layer` that drift smoothly over time, mean 1; None where `variety`
    is 0.

    Each channel's logarithm has the deviation `variety`. So what is born now is not what was born a while ago: with
    all channels alike for ever, a zoom finds the same few creatures again and again, at the same places. period:
    seconds after which they come back.
    """
    if variety == 0:
        return None
    random = generator(seed, "emphasis", layer.name)
    drift = wandering(layer.channels, seconds / DRIFT_SECONDS, random, period and period / DRIFT_SECONDS)
    factors = torch.exp(variety * drift)
    return to_device(factors / factors.mean(), device)
