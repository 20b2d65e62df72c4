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
    diversity: 0 to 1, how much a channel that is active already gains less than one that is not; see `energy`.
    """

    layer: str
    weight: float = 1.0
    channels: tuple[int, ...] | None = None
    emphasis: Tensor | None = None
    diversity: float = 0.0


def energy(activation: Tensor, term: Term) -> Tensor:
    """The power mean over channels of half their mean squared activation, 0-dim float32.

    The exponent is 1 - diversity. With 0 it is DeepDream's objective (Mordvintsev 2015), half the mean square of all:
    in an endless feedback a few loud channels win for good (dreamnet mixed4c: after 150 frames nothing but eyes). With
    1 it is the geometric mean, where each channel counts alike however quiet. With 0.8 faces, birds, buildings and
    machines stand side by side and keep changing, in the same network and the same render.
    activation (1, C, h, w).
    """
    power = max(1 - term.diversity, 0.02)
    channels = 0.5 * activation.float().square().mean(dim=(0, 2, 3)) + 1e-8  # silent: no gradient explodes
    shares = channels**power
    if term.emphasis is not None:
        shares = shares * term.emphasis.to(shares)
    if term.channels is not None:
        shares = shares[list(term.channels)]
    return shares.mean() ** (1 / power)


def objective(activations: Mapping[str, Tensor], terms: tuple[Term, ...]) -> Tensor:
    """The weighted sum of the logarithms of the terms' energies, 0-dim float32.

    The logarithm makes a weight mean the same in every layer, whatever the size of its activations; with one term its
    direction is that of the energy itself.
    """
    total = torch.zeros((), device=next(iter(activations.values())).device)
    for term in terms:
        if term.weight != 0:
            total = total + term.weight * torch.log(energy(activations[term.layer], term) + 1e-12)
    return total
