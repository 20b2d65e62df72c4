"""Zoomdream renders videos that a neural network has dreamed: endless zooms out of noise or a picture, and clips.

    source → camera → flow → dream → encode        the same five words in the YAML, the code, the tests and the README

The map:

    cli/         commands, exit codes, progress
    atlas/       a page with a picture of each layer
    batch/       many renders: matrix, several at once here or on Ray, shots side by side, report
    render/      frames → a finished file: segments, state, resume, joining
    build/       config → parts: the only package that knows both; plan.py what `auto` means on this machine
    pipeline.py  one frame from the last, on one screen
    config/      every YAML key, typed and frozen; schedules; loading.py a config with what its clip decides
    ops/         pure functions on tensors: warp, camera, flow, carry, colour, octaves, gradient, objective, dream
    nets/        networks to dream with, and their weights
    media/       everything outside the process: pictures, ffmpeg, probing
    notebook.py  frames and dreams as tensors
    types.py     what the parts hand to each other; threads.py work beside the dreaming; errors.py what can go wrong

Start reading at pipeline.frames. From Python:

    import zoomdream
    config = zoomdream.load_config("configs/tiny.yaml")     # or a dict
    path = zoomdream.render(config)                         # a finished video
    for frame in zoomdream.frames(config): ...              # (3, H, W) float32 RGB in [0, 1]
    dreamt = zoomdream.dream(image)                         # one picture

`import zoomdream` is quick: torch is loaded when one of these is first used.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from zoomdream.version import __version__

if TYPE_CHECKING:
    from zoomdream.loading import load_config
    from zoomdream.notebook import dream, frames
    from zoomdream.render import render

__all__ = ["__version__", "dream", "frames", "load_config", "render"]

_HOMES = {
    "load_config": "zoomdream.loading",
    "render": "zoomdream.render",
    "frames": "zoomdream.notebook",
    "dream": "zoomdream.notebook",
}


class _Package(ModuleType):
    """The package itself, which keeps `zoomdream.render` the function.

    Python binds a submodule to its package when it is first imported, so `zoomdream.render` would turn from the
    function into the module of the same name as soon as anything imports from `zoomdream.render`.
    """

    def __getattr__(self, name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'zoomdream' has no attribute {name!r}")
        value = getattr(importlib.import_module(_HOMES[name]), name)
        super().__setattr__(name, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _HOMES and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


sys.modules[__name__].__class__ = _Package
