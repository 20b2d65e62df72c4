"""The gradient of pictures that are too large for the network to see whole: tile by tile, without seams.

The network sees each tile with a *halo* around it, so wide that what is cut off beyond it does not matter: where a
layer's neurons lie in the tile, and their receptive fields, are the same as untiled. So the gradients of neighbours
agree where they meet, and nothing has to be blended. Where they meet moves from step to step.

The value of a term depends on the whole picture (how active each channel is in all of it), so the tiles must agree on
that too. The first step on an octave measures the means over all tiles before it computes any gradient; each later one
takes those that the step before has found on its way, which are nearly the same and cost nothing. (Eight steps on a
photograph, dreamnet, 768x432 in tiles of 384: the dream differs from the untiled one by 28 to 36 % of its change, by 28
to 30 % if every step measures first, and one in bfloat16 from one in float32 by 30 to 36 %.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from zoomdream.autodiff.cuda_graphs import eager
from zoomdream.dream.gradient import input_gradient, unchanged
from zoomdream.dream.objective import NetworkTerms
from zoomdream.dream.terms import LayerTerm, ObjectiveTerm, TilePlace
from zoomdream.dream.tile_size import TileSize
from zoomdream.machine.limits import is_out_of_memory
from zoomdream.types import Network


@dataclass(frozen=True, slots=True)
class Span:
    """Pixels of one axis: a tile, and the tile with its halo, which the network sees. Ends are not in."""

    with_halo: tuple[int, int]
    tile: tuple[int, int]


def spans(length: int, edge: int, halo: int, stride: int, shift: float = 0.0) -> list[Span]:
    """The tiles of an axis of `length` pixels, as few as can be with none over `edge`.

    Each begins at a multiple of `stride`, so that its neurons are those of the whole picture. shift: -1 to 1, where
    between its furthest positions each place where tiles meet is. What a tile sees does not depend on it: memory that
    is freed is then just what the next step wants, and weights stay packed (3840x2160, dreamnet in tiles of 1920: a
    fifth quicker than tiles that grow and shrink).
    """
    if length <= edge:
        return [Span((0, length), (0, length))]
    wander = stride * -(-halo // (8 * stride))
    beyond = stride * min(-(-(halo + wander) // stride), edge // 4 // stride)
    core = max(stride, edge - 2 * beyond - stride)
    count = 2 if length + 2 * beyond + stride <= 2 * edge else -(-length // core)
    meets = [_rounded(length * number / count, stride) for number in range(1, count)]
    away = _rounded(shift * min(wander, beyond, core // 4), stride)
    return [
        Span(
            (max(0, start - beyond), min(length, end + beyond)),
            (start + away if start else 0, end + away if end < length else length),
        )
        for start, end in pairwise([0, *meets, length])
        if start < end
    ]


def _rounded(pixels: float, stride: int) -> int:
    return round(pixels / stride) * stride


class TiledObjective:
    """The objective of one frame on pictures of any size, known by its gradient.

    whole: the objective of a picture that the network sees whole. scale: the gradient is so many times as large, as
    that of `whole` is. call: how a whole picture's gradient is called, see `cuda_graphs`.
    """

    def __init__(
        self,
        groups: NetworkTerms,
        whole: Callable[[Tensor], Tensor],
        size: TileSize,
        scale: float = 1.0,
        call: Callable[..., Tensor] = eager,
    ) -> None:
        self._groups, self._whole, self._size, self._scale, self._call = groups, whole, size, scale, call
        self._known: dict[tuple[int, int], list[list[Tensor]]] = {}

    def gradient(
        self, picture: Tensor, shifts: tuple[float, float], then: Callable[[Tensor], Tensor] = unchanged
    ) -> Tensor:
        """The gradient in the picture, (1, 3, H, W), and what `then` makes of it. shifts: of where tiles meet, x and y;
        see `spans`.

        Raises torch.OutOfMemoryError if smaller tiles do not help either.
        """
        try:
            return self._gradient(picture, shifts, then)
        except RuntimeError as error:
            if not is_out_of_memory(error) or not self._size.halve(_height_width(picture)):
                raise
        # only here is the traceback gone, and with it all that filled the memory
        if picture.device.type == "cuda":
            torch.cuda.empty_cache()
        return self._gradient(picture, shifts, then)

    def _gradient(self, picture: Tensor, shifts: tuple[float, float], then: Callable[[Tensor], Tensor]) -> Tensor:
        edge = self._size.edge
        height, width = size = _height_width(picture)
        if edge is None or (height <= edge and width <= edge):
            return self._call(input_gradient, picture, self._whole, then)
        gradient = torch.zeros_like(picture)
        known = self._known.get(size)
        self._known[size] = []
        for number, (network, terms) in enumerate(self._groups):
            step = _Step(network, [term for term in terms if term.weight != 0], size)
            across = spans(width, edge, self._size.halo, step.stride, shifts[0])
            down = spans(height, edge, self._size.halo, step.stride, shifts[1])
            tiles = [(rows, columns) for rows in down for columns in across]
            totals = step.measure_means(picture, tiles) if known is None else known[number]
            self._known[size].append(step.add_gradient(picture, tiles, totals, gradient))
        return then(gradient.mul_(self._scale))


@dataclass(frozen=True, slots=True)
class _Step:
    """One network on the tiles of a picture of `size`."""

    network: Network
    terms: Sequence[ObjectiveTerm]
    size: tuple[int, int]

    @property
    def wanted(self) -> frozenset[str]:
        return frozenset(term.layer for term in self.terms)

    @property
    def strides(self) -> Mapping[str, int]:
        return {layer.name: layer.stride for layer in self.network.layers if layer.name in self.wanted}

    @property
    def stride(self) -> int:
        return max(self.strides.values())

    def measure_means(self, picture: Tensor, tiles: Sequence[tuple[Span, Span]]) -> list[Tensor]:
        """The means of each term over the whole picture."""
        totals: list[Tensor] | None = None
        for rows, columns in tiles:
            with torch.no_grad():
                activations = self.network(_cut(picture, rows, columns), self.wanted)
            found = list(self._means(activations, rows, columns, halo=False))
            totals = found if totals is None else [one + more for one, more in zip(totals, found, strict=True)]
        assert totals is not None
        return totals

    def add_gradient(
        self, picture: Tensor, tiles: Sequence[tuple[Span, Span]], totals: Sequence[Tensor], gradient: Tensor
    ) -> list[Tensor]:
        """Add each tile's part to `gradient`; returns the means of each term now."""
        news = [torch.zeros_like(total) for total in totals]
        for rows, columns in tiles:
            with torch.enable_grad():
                leaf = _cut(picture, rows, columns).detach().clone().requires_grad_()
                activations = self.network(leaf, self.wanted)
                value = torch.zeros((), device=leaf.device)
                for term, mine, total in zip(
                    self.terms, self._means(activations, rows, columns, halo=True), totals, strict=True
                ):
                    value = value + term.weight * (_value_gradient(term, total, mine.detach()) * mine).sum()
                found = torch.autograd.grad(value, leaf)[0] if value.requires_grad else None
            with torch.no_grad():
                alone = self._means(activations, rows, columns, halo=False)
                news = [new + one for new, one in zip(news, alone, strict=True)]
            del activations, value
            if found is not None:  # else nothing that is wished for lies in this tile
                _cut(gradient, _tile(rows), _tile(columns)).add_(_cut(found, _within(rows), _within(columns)))
        return news

    def _means(self, activations: Mapping[str, Tensor], rows: Span, columns: Span, *, halo: bool) -> Iterator[Tensor]:
        """What a tile adds to the means of each term: without its halo, or with it."""
        height, width = self.size
        for term in self.terms:
            activation, stride = activations[term.layer], self.strides[term.layer]
            pixels = [span.with_halo if halo else span.tile for span in (rows, columns)]
            share = math.prod(end - start for start, end in pixels) / (height * width)
            if activation.ndim == 2:
                yield term.means(activation, TilePlace(0, 0, 1, 1, share))
                continue
            top, bottom = _places(rows, stride, halo)
            left, right = _places(columns, stride, halo)
            first_row, first_column = rows.with_halo[0] // stride, columns.with_halo[0] // stride
            part = TilePlace(first_row + top, first_column + left, -(-height // stride), -(-width // stride), share)
            yield term.means(activation[:, :, top:bottom, left:right], part)


def _places(span: Span, stride: int, halo: bool) -> tuple[int, int]:
    """Which of a tile's neurons count, from and to."""
    start, end = span.with_halo if halo else span.tile
    return (start - span.with_halo[0]) // stride, -(-(end - span.with_halo[0]) // stride)


def _value_gradient(term: ObjectiveTerm, total: Tensor, mine: Tensor) -> Tensor:
    """The gradient of the term's value in its means over the whole picture, of which `mine` is a tile's share.

    No channel can be less active in all than it is in the tile. This matters where one is silent but for a tile's
    borders, or begins to be active just now: to be counted as silent it would count for a million times too much.
    """
    with torch.enable_grad():
        known = (torch.maximum(total, mine) if isinstance(term, LayerTerm) else total).detach().requires_grad_()
        (gradient,) = torch.autograd.grad(term.value_of(known), known)
    return gradient


def _cut(picture: Tensor, rows: Span, columns: Span) -> Tensor:
    return picture[..., rows.with_halo[0] : rows.with_halo[1], columns.with_halo[0] : columns.with_halo[1]]


def _tile(span: Span) -> Span:
    return Span(span.tile, span.tile)


def _within(span: Span) -> Span:
    """The tile, counted from the first pixel of its halo."""
    inside = (span.tile[0] - span.with_halo[0], span.tile[1] - span.with_halo[0])
    return Span(inside, inside)


def _height_width(picture: Tensor) -> tuple[int, int]:
    return picture.shape[-2], picture.shape[-1]
