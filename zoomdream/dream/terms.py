"""Objective terms: what is amplified in a layer, as one number from its activation.

Every term of it is on a logarithmic scale, so that a weight means the same in every layer whatever the size of its
activations, and the same for layers, classes and guides: how much a relative change is worth.

A term's value is a function (`judge`) of means over the positions of its layer (`gather`). So it can also be known of a
picture that is looked at part by part, see `tile`: the parts' shares of the means add up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from zoomdream.dream.power_mean import QUIET, SILENT, half_squares, log_power_mean
from zoomdream.machine.devices import constant

Rank = Literal["strongest", "weakest", "average"]
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class TilePlace:
    """Where an activation belongs in that of the whole picture: its first row and column there, the whole's rows and
    columns, and which share (0..1) of the picture was looked at, for activations that have no places.
    """

    top: int
    left: int
    rows: int
    columns: int
    share: float


class ObjectiveTerm(Protocol):
    """One term: `value` of the activation (1, C, h, w) of `layer` is what counts, `weight` times. 0 leaves it out.

    It is `judge(gather(activation))`, a 0-dim tensor. gather: means over the positions, (K,); given a `part`, what that
    part adds to those of the whole picture.
    """

    @property
    def layer(self) -> str: ...

    @property
    def weight(self) -> float: ...

    def value(self, activation: Tensor) -> Tensor: ...

    def means(self, activation: Tensor, part: TilePlace | None = None) -> Tensor: ...

    def value_of(self, means: Tensor) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class Pick:
    """Only the `count` strongest or weakest channels, or those nearest to the average; of those that are not silent."""

    rank: Rank
    count: int


@dataclass(frozen=True, slots=True)
class LayerTerm:
    """One term: that `layer` (or only its `channels`) be active. `weight` 0 leaves it out.

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
        if self.channels is None and self.pick is None and self.at is None:  # the same in fewer operations
            return log_power_mean(_planes(activation), self.power, self.emphasis)
        return self.value_of(self.means(activation))

    @property
    def power(self) -> float:
        """The exponent of the power mean."""
        return max(1 - self.diversity, 0.02)

    def means(self, activation: Tensor, part: TilePlace | None = None) -> Tensor:
        """Half the mean squared activation of each channel, (C,)."""
        activation = _planes(activation)
        if self.at is None:
            return half_squares(activation) / _places(activation, part)
        neurons = _neurons(activation, self.at, part)
        if neurons.shape[2:].numel() == 0:  # the place is in another part
            return activation.new_zeros(activation.shape[1], dtype=torch.float32)
        return 0.5 * neurons.float().square().mean(dim=(0, 2, 3))

    def value_of(self, means: Tensor) -> Tensor:
        return torch.log(_power_mean(means, self) + SILENT)


RIVALRY = 0.03


@dataclass(frozen=True, slots=True)
class ClassTerm:
    """One term: that the network sees these classes. `layer` holds what it thinks of each before the softmax.

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
        return self.value_of(self.means(activation))

    def means(self, activation: Tensor, part: TilePlace | None = None) -> Tensor:
        """The mean of each class's logit, (classes,)."""
        return _mean(_planes(activation).float(), part)

    def value_of(self, means: Tensor) -> Tensor:
        chosen = _chosen(means, self.classes)
        return torch.asinh(chosen).mean() + RIVALRY * (chosen.logsumexp(0) - means.logsumexp(0))


@dataclass(frozen=True, slots=True)
class GuideTerm:
    """One term: that the layer be active as it was on a guide.

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
        return self.value_of(self.means(activation))

    def means(self, activation: Tensor, part: TilePlace | None = None) -> Tensor:
        """The mean of each channel, (C,), of its product with the fitting place of the guide where that has places."""
        planes = _planes(activation).float()
        if self.positions is not None:
            places = planes.flatten(2)[0]
            guide = self.positions.to(places)
            planes = (places * guide[:, _best(places.detach(), guide)]).view_as(planes)
        return _mean(planes, part)

    def value_of(self, means: Tensor) -> Tensor:
        if self.positions is None:
            assert self.channels is not None
            wanted = self.channels.to(means)
            means = means * wanted / wanted.norm().clamp_min(_TINY)
        return torch.asinh(means.mean() / 1e-6)


def _best(places: Tensor, guide: Tensor, most: int = 4096) -> Tensor:
    """For each column of `places` (C, N) the number of the column of `guide` (C, M) with the largest dot product."""
    return torch.cat([(part.T @ guide).argmax(1) for part in torch.split(places, most, dim=1)])


def energy(activation: Tensor, term: LayerTerm) -> Tensor:
    """The power mean over channels of half their mean squared activation, 0-dim float32.

    The exponent is 1 - diversity. With 0 it is DeepDream's objective (Mordvintsev 2015), half the mean square of all:
    in an endless feedback a few loud channels win for good (dreamnet mixed4c: after 150 frames nothing but eyes). With
    1 it is the geometric mean, where each channel counts alike however quiet. With 0.8 faces, birds, buildings and
    machines stand side by side and keep changing, in the same network and the same render.
    activation (1, C, h, w), or (1, C).
    """
    return _power_mean(term.means(activation), term)


def _power_mean(means: Tensor, term: LayerTerm) -> Tensor:
    channels = means + QUIET
    shares = channels**term.power
    if term.emphasis is not None:
        shares = shares * term.emphasis.to(shares)
    if term.channels is not None:
        shares, channels = (_chosen(values, term.channels) for values in (shares, channels))
    if term.pick is not None:
        shares = shares[picked(channels.detach(), term.pick)]
    return shares.mean() ** (1 / term.power)


def _chosen(values: Tensor, numbers: tuple[int, ...]) -> Tensor:
    """Those of (C,) with these numbers; which a GPU has to know only once."""
    return values[constant(numbers, torch.int64, values.device)]


def _planes(activation: Tensor) -> Tensor:
    """Classes are everywhere: (1, C) to (1, C, 1, 1)."""
    return activation[:, :, None, None] if activation.ndim == 2 else activation


def _mean(planes: Tensor, part: TilePlace | None) -> Tensor:
    """The mean of each channel (1, C, h, w) over its places, or what a part adds to that of the whole, (C,)."""
    return planes.sum(dim=(0, 2, 3)) / _places(planes, part)


def _places(activation: Tensor, part: TilePlace | None) -> float:
    """Over how many positions the sum of (1, C, h, w) is a mean; of the whole picture, given a `part` of it."""
    here = activation.shape[2:].numel()
    if part is None:
        return here
    return 1 / part.share if here == 1 else part.rows * part.columns  # one place: of the whole part, as classes are


def _neurons(activation: Tensor, at: tuple[float, float], part: TilePlace | None = None) -> Tensor:
    """All channels at one place, (1, C, 1, 1); empty where that is in another part of the picture."""
    rows, columns = activation.shape[2:] if part is None else (part.rows, part.columns)
    x, y = (min(int(share * length), length - 1) for share, length in zip(at, (columns, rows), strict=True))
    if part is not None:
        x, y = x - part.left, y - part.top
        if min(x, y) < 0:
            return activation[:, :, :0, :0]
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
            average = energies.masked_fill(silent, 0).sum() / (~silent).sum().clamp_min(1)
            order = (energies - average).abs()
    return order.masked_fill(silent, torch.inf).argsort(stable=True)[: pick.count]
