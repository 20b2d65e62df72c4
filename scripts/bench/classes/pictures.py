"""Pictures of classes out of noise, dreamt as a render dreams them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from bench.report import ROOT
from torch import Tensor

import zoomdream
from zoomdream.config import Config, load_config

BANANA = ROOT / "configs" / "class_banana.yaml"
CLASSES = (
    "banana",
    "dumbbell",
    "parachute",
    "anemone fish",
    "measuring cup",
    "screw",
    "ant",
    "starfish",
    "hartebeest",
    "beacon",
    "macaw",
    "daisy",
    "strawberry",
    "volcano",
    "pineapple",
    "goldfish",
    "tabby",
    "convertible",
    "castle",
    "jellyfish",
)
FEW = ("banana", "anemone fish")
# What the ready config has, and what it would be without each of that or with something else.
PRIORS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "as configured": (),
        "as for layers": (
            "dream.step_size=0.006",
            "dream.noise=0.02",
            "dream.jitter=16",
            "dream.hues=free",
            "dream.turn=0",
            "dream.stretch=0",
            "dream.blur=0",
            "color.hold=0.95",
        ),
        "no blur": ("dream.blur=0",),
        "no views": ("dream.turn=0", "dream.stretch=0"),
        "all hues alike": ("dream.hues=free",),
        "one octave": ("dream.octaves=1", "dream.steps=8"),
        "no bands": ("dream.normalize=mean",),
        "no colour hold": ("color.hold=0",),
        "total variation for blur": ("dream.blur=0", "dream.smooth=0.3"),
        "decay for blur": ("dream.blur=0", "dream.decay=0.01"),
        "Fourier": ("dream.parameters=fourier", "dream.blur=0"),
        "phase only": ("dream.parameters=phase", "dream.blur=0"),
    }
)


def config_for(name: str, network: str, weights: Path | None, size: tuple[int, int], changes: Sequence[str]) -> Config:
    """The ready config with another class, size and network. changes: "key.path=value" as after --set."""
    own = [] if weights is None else [f"network.weights={weights.absolute()}"]
    settings = [f"network.name={network}", *own, f"objective=[{{class: {name}}}]", f"size=[{size[0]}, {size[1]}]"]
    return load_config(BANANA, [*settings, *changes])


def dreamt(config: Config) -> tuple[Tensor, float]:
    """The last frame (1, 3, H, W) and the seconds that it took."""
    begin = time.perf_counter()
    *_, last = zoomdream.frames(config)
    return last[None], time.perf_counter() - begin
