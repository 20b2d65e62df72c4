"""The network of a config and the layers of its terms, with errors that name the file and the line."""

from __future__ import annotations

from pathlib import Path

from zoomdream.config import Config
from zoomdream.errors import ConfigError, InputError
from zoomdream.nets import catalog
from zoomdream.types import Layer, Network


def network(config: Config) -> Network:
    """The config's network on the CPU in float32. ConfigError or InputError that names the file, line and key."""
    try:
        return catalog.open_network(config.network.name, config.network.weights)
    except (ConfigError, InputError) as error:
        for key in ("network.name", "network.weights"):
            if str(error).startswith(key):
                raise type(error)(config.where(key) + str(error)[len(key) :]) from None
        raise


def found_weights(config: Config) -> Path | None:
    """The weights file that nobody named and that is read all the same, where a user keeps such files; else None."""
    return catalog.default_weights(config.network.name) if config.network.weights is None else None


def layers(config: Config, opened: Network) -> tuple[Layer, ...]:
    """The layer of each term of the objective. Raises ConfigError that names the line for a layer or channel that is
    not there.
    """
    found = []
    for number, term in enumerate(config.objective):
        try:
            layer = catalog.find_layer(opened, term.layer)
        except ConfigError as error:
            raise ConfigError(f"{config.where(f'objective.{number}.layer')}: {error}") from None
        try:
            catalog.check_channels(layer, term.channels)
        except ConfigError as error:
            raise ConfigError(f"{config.where(f'objective.{number}')}.{error}") from None
        found.append(layer)
    return tuple(found)
