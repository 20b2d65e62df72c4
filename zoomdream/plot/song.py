"""A song as panels: all that schedules may ask of it, over the time of a film or of the song itself."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from PIL import Image

from zoomdream.config.signals import BANDS
from zoomdream.music.signals import SongSignals
from zoomdream.music.spectrum import ROWS_PER_SECOND, Spectrum
from zoomdream.plot.panels import Curve, Marks, Panel, Picture, Plot

_TOGETHER = (
    ("bands", tuple(BANDS)),
    ("onsets", ("onset", "beat")),
    ("parts", ("drums", "tones")),
    ("", ("loud", "bright")),
)
_LOWEST, _HIGHEST, _QUIETEST = 30, 16000, -80.0  # hertz, hertz, decibels
_SIZE = (856, 96)
_COLORS = ((22, 24, 28), (58, 42, 110), (190, 60, 100), (255, 170, 80), (255, 250, 210))


def plot_of_song(signals: SongSignals, spectrum: Spectrum, frames: int, fps: float, title: str) -> Plot:
    """What the signals are at each of some frames, those that were listened for."""
    begin = signals.offset
    rows = spectrum.power[max(0, round(begin * ROWS_PER_SECOND)) : round((begin + frames / fps) * ROWS_PER_SECOND)]
    missing = max(0, round(frames / fps * ROWS_PER_SECOND) - len(rows))
    rows = np.pad(rows, ((0, missing), (0, 0)))
    grid = signals.grid
    moments = (
        ("sections", signals.sections[1:]),
        ("bars", grid.bars),
    )
    marks = (
        Marks(name, tuple(frame for time in times if 0 <= (frame := (time - begin) * fps) < frames))
        for name, times in moments
    )
    return Plot(
        title,
        frames,
        fps,
        tuple(_panels(signals, rows, frames, fps)),
        tuple(found for found in marks if found.frames),
        (),
        tuple(line.strip() for line in signals.describe()[1:]),
        (Picture(f"spectrum, {_LOWEST} Hz to {_HIGHEST // 1000} kHz", _spectrogram(rows, spectrum.edges)),),
    )


def _panels(signals: SongSignals, rows: np.ndarray, frames: int, fps: float) -> Iterator[Panel]:
    parts = np.linspace(0, len(rows), frames + 1).astype(int)
    loud = np.sqrt([rows[begin : max(end, begin + 1)].sum(1).max() for begin, end in pairwise(parts)])
    wave = loud * (1 - 2 * (np.arange(frames) % 2))  # to and fro, so that it fills what a sound does
    if wave.min() < wave.max():
        yield Panel("waveform", "", (Curve("waveform", tuple(wave.tolist()), ()),))
    own = [name for name in signals.curves if name not in {one for _, names in _TOGETHER for one in names} | {"chroma"}]
    for title, names in (*_TOGETHER, *((name, (name,)) for name in own)):
        there = [name for name in names if name in signals.curves or (name == "beat" and signals.grid.beats)]
        if there:
            curves = (Curve(f"{name}(t)", _values(signals, name, frames, fps), ()) for name in there)
            if moving := tuple(curve for curve in curves if curve.range[0] < curve.range[1]):
                yield Panel(title, "", moving)


def _values(signals: SongSignals, name: str, frames: int, fps: float) -> tuple[float, ...]:
    return tuple(signals.value(name, [frame / fps], 1 / fps) for frame in range(frames))


def _spectrogram(rows: np.ndarray, edges: np.ndarray) -> bytes:
    """A PNG: time to the right, pitch upwards, as even octaves; the brighter the louder."""
    width, height = _SIZE
    pitches = np.geomspace(_HIGHEST, _LOWEST, height)
    bands = np.searchsorted(edges, pitches).clip(1, rows.shape[1]) - 1
    columns = np.linspace(0, len(rows), width + 1).astype(int)
    loudest = np.stack([rows[a : max(b, a + 1)].max(0) for a, b in pairwise(columns)])
    decibels = 10 * np.log10(np.maximum(loudest[:, bands].T / max(float(rows.max()), 1e-9), 1e-12))
    shares = (1 - decibels / _QUIETEST).clip(0, 1) * (len(_COLORS) - 1)
    colors = [np.interp(shares, range(len(_COLORS)), [color[channel] for color in _COLORS]) for channel in range(3)]
    data = io.BytesIO()
    Image.fromarray(np.stack(colors, 2).round().astype(np.uint8)).save(data, "png")
    return data.getvalue()
