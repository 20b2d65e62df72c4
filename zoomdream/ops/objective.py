"""What is amplified: one number from a network's activations, to be climbed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Term:
    """One wish: that `layer` (or only its `channels`) be active. `weight` 0 leaves it out.

    emphasis: (C,) a factor on the energy of each channel of the layer, or None for all alike.
    """

    layer: str
    weight: float = 1.0
    channels: tuple[int, ...] | None = None
    emphasis: Tensor | None = None


def energy(activation: Tensor, term: Term) -> Tensor:
    """Half the mean squared activation over the term's channels and all positions (DeepDream's objective,
    Mordvintsev 2015), 0-dim.
    """
    squared = activation.square()
    if term.emphasis is not None:
        squared = squared * term.emphasis.to(squared).view(1, -1, 1, 1)
    if term.channels is not None:
        squared = squared[:, list(term.channels)]
    return 0.5 * squared.mean()


def objective(activations: Mapping[str, Tensor], terms: tuple[Term, ...]) -> Tensor:
    """The weighted sum of the logarithms of the terms' energies, 0-dim float32.

    The logarithm makes a weight mean the same in every layer, whatever the size of its activations; with one term
    its direction is that of the energy itself.
    """
    total = torch.zeros((), device=next(iter(activations.values())).device)
    for term in terms:
        if term.weight != 0:
            total = total + term.weight * torch.log(energy(activations[term.layer].float(), term) + 1e-12)
    return total
