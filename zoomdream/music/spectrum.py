"""A song as power over time and frequency, a row every 10 ms, with all that needs no more than Fourier transforms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

RATE = 44100
HOP = 441
"""Samples from one row to the next: 10 ms."""

ROWS_PER_SECOND = RATE // HOP

Curve = NDArray[np.float32]
"""A value every 10 ms, the first at the song's beginning."""

_WINDOW = 2048  # samples (46 ms): bands
_SHORT = 1024  # samples (23 ms): onsets
_LONG = 8192  # samples (186 ms): chroma, where neighbours in pitch lie close
_CHROMA_EVERY = 10  # rows
_LINEAR = 64  # bins of the spectrum, up to 1.4 kHz, that are kept one by one; above there is one row for each semitone
_BLOCK = 6000  # rows that are worked on at once: a minute
_RISE = 0.0015
"""Seconds by which the steepest rise of a window's power comes before the sound that makes it, measured on clicks."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """power: (rows, bands), the mean square of the samples in each band, a full sine being 0.5; edges: of the bands in
    Hz, one more than there are. flux: (rows,), how much the sound sets in. chroma: (rows, 12), power of C, C sharp, ...
    """

    power: Curve
    edges: Curve
    flux: Curve
    chroma: Curve

    def band(self, low: float, high: float) -> Curve:
        """The amplitude (root of the mean square) between two frequencies in Hz."""
        below, above = self.edges[:-1], self.edges[1:]
        share = (np.minimum(above, high) - np.maximum(below, low)) / (above - below)
        found: Curve = np.sqrt(self.power @ share.clip(0, 1).astype(np.float32))
        return found

    def bright(self) -> Curve:
        """The centre of mass of the amplitudes, in octaves above 100 Hz; 0 where it is silent."""
        height = np.log2(np.maximum((self.edges[:-1] + self.edges[1:]) / 2, 100) / 100).astype(np.float32)
        amplitude = np.sqrt(self.power)
        total = amplitude.sum(1)
        found: Curve = np.where(total > 1e-3, amplitude @ height / np.maximum(total, 1e-9), 0).astype(np.float32)
        return found


def analyze(samples: Iterable[bytes]) -> Spectrum:
    """The spectrum of a sound, of which no more than a minute is held. samples: mono, RATE a second, 32 bit floats."""
    groups, edges = _groups()
    power, onsets, chroma = [], [], []
    folding = _folding()
    before: Tensor | None = None
    for block, rows in _blocks(samples):
        power.append((_power(block, rows, _WINDOW, 1) @ groups).numpy())
        levels = torch.log1p(1e3 * (_power(block, rows, _SHORT, 1) @ _onset_bands()).sqrt())
        rise = (
            levels.diff(dim=0, prepend=torch.zeros_like(levels[:1]) if before is None else before)
            .clamp_min(0)
            .square()
            .mean(1)
            .sqrt()
        )
        onsets.append(rise.numpy())
        before = levels[-1:]
        folded = _power(block, rows, _LONG, _CHROMA_EVERY) @ folding
        chroma.append(folded.repeat_interleave(_CHROMA_EVERY, 0)[:rows].numpy())
    flux = np.concatenate(onsets)
    late = np.arange(len(flux)) - _RISE * ROWS_PER_SECOND
    moved = np.interp(late, np.arange(len(flux)), flux, left=0).astype(np.float32)
    return Spectrum(np.concatenate(power), edges, moved, np.concatenate(chroma))


def _blocks(samples: Iterable[bytes]) -> Iterator[tuple[Tensor, int]]:
    """The sound in pieces of some rows each, with half a long window more at both ends, silent beyond the song."""
    margin = _LONG // 2
    held, count = [np.zeros(margin, np.float32)], margin
    size = _BLOCK * HOP
    for data in samples:
        held.append(np.nan_to_num(np.frombuffer(data, "<f4")).clip(-4, 4))
        count += len(held[-1])
        if count >= size + 2 * margin:
            sound = np.concatenate(held)
            while len(sound) >= size + 2 * margin:
                yield torch.from_numpy(sound[: size + 2 * margin].copy()), _BLOCK
                sound = sound[size:]
            held, count = [sound], len(sound)
    sound = np.concatenate(held)
    rows = max(1, -(-(len(sound) - margin) // HOP))
    padded = np.zeros(rows * HOP + 2 * margin, np.float32)
    padded[: len(sound)] = sound[: len(padded)]
    yield torch.from_numpy(padded), rows


def _power(block: Tensor, rows: int, window: int, every: int) -> Tensor:
    """(rows / every, bins): the mean square in each bin, of windows around every so many rows of a block."""
    aside = (_LONG - window) // 2
    pieces = block[aside:].unfold(0, window, every * HOP)[: -(-rows // every)]
    # Of a bass, Blackman's window leaves a tenth as much as Hann's in the band above it.
    shape = torch.blackman_window(window) if window == _WINDOW else torch.hann_window(window)
    found: Tensor = torch.fft.rfft(pieces * shape).abs().square() * (2 / (shape.square().sum() * window))
    return found


def _groups() -> tuple[Tensor, Curve]:
    """(bins, bands): which bins make a band, and the edges of the bands in Hz."""
    width = RATE / _WINDOW
    bins = _WINDOW // 2 + 1
    edges = [(number - 0.5) * width for number in range(1, _LINEAR + 1)]
    while edges[-1] * 2 ** (1 / 12) < 20000:
        edges.append(edges[-1] * 2 ** (1 / 12))
    lows, highs = (np.arange(bins) - 0.5) * width, (np.arange(bins) + 0.5) * width
    below, above = np.array(edges[:-1]), np.array(edges[1:])
    shared = np.minimum(highs[:, None], above) - np.maximum(lows[:, None], below)
    return torch.from_numpy((shared / width).clip(0, 1).astype(np.float32)), np.array(edges, np.float32)


def _onset_bands() -> Tensor:
    """(bins, bands): 24 bands that are even to the ear, in which a sound sets in."""
    bins = np.arange(_SHORT // 2 + 1) * RATE / _SHORT
    corners = 700 * (10 ** (np.linspace(0.03, 1.45, 26)) - 1)  # the mel scale, from 50 Hz to 19 kHz
    rising = (bins[:, None] - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - bins[:, None]) / (corners[2:] - corners[1:-1])
    return torch.from_numpy(np.minimum(rising, falling).clip(0, None).astype(np.float32))


def _folding() -> Tensor:
    """(bins, 12): how bins between 65 Hz and 4.2 kHz fold into the twelve pitches, concert pitch at 440 Hz."""
    bins = np.arange(_LONG // 2 + 1) * RATE / _LONG
    pitch = 12 * np.log2(np.maximum(bins, 1) / 440) + 9
    away = (pitch[:, None] - np.arange(12) + 6) % 12 - 6
    inside = (bins > 65) & (bins < 4200)
    return torch.from_numpy((np.clip(1 - np.abs(away), 0, 1) * inside[:, None]).astype(np.float32))
