"""Songs that are drawn sample by sample, so that their beats, sections and pitches are known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoomdream import ffmpeg

RATE = 44100
TEMPO, BARS = 112, 16
"""Of the sample song, whose second half is its second section."""

Samples = NDArray[np.float32]

_CHORDS = ((57, 60, 64), (53, 57, 60), (48, 52, 55), (55, 59, 62))  # A minor, F, C, G, as MIDI numbers
_HIGHER = ((65, 69, 72), (67, 71, 74), (64, 67, 71), (69, 72, 76))


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), np.float32)


def tone(pitch: float, seconds: float, fade: float = 0.05, level: float = 0.5) -> Samples:
    """A sine of so many hertz that fades in and out without a corner, which would be heard as a click."""
    time = np.arange(round(seconds * RATE)) / RATE
    shape = np.sin(np.pi / 2 * np.minimum(1, np.minimum(time, seconds - time) / fade)) ** 2
    return (level * shape * np.sin(2 * np.pi * pitch * time)).astype(np.float32)


def clicks(times: Iterable[float], seconds: float, level: float = 0.8) -> Samples:
    """A woodblock at each of the times."""
    time = np.arange(round(0.03 * RATE)) / RATE
    click = level * np.sin(2 * np.pi * 1000 * time) * np.exp(-time / 0.006)
    return mixed(((at, click) for at in times), seconds)


def mixed(sounds: Iterable[tuple[float, NDArray[np.floating]]], seconds: float) -> Samples:
    """Sounds at their times, cut off at the end."""
    found = silence(seconds)
    for at, sound in sounds:
        begin = round(at * RATE)
        part = sound[: max(0, len(found) - begin)]
        found[begin : begin + len(part)] += part
    return found


def write(path: Path, samples: Samples, *options: str) -> Path:
    """A sound file; `options` of ffmpeg say how it is encoded, else its name does."""
    command = [str(ffmpeg.executable()), *ffmpeg.QUIET, "-y", "-f", "f32le", "-ar", str(RATE), "-ac", "1"]
    raw = path.with_name(f"{path.name}.raw")
    raw.write_bytes(samples.astype("<f4").tobytes())
    try:
        ffmpeg.run([*command, "-i", str(raw), *options, str(path)], what=f"Making {path}")
    finally:
        raw.unlink()
    return path


def beats() -> list[float]:
    """The beats of the sample song."""
    return [number * 60 / TEMPO for number in range(4 * BARS)]


def sample() -> Samples:
    """The sample song: drums, bass and chords; its second half has more drums, higher chords and a tune."""
    beat, noise = 60 / TEMPO, np.random.default_rng(1)
    parts: list[tuple[float, NDArray[np.floating]]] = []
    for bar in range(BARS):
        begin, second = 4 * bar * beat, bar >= BARS // 2
        chord = (_HIGHER if second else _CHORDS)[bar % 4]
        for quarter in range(4):
            at = begin + quarter * beat
            parts.append((at, kick()) if quarter % 2 == 0 or second else (at, _snare(noise)))
            if second and quarter % 2:
                parts.append((at, _snare(noise)))
            hats = 4 if second else 2
            parts += [(at + beat * part / hats, _hat(noise, 0.09 if part else 0.05)) for part in range(hats)]
            parts += [(at + beat / 2 * half, _bass(_hertz(_CHORDS[bar % 4][0] - 24), beat / 2)) for half in range(2)]
        parts.append((begin, _pad([_hertz(note) for note in chord], 4 * beat, 0.07 if second else 0.05)))
        if second:
            tune = (chord[0], chord[2], chord[1], chord[2] + 12, chord[2], chord[1], chord[0] + 12, chord[2])
            parts += [(begin + number * beat / 2, _bell(_hertz(note + 12))) for number, note in enumerate(tune)]
    found = mixed(parts, 4 * BARS * beat)
    return (0.9 * found / np.abs(found).max()).astype(np.float32)


def _hertz(note: float) -> float:
    return 440 * 2 ** ((note - 69) / 12)


def _time(seconds: float) -> NDArray[np.floating]:
    return np.arange(round(seconds * RATE)) / RATE


def kick() -> NDArray[np.floating]:
    time = _time(0.3)
    return 0.9 * np.sin(2 * np.pi * (50 * time + 4 * (1 - np.exp(-time / 0.03)))) * np.exp(-time / 0.09)


def _snare(noise: np.random.Generator) -> NDArray[np.floating]:
    time = _time(0.2)
    rattle = noise.standard_normal(len(time)) * np.exp(-time / 0.05)
    return 0.16 * rattle + 0.3 * np.sin(2 * np.pi * 190 * time) * np.exp(-time / 0.04)


def _hat(noise: np.random.Generator, level: float) -> NDArray[np.floating]:
    time = _time(0.06)
    hiss = np.diff(noise.standard_normal(len(time) + 1))  # the higher the louder
    return level * hiss * np.exp(-time / 0.015)


def _bass(pitch: float, seconds: float) -> NDArray[np.floating]:
    time = _time(seconds * 0.95)
    shape = np.minimum(1, time / 0.008) * np.exp(-time / 0.25)
    return 0.35 * shape * (np.sin(2 * np.pi * pitch * time) + 0.3 * np.sin(4 * np.pi * pitch * time))


def _pad(pitches: Sequence[float], seconds: float, level: float) -> NDArray[np.floating]:
    time = _time(seconds)
    shape = np.minimum(1, np.minimum(time / 0.2, (seconds - time) / 0.2))
    voices = (np.sin(2 * np.pi * pitch * cents * time) for pitch in pitches for cents in (0.997, 1.003))
    return level * shape * sum(voices)


def _bell(pitch: float) -> NDArray[np.floating]:
    time = _time(0.4)
    return 0.1 * np.exp(-time / 0.12) * (np.sin(2 * np.pi * pitch * time) + 0.4 * np.sin(2 * np.pi * 3 * pitch * time))
