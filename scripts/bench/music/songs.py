"""What schedules hear in made songs, against what those were made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from synthetic import song

from zoomdream.api import load_config
from zoomdream.config import Config
from zoomdream.music.grid import Grid
from zoomdream.music.signals import SongSignals
from zoomdream.timeline import Timeline

LENGTH = 30.0
"""Seconds of a song of clicks."""


def rhythms() -> dict[str, tuple[list[float], float]]:
    """The beats of each song of clicks, and its tempo; 0 where that changes."""
    found = {f"{tempo:g}": (beats(tempo), tempo) for tempo in (60, 75, 80, 93.5, 100, 120, 128, 140, 160, 170, 180)}
    slow = [time for time in beats(100) if time < LENGTH / 2]
    fast = [slow[-1] + number * 60 / 130 for number in range(1, 40)]
    return {**found, "100, then 130": ([*slow, *(time for time in fast if time < LENGTH - 0.1)], 0.0)}


def beats(tempo: float, until: float = LENGTH - 0.1) -> list[float]:
    return [float(time) for time in np.arange(0.37, until, 60 / tempo)]


def swinging(times: Sequence[float]) -> song.Samples:
    """The beats, and between them quieter ones that come late."""
    between = [time + 2 / 3 * (later - time) for time, later in pairwise(times)]
    return song.clicks(times, LENGTH) + song.clicks(between, LENGTH, level=0.25)


def film(
    path: Path, music: dict[str, Any] | None = None, fps: float = 24, seconds: float = LENGTH, **tree: Any
) -> Config:
    """A config that follows a song."""
    length = {"fps": fps, "frames": round(fps * seconds)}
    return load_config({"size": [64, 48], **length, "music": {"path": str(path), **(music or {})}, **tree})


def curves(config: Config, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Functions of the music at every frame."""
    asking = [{"layer": "mixed4c", "weight": f"{name} + 0"} for name in names]
    again = load_config({**config.tree(), "objective": asking})
    timeline = Timeline.of(again)
    return {name: np.array(timeline.curve(f"objective.{number}.weight")) for number, name in enumerate(names)}


def grid(config: Config) -> Grid:
    assert isinstance(config.signals, SongSignals)
    return config.signals.grid


def onset_errors(curve: np.ndarray, times: Sequence[float], fps: float) -> list[float]:
    """Frames by which the peak nearest to each of the times is late."""
    peaks = [n for n in range(1, len(curve) - 1) if curve[n] > 0.5 and curve[n - 1] < curve[n] >= curve[n + 1]]
    return [min((peak - time * fps for peak in peaks), key=abs, default=np.inf) for time in times]
