"""What changes over time, as one value per frame."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from zoomdream.camera.motion import Motion, integrate
from zoomdream.config import Config, Schedule


def values(config: Config, schedule: Schedule) -> list[float]:
    """The schedule at every frame."""
    return schedule.values(config.frames, config.fps, config.seed)


def dreamt_frames(config: Config, cuts: Sequence[int]) -> tuple[int, ...]:
    """The frames that are dreamt on: of each shot the first, every so many after it, and the last."""
    borders = [0, *(cut for cut in cuts if cut < config.frames), config.frames]
    return tuple(
        frame for begin, end in pairwise(borders) for frame in sorted({*range(begin, end, config.dream.every), end - 1})
    )


def gathered(values: Sequence[float], keys: Sequence[int], gather: Callable[[Sequence[float]], float]) -> list[float]:
    """At each dreamt frame (`keys`), what its value and those of the frames that were not dreamt on before it come to.
    At all other frames their own value.
    """
    found = list(values)
    for before, now in pairwise((-1, *keys)):
        found[now] = gather(values[before + 1 : now + 1])
    return found


def hold_shares(config: Config, keys: Sequence[int]) -> list[float]:
    """By which share of the way colour is pulled back at each dreamt frame, from `color.hold` per second."""
    left = [(1 - share) ** (1 / float(config.fps)) for share in values(config, config.color.hold)]
    return [1 - share for share in gathered(left, keys, math.prod)]


def motions(config: Config) -> tuple[Motion, ...]:
    """The camera's motion from each frame to the next."""
    camera = config.camera
    return integrate(
        zoom=values(config, camera.zoom),
        rotate=values(config, camera.rotate),
        pan=list(zip(values(config, camera.pan[0]), values(config, camera.pan[1]), strict=True)),
        pivot=list(zip(values(config, camera.pivot[0]), values(config, camera.pivot[1]), strict=True)),
        frames_per_second=float(config.fps),
    )


def height_width(config: Config) -> tuple[int, int]:
    """The frame's size as the code counts it."""
    width, height = config.size
    return height, width
