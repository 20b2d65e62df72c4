"""The networks of a config, and what each of its terms aims at, with errors that name the file and the line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoomdream.config import Config, Term
from zoomdream.errors import ConfigError, InputError
from zoomdream.networks import catalog, classes, custom
from zoomdream.types import Layer, Network

Named = tuple[str, Path | None]
"""A network's name, and its weights file where one is given."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What a term aims at: a layer of a network, and numbers of its classes where the term names such."""

    network: Network
    layer: Layer
    classes: tuple[int, ...] = ()


def network(config: Config) -> Network:
    """The config's network on the CPU in float32. ConfigError or InputError that names the file, line and key."""
    if config.network.python is not None:
        return _own(config, config.network.python)
    return _open(config, _main(config), "network")


def named_networks(config: Config) -> tuple[Named, ...]:
    """Every network of the config, its own first, then those that terms have of their own."""
    return tuple(dict.fromkeys([_main(config), *(_named(config, term) for term in config.objective)]))


def found_weights(config: Config) -> tuple[Path, ...]:
    """The files that nobody named as such and that are read all the same: weights where a user keeps such files,
    downloaded first where they are missing, and the code of a network of the user's own. Raises InputError.
    """
    own = config.network.python
    code = None if own is None else custom.source_file(own, Path())
    missing = [name for name, weights in named_networks(config) if weights is None and name != own]
    try:
        return tuple(path for path in (code, *map(catalog.fetch_weights, missing)) if path is not None)
    except (ConfigError, InputError) as error:
        text = str(error).removeprefix("network.name")
        raise type(error)(config.where("network.name") + text if text != str(error) else text) from None


def layers(config: Config, opened: Network) -> tuple[Layer, ...]:
    """The layer of each term of the objective; see `aims`."""
    return tuple(aim.layer for aim in aims(config, opened))


def targets(config: Config, opened: Network) -> tuple[str, ...]:
    """What the terms of the objective are after, for people: a layer or the name of a class, each once; see `aims`."""
    found: list[str] = []
    for aim in aims(config, opened):
        found += [classes.describe(aim.network, number) for number in aim.classes] or [aim.layer.name]
    return tuple(dict.fromkeys(found))


def aims(config: Config, opened: Network) -> tuple[Aim, ...]:
    """What each term of the objective aims at. opened: the config's network; those that terms have of their own are
    opened here, each once.

    Raises ConfigError that names the line for a layer, channel or class that is not there, and what `network` raises.
    """
    networks: dict[Named, Network] = {_main(config): opened}
    found = []
    for number, term in enumerate(config.objective):
        named = _named(config, term)
        if named not in networks:
            networks[named] = _open(config, named, f"objective.{number}.network")
        found.append(_aim(config, number, term, networks[named]))
    return tuple(found)


def _main(config: Config) -> Named:
    """The config's own network; that of a user's own code is named by the code."""
    return config.network.python or config.network.name, config.network.weights


def _named(config: Config, term: Term) -> Named:
    main = _main(config)
    if term.network is None or (term.network.weights is None and term.network.name == main[0]):
        return main
    return term.network.name, term.network.weights


def _own(config: Config, target: str) -> Network:
    """The network of the user's own code, which runs here; `loading` has seen to it that it may."""
    weights = config.network.weights
    try:
        return custom.load(target, Path(), {} if weights is None else {"weights": weights})
    except (ConfigError, InputError) as error:
        text = str(error).removeprefix("network.python")
        raise type(error)(config.where("network.python") + text) from None


def _open(config: Config, named: Named, key: str) -> Network:
    try:
        return catalog.open_network(*named)
    except (ConfigError, InputError) as error:
        for name in ("name", "weights"):
            if str(error).startswith(f"network.{name}"):
                rest = str(error).removeprefix(f"network.{name}")
                raise type(error)(config.where(f"{key}.{name}") + rest) from None
        if named[1] is not None and isinstance(error, InputError):  # the file itself is broken
            raise InputError(f"{config.where(f'{key}.weights')}: {error}") from None
        raise


def _aim(config: Config, number: int, term: Term, opened: Network) -> Aim:
    place = config.where(f"objective.{number}")
    if term.classes:
        try:
            numbers = [classes.find_class(opened, wanted) for wanted in term.classes]
        except ConfigError as error:
            where = config.where(f"objective.{number}.class")
            raise ConfigError(where + str(error).removeprefix("class")) from None
        if len(set(numbers)) < len(numbers):
            raise ConfigError(f"{config.where(f'objective.{number}.class')} names a class twice, by two of its names.")
        return Aim(opened, catalog.find_layer(opened, classes.LOGITS), tuple(numbers))
    assert term.layer is not None  # config.checks has seen to it
    try:
        layer = catalog.find_layer(opened, term.layer)
    except ConfigError as error:
        raise ConfigError(f"{config.where(f'objective.{number}.layer')}: {error}") from None
    try:
        catalog.check_channels(layer, term.channels)
    except ConfigError as error:
        raise ConfigError(f"{place}.{error}") from None
    return Aim(opened, layer)
