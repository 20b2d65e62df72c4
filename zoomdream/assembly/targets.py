"""The networks of a config, and what each of its terms aims at, with errors that name the file and the line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from zoomdream.config import Config, Term
from zoomdream.errors import ConfigError
from zoomdream.networks import catalog, classes, custom
from zoomdream.types import Layer, Network

Named = tuple[str, Path | None]
"""A network's name, and its weights file where one is given."""


@dataclass(frozen=True, slots=True)
class Target:
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
    return tuple(_named_networks(config))


def found_weights(config: Config) -> tuple[Path, ...]:
    """The files that nobody named as such and that are read all the same: weights where a user keeps such files,
    downloaded first where they are missing, and the code of a network of the user's own. Raises InputError.
    """
    own, found = config.network.python, []
    if own is not None:
        with config.error_context("network.python"):
            found.append(custom.source_file(own, Path()))
    for (name, weights), key in _named_networks(config).items():
        if weights is None and name != own:
            with config.error_context(f"{key}.name"):
                found.append(catalog.fetch_weights(name))
    return tuple(path for path in found if path is not None)


def layers(config: Config, opened: Network) -> tuple[Layer, ...]:
    """The layer of each term of the objective; see `find_targets`."""
    return tuple(target.layer for target in find_targets(config, opened))


def target_names(config: Config, opened: Network) -> tuple[str, ...]:
    """What the terms of the objective are after, for people: a layer or the name of a class, each once."""
    found: list[str] = []
    for target in find_targets(config, opened):
        found += [classes.describe(target.network, number) for number in target.classes] or [target.layer.name]
    return tuple(dict.fromkeys(found))


def find_targets(config: Config, opened: Network) -> tuple[Target, ...]:
    """What each term of the objective aims at. opened: the config's network; those that terms have of their own are
    opened here, each once.

    Raises ConfigError that names the line for a layer, channel or class that is not there, and what `network` raises.
    """
    networks = {named: _open(config, named, key) for named, key in _named_networks(config).items() if key != "network"}
    networks[_main(config)] = opened
    return tuple(
        _target(config, number, term, networks[_named(config, term)]) for number, term in enumerate(config.objective)
    )


def _main(config: Config) -> Named:
    """The config's own network; that of a user's own code is named by the code."""
    return config.network.python or config.network.name, config.network.weights


def _named_networks(config: Config) -> dict[Named, str]:
    """Every network of the config with the key that names it first."""
    found = {_main(config): "network"}
    for number, term in enumerate(config.objective):
        found.setdefault(_named(config, term), f"objective.{number}.network")
    return found


def _named(config: Config, term: Term) -> Named:
    main = _main(config)
    if term.network is None or (term.network.weights is None and term.network.name == main[0]):
        return main
    return term.network.name, term.network.weights


def _own(config: Config, target: str) -> Network:
    """The network of the user's own code, which runs here; `api.load_config` refuses it without `allow_code`."""
    weights = config.network.weights
    with config.error_context("network.python"):
        return custom.load(target, Path(), {} if weights is None else {"weights": weights})


def _open(config: Config, named: Named, key: str) -> Network:
    name, weights = named
    with config.error_context(f"{key}.name"):
        catalog.check_name(name)
    with config.error_context(f"{key}.name" if weights is None else f"{key}.weights"):
        return catalog.open_network(name, weights)


def _target(config: Config, number: int, term: Term, opened: Network) -> Target:
    key = f"objective.{number}"
    if term.classes:
        with config.error_context(f"{key}.class"):
            numbers = [_class(opened, wanted) for wanted in term.classes]
            if len(set(numbers)) < len(numbers):
                raise ConfigError("one class is named twice, by two of its names.")
        return Target(opened, catalog.find_layer(opened, classes.LOGITS), tuple(numbers))
    assert term.layer is not None  # config.checks has seen to it
    with config.error_context(f"{key}.layer"):
        layer = _layer(opened, term.layer)
    with config.error_context(f"{key}.channels"):
        catalog.check_channels(layer, term.channels)
    return Target(opened, layer)


def _class(opened: Network, wanted: int | str) -> int:
    try:
        return classes.find_class(opened, wanted)
    except ConfigError:
        _check_one(str(wanted))
        raise


def _check_one(name: str) -> None:
    """ConfigError for the names of several, which there is no layer or class of."""
    if len(names := [part for part in re.split(r"\s*[,;+]\s*", name.strip()) if part]) > 1:
        raise ConfigError(f"{name[:60]!r} names several. Write them as a list: [{', '.join(names)[:200]}].") from None


def _layer(opened: Network, name: str) -> Layer:
    """The layer of that name. ConfigError, which says so where a class of the network was meant."""
    try:
        return catalog.find_layer(opened, name)
    except ConfigError as error:
        _check_one(name)
        try:
            classes.find_class(opened, name)
        except ConfigError as no_class:
            near = get_close_matches(name.lower(), [layer.name for layer in opened.layers], cutoff=0.7)
            things = str(no_class).partition("did you mean ")[2].rstrip("?")
            if near or not things:
                raise error from None
            text = f"Write class: {things.partition(' (')[0]}, or another thing; nearest are {things}"
            raise ConfigError(
                f"{opened.name} has no layer {name!r}. {text}. docs/cookbook.md has lists, as in Only birds."
            ) from None
        raise ConfigError(f"{opened.name} has no layer {name!r}, but such a class. Write class: {name}.") from None
