"""Zoomdream renders videos that a neural network has dreamed: endless zooms out of noise or a picture, and clips.

    source → camera → flow → dream → encode        the same five words in the YAML, the code, the tests and the README

Start reading at pipeline.py: the journey of one frame, on one screen. The five words are rooms:

    source/      frames in: noise, a picture, a clip, a mask
    camera/      motion as a backward flow field, the warp, the border
    flow/        optical flow of a clip, carrying a dream along it, frames in between
    dream/       objective, gradient, octaves, tiles: the dream step
    encode/      frames out: segments, joining, sound, metadata

Around them:

    color/       pyramids, colour statistics, holding them
    networks/    networks to dream with, and their weights
    autodiff/    the engine that makes networks fast: a tape with our own vector-Jacobian products
    config/      YAML to a typed, frozen Config;  timeline.py: every schedule as a value per frame
    assembly/    a config's stages: the only place where config meets all rooms
    rendering/   frames to a finished file over any number of interruptions
    batch/       many renders;  atlas/: a page with a picture of each layer;  cli/: the commands
    machine/     cores, memory, devices, process-wide switches;  ffmpeg/: the program and its processes
    api.py       what Python users import;  types.py, errors.py, randomness.py: what all rooms share

From Python:

    import zoomdream
    path = zoomdream.render("tiny.yaml", progress=True)     # a finished video; of a file, a dict or a Config
    config = zoomdream.load_config({"size": "320x180", "duration": "2s"})    # a Config: frozen, every key has its value
    other = config.replace(**{"camera.zoom": 1.2})          # the same with another zoom
    for frame in zoomdream.frames(config): ...              # (3, H, W) float32 RGB in [0, 1]
    dreamt = zoomdream.dream("photo.jpg")                   # one picture: a path, PIL, an array or a tensor
    zoomdream.save(frame, "frame.png")

`import zoomdream` is quick: torch is loaded when one of these is first used.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from zoomdream.version import __version__

if TYPE_CHECKING:
    from zoomdream.api import dream, frames, load_config, render, save
    from zoomdream.config import Config
    from zoomdream.errors import ZoomdreamError

__all__ = ["Config", "ZoomdreamError", "__version__", "dream", "frames", "load_config", "render", "save"]

_HOMES = {
    "load_config": "zoomdream.api",
    "render": "zoomdream.api",
    "frames": "zoomdream.api",
    "dream": "zoomdream.api",
    "save": "zoomdream.api",
    "Config": "zoomdream.config",
    "ZoomdreamError": "zoomdream.errors",
}


class _Package(ModuleType):
    """Keeps `zoomdream.dream` the function: Python binds a room to its package when it is first imported, and `dream`
    is a room too. Import from that with `from zoomdream.dream.octaves import ...`.
    """

    def __getattr__(self, name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'zoomdream' has no attribute {name!r}")
        value = getattr(importlib.import_module(_HOMES[name]), name)
        super().__setattr__(name, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return __all__


sys.modules[__name__].__class__ = _Package
