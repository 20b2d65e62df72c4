"""The networks that can be dreamed with: what they are, where their weights come from, opening them, finding a layer.

This version downloads nothing. dreamnet's weights are inside the package; GoogLeNet's are a file that the user has.
"""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from zoomdream.errors import ConfigError, InputError
from zoomdream.nets import dreamnet, googlenet
from zoomdream.nets.weights import read_tensors
from zoomdream.types import Layer, Network

GOOGLENET_ADDRESS = "https://github.com/ProGamerGov/pytorch-old-caffemodels/raw/master/bvlc_googlenet.pth"
GOOGLENET_FILES = ("bvlc_googlenet.safetensors", "bvlc_googlenet.pth")
NAMES = ("dreamnet", "googlenet")
# One tensor that only this network's files have.
_SIGNATURES = {
    "heads.mixed4c.weight": "dreamnet",
    "inception_4c_3x3_reduce.weight": "googlenet",
    "mixed4c_3x3_pre_relu_conv.weight": "inception5h",
    "mixed4c.conv_3x3.weight": "inception5h",
    "inception4c.branch1.conv.weight": "torchvision's googlenet",
    "layer1.0.conv1.weight": "a ResNet",
    "features.3.squeeze.weight": "a SqueezeNet",
    "features.28.weight": "a VGG",
}


@dataclass(frozen=True, slots=True)
class NetworkInfo:
    """One line of `zoomdream networks`. `source` says where the weights are or where to get them."""

    name: str
    description: str
    licence: str
    source: str
    present: bool


def networks() -> tuple[NetworkInfo, ...]:
    """Every network that this version knows, the default first."""
    found = default_weights("googlenet")
    return (
        NetworkInfo(
            "dreamnet",
            "a small network taught by GoogLeNet, inside the package; the default",
            "MIT, like zoomdream itself",
            "embedded",
            resources.files("zoomdream").joinpath("data", dreamnet.FILE_NAME).is_file(),
        ),
        NetworkInfo(
            "googlenet",
            "BVLC GoogLeNet, the network of the first Deep Dreams (Szegedy et al. 2014, trained with Caffe)",
            "BVLC model, released for unrestricted use",
            str(found) if found else _how_to_get_googlenet(),
            found is not None,
        ),
    )


def default_weights(name: str) -> Path | None:
    """The file that the network is read from when `network.weights` is not set; None: embedded, or not there."""
    folder = cache_folder()
    if name != "googlenet" or folder is None:
        return None
    return next((path for file in GOOGLENET_FILES if (path := folder / file).is_file()), None)


def embedded_checksum(name: str) -> str | None:
    """The checksum of the weights inside the package; None for a network that has none there.

    Raises InputError where they are missing or damaged.
    """
    return dreamnet.read()[1]["checksum"] if name == "dreamnet" else None


def cache_folder() -> Path | None:
    """Where this user's weights files are looked for; None for a user without a home. Nothing is created."""
    if chosen := os.environ.get("XDG_CACHE_HOME"):
        return Path(chosen) / "zoomdream"
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "zoomdream"
    try:
        home = Path.home()
    except RuntimeError:  # no HOME, and a user id that the system has no entry of, as in containers
        return None
    return (home / "Library/Caches" if sys.platform == "darwin" else home / ".cache") / "zoomdream"


def open_network(name: str, weights: Path | None) -> Network:
    """The network by its name, on the CPU in float32; weights: a file instead of the default ones.

    Raises ConfigError for an unknown name, InputError where the weights are missing, broken or another network's.
    """
    if name not in NAMES:
        raise ConfigError(
            f"network.name: there is no network {name!r}; did you mean {_nearest(name, NAMES, 1)[0]!r}? "
            f"This version has {' and '.join(NAMES)}."
        )
    file = weights or default_weights(name)
    if name == "googlenet" and file is None:
        raise InputError(f"network.name: googlenet has no weights here. {_how_to_get_googlenet()}")
    try:
        return dreamnet.load(file) if name == "dreamnet" or file is None else googlenet.load(file)
    except InputError:
        signature = None if file is None else _signature(file)
        if signature is None or _SIGNATURES[signature] == name:
            raise
        other = _SIGNATURES[signature]
        advice = f"Set network.name to {other}, or give" if other in NAMES else "Give"
        raise InputError(
            f"network.weights: {file} holds the weights of another network: network.name is {name}, but its tensor "
            f"{signature!r} is one of {other}. {advice} a file of {name}."
        ) from None


def find_layer(network: Network, name: str) -> Layer:
    """The layer of that name, canonical or an alias, in capitals or not. Raises ConfigError with the nearest names."""
    wanted = name.strip().lower()
    names = {known.lower(): layer for layer in network.layers for known in (layer.name, *layer.aliases)}
    if wanted in names:
        return names[wanted]
    # An alias may be the nearest by spelling; people are told the canonical name of each layer once.
    nearest = list(dict.fromkeys(names[known].name for known in _nearest(wanted, names, len(names))))[:3]
    raise ConfigError(
        f"{network.name} has no layer {name!r}; did you mean {', '.join(nearest)}? "
        f"`zoomdream layers {network.name}` lists them all."
    )


def check_channels(layer: Layer, channels: Iterable[int] | None) -> None:
    """Raises ConfigError if one of the channels is not the layer's."""
    for channel in channels or ():
        if not 0 <= channel < layer.channels:
            raise ConfigError(
                f"channels: {layer.name} has no channel {channel}; its {layer.channels} channels are "
                f"0 to {layer.channels - 1}."
            )


def minimum_edge(layer: Layer) -> int:
    """Shortest edge in pixels of a picture that is worth dreaming with the layer: two of its cells.

    The networks run on less (one cell), but one row of cells sees mostly the zeros that pad the picture.
    """
    return 2 * layer.stride


def _signature(file: Path) -> str | None:
    """The tensor that tells whose weights these are. InputError if nobody's: missing, a text file, pickled code, ..."""
    tensors = read_tensors(file)
    return next((name for name in _SIGNATURES if name in tensors), None)


def _nearest(name: str, known: Collection[str], count: int) -> list[str]:
    return difflib.get_close_matches(name.lower(), known, count, cutoff=0.0)


def _how_to_get_googlenet() -> str:
    folder = cache_folder()
    put = "" if folder is None else f", or put it at {folder / GOOGLENET_FILES[1]}"
    return (
        f"zoomdream does not download by itself: get the file from {GOOGLENET_ADDRESS} and name it in network.weights"
        f"{put}."
    )
