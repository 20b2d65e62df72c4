"""What changes over time, as one value per frame."""

from __future__ import annotations

from zoomdream.config import Config, Schedule
from zoomdream.ops.camera import Motion, integrate


def values(config: Config, schedule: Schedule) -> list[float]:
    """The schedule at every frame."""
    return schedule.values(config.frames, config.fps, config.seed)


def hold_shares(config: Config) -> list[float]:
    """By which share of the way colour is pulled back at each frame, from `color.hold` per second."""
    return [1 - (1 - share) ** (1 / float(config.fps)) for share in values(config, config.color.hold)]


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
