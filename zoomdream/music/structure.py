"""What takes more than a Fourier transform, by librosa: drums, tones and sections."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoomdream.errors import InputError
from zoomdream.music.spectrum import ROWS_PER_SECOND, Curve, Spectrum

NEEDING = ("drums", "tones", "section")
"""The functions that need librosa."""

_KERNEL = (31, 17)
"""Rows of time (310 ms) and bands over which a tone and a drum go on."""

_SHORTEST = 4.0  # seconds of a section
_SAME = 0.03  # of all that is heard: a song that changes less is one section
_WORTH = 0.04  # of all change of a song: what each section has to explain, all together
_MOST = 24


def librosa(function: str) -> Any:
    """The library. InputError that says how to install it."""
    try:
        return importlib.import_module("librosa")
    except ImportError as error:
        raise InputError(
            f"{function}(t) needs librosa, which is not installed here ({error}). "
            "`pip install 'zoomdream[music]'` installs it; loud, bass, mid, high, onset, bright, chroma and the beats "
            "work without."
        ) from None


def drums_and_tones(spectrum: Spectrum) -> tuple[Curve, Curve]:
    """The amplitude of what is short over many frequencies, and of what lasts at one (Fitzgerald 2010)."""
    tones, drums = librosa("drums").decompose.hpss(np.sqrt(spectrum.power.T), kernel_size=_KERNEL)
    return tuple(np.sqrt((part**2).sum(0)).astype(np.float32) for part in (drums, tones))


def sections(spectrum: Spectrum, bars: Sequence[float]) -> tuple[float, ...]:
    """When each section of a song begins, in seconds; the first at 0. bars: when they begin, as sections do.

    Neighbours that are most alike become one. Of all numbers of sections that one counts which explains much of how the
    song changes with few: where two parts take turns, only all of their turns together explain anything.
    """
    length = len(spectrum.power) / ROWS_PER_SECOND
    edges = [bar for bar in bars if 2 < bar < length - 1] if len(bars) >= 8 else list(np.arange(2.0, length - 1))
    if length < 2 * _SHORTEST or len(edges) < 4:
        return (0.0,)
    rows = [0, *(round(edge * ROWS_PER_SECOND) for edge in edges)]
    features = _features(spectrum, rows)
    whole = _change(features, [0])
    if whole <= _SAME * float((features**2).sum()):
        return (0.0,)
    library = librosa("section")
    most = min(_MOST, int(length / _SHORTEST), len(rows) - 1)
    parts = [sorted(map(int, library.segment.agglomerative(features.T, count))) for count in range(1, most + 1)]
    chosen = min(parts, key=lambda begins: _change(features, begins) / whole + _WORTH * len(begins))
    return (0.0, *(rows[begin] / ROWS_PER_SECOND for begin in chosen if begin))


def _features(spectrum: Spectrum, rows: Sequence[int]) -> NDArray[np.float64]:
    """(parts, features) of the time between rows: how loud each of some bands is, and which pitches are heard."""
    loud = np.log1p(100 * np.sqrt(np.add.reduceat(spectrum.power, np.arange(0, spectrum.power.shape[1], 8), axis=1)))
    pitches = spectrum.chroma / np.maximum(spectrum.chroma.max(1, keepdims=True), 1e-6)
    both = np.concatenate([loud, 0.5 * pitches], 1).astype(float)
    lengths = np.diff([*rows, len(both)])
    found: NDArray[np.float64] = np.add.reduceat(both, list(rows), axis=0) / np.maximum(lengths, 1)[:, None]
    return found


def _change(features: NDArray[np.float64], begins: Sequence[int]) -> float:
    """How much features change within the parts that begin there, squared and summed."""
    parts = np.split(features, list(begins)[1:])
    return float(sum(((part - part.mean(0)) ** 2).sum() for part in parts))
