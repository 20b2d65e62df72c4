"""The networks that can be dreamed with: what they are, where their weights come from, opening them, finding a layer.

dreamnet's weights are inside the package. All others' are files: the user's own, or downloaded once when a network is
opened that needs them.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from zoomdream.errors import ConfigError, InputError
from zoomdream.machine.files import cache_folder
from zoomdream.networks import dreamnet, dreamnet_file, googlenet
from zoomdream.networks.googlenet_layers import VARIANTS
from zoomdream.networks.googlenet_layers import layers as googlenet_layers
from zoomdream.networks.weights import download
from zoomdream.networks.weights.addresses import MAX_BYTES, WEIGHTS, cached
from zoomdream.networks.weights.googlenet_layouts import guess
from zoomdream.networks.weights.read import read_tensors
from zoomdream.types import Layer, Network

if TYPE_CHECKING:
    from types import ModuleType

NAMES = ("dreamnet", *VARIANTS)
TORCHVISION = "torchvision/"
# One tensor that only this network's files have, for those that are no GoogLeNet of ours.
_SIGNATURES = {
    "heads.mixed4c.conv.weight": "dreamnet",
    "inception4c.branch1.conv.weight": "torchvision/googlenet",
    "Mixed_6c.branch1x1.conv.weight": "torchvision/inception_v3",
    "layer1.0.conv1.weight": "a ResNet",
    "features.3.squeeze.weight": "a SqueezeNet",
    "features.28.weight": "a VGG",
    "features.denseblock1.denselayer1.conv1.weight": "a DenseNet",
}


@dataclass(frozen=True, slots=True)
class NetworkInfo:
    """One line of `zoomdream networks`. `source` says where the weights are or where they would be downloaded from."""

    name: str
    description: str
    licence: str
    source: str
    present: bool


def networks() -> tuple[NetworkInfo, ...]:
    """Every network of our own definition, the default first; torchvision's are `torchvision_networks`."""
    present = resources.files("zoomdream").joinpath("data", dreamnet_file.FILE_NAME).is_file()
    description = "a small network taught by GoogLeNet, inside the package; the default"
    found = [NetworkInfo("dreamnet", description, "MIT, like zoomdream itself", "embedded", present)]
    for name, weights in WEIGHTS.items():
        file = cached(name)
        where = str(file) if file else weights.addresses[0]
        found.append(NetworkInfo(name, weights.description, weights.licence, where, file is not None))
    return tuple(found)


def torchvision_networks() -> tuple[NetworkInfo, ...]:
    """torchvision's classifiers, `torchvision/NAME`, with its default weights."""
    zoo, found = _zoo(), []
    for name in zoo.names():
        origin, file = zoo.origin(name), zoo.cached(name)
        where = str(file) if file.is_file() else origin.address
        description = f"torchvision's {name}, {origin.megabytes:.0f} MB"
        licence = "as torchvision says of its weights; most BSD-3-Clause"
        found.append(NetworkInfo(TORCHVISION + name, description, licence, where, file.is_file()))
    return tuple(found)


def default_weights(name: str) -> Path | None:
    """The file that the network is read from when `network.weights` is not set; None: embedded, or not there.

    Nothing is downloaded; see `fetch_weights`.
    """
    if name.startswith(TORCHVISION):
        check_name(name)
        file: Path = _zoo().cached(name.removeprefix(TORCHVISION))
        return file if file.is_file() else None
    return cached(name)


def fetch_weights(name: str) -> Path | None:
    """As `default_weights`, and downloads what is missing.

    Raises ConfigError for an unknown name, InputError where the download fails or is not possible.
    """
    check_name(name)
    if name == "dreamnet" or (file := default_weights(name)):
        return None if name == "dreamnet" else file
    addresses: tuple[str, ...]
    if name.startswith(TORCHVISION):
        bare = name.removeprefix(TORCHVISION)
        origin, target = _zoo().origin(bare), _zoo().cached(bare)
        addresses, digest, most = (origin.address,), f"sha256:{origin.digest}", _zoo().MAX_BYTES
    else:
        weights, folder = WEIGHTS[name], cache_folder()
        addresses, digest, most = weights.addresses, weights.digest, MAX_BYTES
        if folder is None:
            raise InputError(f"{name} has no weights here. {_by_hand(addresses, None)}")
        target = folder / weights.files[-1]
    try:
        return download.fetch(addresses, target, digest=digest, max_bytes=most)
    except InputError as error:
        raise InputError(f"{name} has no weights here, and {error} {_by_hand(addresses, target)}") from None


@cache  # a batch asks for it with each config
def embedded_checksum(name: str) -> str | None:
    """The checksum of the weights inside the package; None for a network that has none there.

    Raises InputError where they are missing or damaged.
    """
    return dreamnet_file.read()[1]["checksum"] if name == "dreamnet" else None


def open_network(name: str, weights: Path | None) -> Network:
    """The network by its name, on the CPU in float32; weights: a file instead of the default ones.

    Default weights that are not here are downloaded. Raises ConfigError for an unknown name, InputError where the
    weights are missing, broken or another network's.
    """
    check_name(name)
    file = weights or fetch_weights(name)
    try:
        if file is None or name == "dreamnet":
            return dreamnet.load(file)
        if name.startswith(TORCHVISION):
            opened: Network = _zoo().load(name.removeprefix(TORCHVISION), file)
            return opened
        return googlenet.load(file, VARIANTS[name])
    except InputError:
        other = None if file is None else _owner(file)
        if other is None or other == name:
            raise
        known = other in NAMES or other.startswith(TORCHVISION)
        advice = f"Choose the network {other}, or give" if known else "Give"
        raise InputError(
            f"{file} holds the weights of another network than {name}: these are of {other}. {advice} a file of {name}."
        ) from None


def layers_of(name: str, weights: Path | None = None) -> tuple[Layer, ...]:
    """The layers of a network, shallow to deep, without reading weights where none are given: nothing is downloaded.

    Raises ConfigError for an unknown name, and what `open_network` raises where weights are given.
    """
    check_name(name)
    if weights is not None:
        return open_network(name, weights).layers
    if name == "dreamnet":
        return dreamnet.layers()
    if name.startswith(TORCHVISION):
        found: tuple[Layer, ...] = _zoo().layers(name.removeprefix(TORCHVISION))
        return found
    return googlenet_layers(VARIANTS[name])


def main_layers(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """Those of the layers that people dream with first: whole blocks and their parts, none before a ReLU."""
    return tuple(one for one in layers if one.name.count(".") <= 1 and not one.name.endswith("_pre_relu"))


def check_name(name: str) -> None:
    """ConfigError with the nearest names unless there is a network of that name."""
    if name in NAMES:
        return
    zoo = _zoo()
    known = [*NAMES, *(TORCHVISION + one for one in zoo.names())]
    if name in known:
        return
    if zoo.one_size(name.lower().removeprefix(TORCHVISION)):
        raise ConfigError(
            f"{name!r} takes pictures of one size only and cannot dream; of torchvision's transformers "
            "torchvision/swin_t and the other swin can."
        )
    if TORCHVISION + name.lower() in known:
        nearest = TORCHVISION + name.lower()
    else:
        nearest = _nearest(name, known if name.lower().startswith("torch") else NAMES, 1)[0]
    raise ConfigError(
        f"there is no network {name!r}; did you mean {nearest!r}? "
        f"This version has {', '.join(NAMES)} and torchvision/NAME; `zoomdream networks` lists them."
    )


def find_layer(network: Network, name: str) -> Layer:
    """The layer of that name, canonical or an alias, in capitals or not. Raises ConfigError with the nearest names."""
    wanted = name.strip().lower()
    names = _by_name(network.layers)
    if wanted in names:
        return names[wanted]
    if network.name in VARIANTS and wanted in _by_name(googlenet_layers(VARIANTS[network.name])):
        raise ConfigError(f"these weights of {network.name} came without the classifier, so they have no {name!r}.")
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
                f"{layer.name} has no channel {channel}; its {layer.channels} channels are 0 to {layer.channels - 1}."
            )


def minimum_edge(layer: Layer) -> int:
    """Shortest edge in pixels of a picture that is worth dreaming with the layer: two of its cells.

    The networks run on less (one cell), but one row of cells sees mostly the zeros that pad the picture.
    """
    return 2 * layer.stride


def _by_name(layers: Iterable[Layer]) -> dict[str, Layer]:
    return {known.lower(): layer for layer in layers for known in (layer.name, *layer.aliases)}


def _owner(file: Path) -> str | None:
    """Whose weights these are. InputError if nobody's: missing, a text file, pickled code, ..."""
    tensors = read_tensors(file)
    return guess(tensors) or next((owner for name, owner in _SIGNATURES.items() if name in tensors), None)


def _nearest(name: str, known: Collection[str], count: int) -> list[str]:
    return difflib.get_close_matches(name.lower(), known, count, cutoff=0.0)


def _by_hand(addresses: Iterable[str], target: Path | None) -> str:
    put = "" if target is None else f", or put it at {target}"
    return f"Get the file by hand from {' or '.join(addresses)} and name it in `weights`{put}."


def _zoo() -> ModuleType:
    # torchvision takes a second to import, which no render with another network should wait for.
    from zoomdream.networks import torchvision_zoo

    return torchvision_zoo
