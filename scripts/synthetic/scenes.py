"""The two scenes of the synthetic clip: a lake under mountains with balloons, and a coast at dusk with a boat.

Every scene is a stack of paintings, one behind the other, drawn from a seed. 1 is the height of the view, x goes right
and y down from its middle.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from synthetic import paintings
from synthetic.paintings import Painting

Place = tuple[float, float, float, float]
"""x, y, magnification and degrees (clockwise) of a thing, or of the camera."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One painting: its middle at the origin.

    nearness: 0 stands still however the camera moves, 1 moves with it, above 1 passes by in front.
    place: where the painting is after that many seconds; None: it does not move by itself.
    """

    painting: Painting
    nearness: float
    place: Callable[[float], Place] | None = None


@dataclass(frozen=True, eq=False)
class Scene:
    """Layers from back to front, and where the camera is after that many seconds."""

    layers: tuple[Layer, ...]
    camera: Callable[[float], Place]


@functools.cache
def lake() -> Scene:
    """Morning: sky, snow mountains, wooded hills, a lake and its meadow, two balloons. The camera moves in."""
    random = np.random.default_rng(11)
    layers = (
        Layer(paintings.sky(random, (0.20, 0.42, 0.74), (0.95, 0.86, 0.72), cover=0.46, streaks=1.2), 0.2),
        Layer(paintings.mountains(random), 0.4),
        Layer(paintings.woods(random), 0.65),
        Layer(
            paintings.balloon(random, ((0.20, 0.42, 0.62), (0.93, 0.88, 0.74), (0.16, 0.55, 0.52)), 0.17),
            1.0,
            _far_balloon,
        ),
        Layer(paintings.meadow(random), 1.0),
        Layer(
            paintings.balloon(random, ((0.80, 0.20, 0.14), (0.96, 0.73, 0.22), (0.93, 0.90, 0.82)), 0.38),
            1.0,
            _near_balloon,
        ),
    )
    return Scene(layers, _over_the_lake)


@functools.cache
def coast() -> Scene:
    """Dusk: sky, islands, the sea, a sailing boat, and a cliff close by. The camera moves out."""
    random = np.random.default_rng(5)
    layers = (
        Layer(paintings.sky(random, (0.22, 0.20, 0.42), (0.98, 0.62, 0.36), cover=0.44, streaks=4.0), 0.2),
        Layer(paintings.islands(random), 0.5),
        Layer(paintings.sea(random), 0.9),
        Layer(paintings.boat(random), 1.0, _sailing),
        Layer(paintings.cliff(random), 1.5),
    )
    return Scene(layers, _along_the_coast)


def _over_the_lake(seconds: float) -> Place:
    return (
        0.38 * np.sin(0.65 * seconds - 0.9),
        0.03 * np.sin(0.7 * seconds),
        _swell(0.05, 0.20, 0.4 * seconds),
        _roll(seconds),
    )


def _along_the_coast(seconds: float) -> Place:
    return (
        -0.34 * np.sin(0.65 * seconds - 0.7),
        -0.03 * np.sin(0.6 * seconds),
        _swell(0.22, 0.04, 0.4 * seconds),
        -_roll(seconds),
    )


def _swell(start: float, end: float, turn: float) -> float:
    """A magnification that goes from one logarithm to the other and back."""
    return float(np.exp(start + (end - start) * (1 - np.cos(turn)) / 2))


def _roll(seconds: float) -> float:
    return float(2.0 * np.sin(0.8 * seconds))


def _near_balloon(seconds: float) -> Place:
    return (
        0.66 * np.sin(0.75 * seconds - 1.1),
        0.02 + 0.10 * np.cos(0.6 * seconds) + 0.015 * np.sin(2.2 * seconds),
        1 + 0.12 * np.sin(0.5 * seconds),
        5 * np.sin(1.1 * seconds),
    )


def _far_balloon(seconds: float) -> Place:
    return 0.62 * np.cos(0.50 * seconds + 0.2), -0.17 - 0.03 * np.sin(0.9 * seconds), 1.0, -3 * np.sin(0.8 * seconds)


def _sailing(seconds: float) -> Place:
    return 0.48 * np.cos(0.85 * seconds + 0.5), 0.10 + 0.012 * np.sin(2.6 * seconds), 1.0, 4 * np.sin(2.1 * seconds)
