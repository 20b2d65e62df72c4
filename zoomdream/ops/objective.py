"""What is amplified: one number from a network's activations, to be climbed.

Every term of it is on a logarithmic scale, so that a weight means the same in every layer whatever the size of its
activations, and the same for layers, classes and guides: how much a relative change is worth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

Rank = Literal["strongest", "weakest", "average"]
_TINY = 1e-12


class Wish(Protocol):
    """One term: `value` of the activation (1, C, h, w) of `layer` is what counts, `weight` times. 0 leaves it out."""

    @property
    def layer(self) -> str: ...

    @property
    def weight(self) -> float: ...

    def value(self, activation: Tensor) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class Pick:
    """Only the `count` strongest or weakest channels, or those nearest to the average; of those that are not silent."""

    rank: Rank
    count: int


@dataclass(frozen=True, slots=True)
class Term:
    """One wish: that `layer` (or only its `channels`) be active. `weight` 0 leaves it out.

    emphasis: (C,) a factor on the energy of each channel of the layer, or None for all alike.
    diversity: 0 to 1, how much a channel that is active already gains less than one that is not; see `energy`.
    pick: of these channels only some, chosen anew at each step. at: only the neurons at this place, x and y as shares
    of the picture.
    """

    layer: str
    weight: float = 1.0
    channels: tuple[int, ...] | None = None
    emphasis: Tensor | None = None
    diversity: float = 0.0
    pick: Pick | None = None
    at: tuple[float, float] | None = None

    def value(self, activation: Tensor) -> Tensor:
        """The logarithm of the energy, 0-dim float32."""
        return torch.log(energy(activation, self) + _TINY)


RIVALRY = 0.03


@dataclass(frozen=True, slots=True)
class ClassTerm:
    """One wish: that the network sees these classes. `layer` holds what it thinks of each before the softmax.

    Mostly before, because the softmax also rises where all other classes fall, so that the picture fills with noise
    that no class likes (GoogLeNet's banana is then SqueezeNet's 25th guess instead of its 4th). With nothing of it, a
    tabby becomes more of a tiger cat than of a tabby; hence RIVALRY, which counts for nothing once the class has won.
    """

    layer: str
    classes: tuple[int, ...]
    weight: float = 1.0

    def value(self, activation: Tensor) -> Tensor:
        """The mean over the classes of their logits on a scale that is logarithmic far from 0, 0-dim float32.

        So of several classes the one that is seen less gains more. To that comes RIVALRY times the logarithm of their
        share among all classes. activation (1, classes), or (1, classes, h, w).
        """
        seen = _planes(activation).float().mean(dim=(2, 3))[0]
        chosen = seen[list(self.classes)]
        return torch.asinh(chosen).mean() + RIVALRY * (chosen.logsumexp(0) - seen.logsumexp(0))


@dataclass(frozen=True, slots=True)
class GuideTerm:
    """One wish: that the layer be active as it was on a guide.

    positions: (C, M) the guide's activation at M places, or None. channels: (C,) its mean activation of each channel,
    or None. One of them is there; see `value`.
    """

    layer: str
    weight: float = 1.0
    positions: Tensor | None = None
    channels: Tensor | None = None

    def value(self, activation: Tensor) -> Tensor:
        """How alike the activation and the guide's are, 0-dim float32, on a scale that is logarithmic far from 0.

        positions: each place takes after the place of the guide that fits it best, by their dot product (Mordvintsev
        2015). channels: as active as the guide's on the whole, wherever (Crowson 2016): calmer, so better for films.
        activation (1, C, h, w).
        """
        places = _planes(activation).float().flatten(2)[0]
        if self.positions is not None:
            guide = self.positions.to(places)
            alike = (places * guide[:, _best(places.detach(), guide)]).mean()
        else:
            assert self.channels is not None
            wanted = self.channels.to(places)
            alike = (places.mean(1) * wanted / wanted.norm().clamp_min(_TINY)).mean()
        return torch.asinh(alike / 1e-6)


def _best(places: Tensor, guide: Tensor, most: int = 4096) -> Tensor:
    """For each column of `places` (C, N) the number of the column of `guide` (C, M) with the largest dot product."""
    return torch.cat([(part.T @ guide).argmax(1) for part in torch.split(places, most, dim=1)])


def energy(activation: Tensor, term: Term) -> Tensor:
    """The power mean over channels of half their mean squared activation, 0-dim float32.

    The exponent is 1 - diversity. With 0 it is DeepDream's objective (Mordvintsev 2015), half the mean square of all:
    in an endless feedback a few loud channels win for good (dreamnet mixed4c: after 150 frames nothing but eyes). With
    1 it is the geometric mean, where each channel counts alike however quiet. With 0.8 faces, birds, buildings and
    machines stand side by side and keep changing, in the same network and the same render.
    activation (1, C, h, w), or (1, C).
    """
    power = max(1 - term.diversity, 0.02)
    activation = _planes(activation)
    if term.at is not None:
        activation = _neurons(activation, term.at)
    channels = 0.5 * activation.float().square().mean(dim=(0, 2, 3)) + 1e-8  # silent: no gradient explodes
    shares = channels**power
    if term.emphasis is not None:
        shares = shares * term.emphasis.to(shares)
    if term.channels is not None:
        shares = shares[list(term.channels)]
        channels = channels[list(term.channels)]
    if term.pick is not None:
        shares = shares[picked(channels.detach(), term.pick)]
    return shares.mean() ** (1 / power)


def _planes(activation: Tensor) -> Tensor:
    """Classes are everywhere: (1, C) to (1, C, 1, 1)."""
    return activation[:, :, None, None] if activation.ndim == 2 else activation


def _neurons(activation: Tensor, at: tuple[float, float]) -> Tensor:
    """All channels at one place, (1, C, 1, 1)."""
    height, width = activation.shape[2:]
    x, y = (min(int(share * length), length - 1) for share, length in zip(at, (width, height), strict=True))
    return activation[:, :, y : y + 1, x : x + 1]


def picked(energies: Tensor, pick: Pick) -> Tensor:
    """The numbers of the channels, fewer than `count` where there are not so many. energies (C,).

    Silent ones are the last to be chosen: behind a rectifier they have no gradient to climb.
    """
    silent = energies <= energies.max() * 1e-6
    match pick.rank:
        case "strongest":
            order = -energies
        case "weakest":
            order = energies
        case "average":
            active = energies[~silent]
            order = (energies - (active.mean() if len(active) else 0)).abs()
    return order.masked_fill(silent, torch.inf).argsort(stable=True)[: pick.count]


def objective(activations: Mapping[str, Tensor], terms: Sequence[Wish]) -> Tensor:
    """The weighted sum of the terms' values, 0-dim float32; with one term its direction is that of the term itself."""
    total = torch.zeros((), device=next(iter(activations.values())).device)
    for term in terms:
        if term.weight != 0:
            total = total + term.weight * term.value(activations[term.layer])
    return total
