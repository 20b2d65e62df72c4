"""The networks that a benchmark dreams with, and the configs of its renders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.report import ROOT

from zoomdream.config import Config, load_config
from zoomdream.networks import catalog

ENDLESS = ROOT / "configs" / "endless_zoom.yaml"
LAYERS = ("mixed3b", "mixed4c", "mixed4d")
ASSETS = {
    "googlenet": "bvlc_googlenet_caffe.pth",
    "torchvision/squeezenet1_1": "squeezenet1_1_torchvision_layout.pth",
}
"""Weights of the folder that ZOOMDREAM_ASSETS names."""


@dataclass(frozen=True, slots=True)
class Dreamer:
    """A network (weights None: its own) and the layer whose energy it climbs (None: the config's objective)."""

    network: str
    weights: Path | None
    layer: str | None

    @property
    def name(self) -> str:
        return f"{self.network} {self.layer or 'as configured'}"

    @property
    def overrides(self) -> list[str]:
        """As after --set."""
        weights = [] if self.weights is None else [f"network.weights={self.weights.absolute()}"]
        objective = [] if self.layer is None else [f"objective=[{{layer: {self.layer}}}]"]
        return [f"network.name={self.network}", *weights, *objective]


def missing(network: str, weights: Path | None = None) -> str | None:
    """Why a network cannot be opened here, or None."""
    if weights is not None or find_weights(network) is not None:
        return None
    found = {info.name: info for info in catalog.networks()}
    if network not in found or found[network].present:
        return None
    if network == "googlenet":
        return "no weights: set ZOOMDREAM_ASSETS or give --network googlenet --weights FILE"
    return f"the weights of {network} are not in this package"


def find_weights(network: str) -> Path | None:
    """A network's weights among the assets; None where there are none."""
    folder = os.environ.get("ZOOMDREAM_ASSETS")
    if network not in ASSETS or not folder:
        return None
    path = Path(folder, "weights", ASSETS[network])
    return path if path.is_file() else None


def dreamers(
    network: str | None, weights: Path | None, layers: Sequence[str], *, quick: bool
) -> tuple[list[Dreamer], dict[str, str]]:
    """Who dreams, and who is skipped and why. quick: dreamnet alone, unless another is asked for.

    Without `network` dreamnet climbs the config's own objective and GoogLeNet each of LAYERS; `layers` replace both.
    """
    if network is not None or weights is not None:
        chosen = [(network or "dreamnet", weights)]
    else:
        chosen = [("dreamnet", None), ("googlenet", None)]
    found: list[Dreamer] = []
    skipped: dict[str, str] = {}
    for name, file in chosen:
        reason = missing(name, file)
        if reason is None and quick and len(chosen) > 1 and name != "dreamnet":
            reason = "--quick dreams with dreamnet alone"
        if reason is not None:
            skipped[f"quality, {name}"] = reason
            continue
        wanted = layers or (LAYERS if network is None and name == "googlenet" else (None,))
        found += [Dreamer(name, file or find_weights(name), layer) for layer in wanted]
    return found, skipped


def render_config(
    dreamer: Dreamer,
    output: Path,
    size: tuple[int, int],
    frames: int,
    *,
    threads: int | None = None,
    base: Path = ENDLESS,
    settings: Sequence[str] = (),
) -> Config:
    """A config file with another size, length, network and objective.

    settings: "key.path=value" as after --set. Raises ConfigError.
    """
    overrides = [*dreamer.overrides, *settings]
    if threads is not None:
        overrides.append(f"performance.threads={threads}")
    config = load_config(base, overrides, output=output)
    return config.model_copy(update={"size": size, "frames": frames})
