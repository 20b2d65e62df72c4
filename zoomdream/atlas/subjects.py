"""Which pictures an atlas has: the layers of a network, or the channels of one of its layers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from zoomdream.errors import ConfigError
from zoomdream.networks import catalog, classes
from zoomdream.types import Layer, Network

# Behind the softmax there is hardly a slope to climb: the picture stays a haze. `logits` shows what is meant.
_HAZE = frozenset({"prob"})


@dataclass(frozen=True, slots=True)
class Subject:
    """One picture: a layer, one of its channels, or one class (then `classified`, and the channel is its number)."""

    layer: Layer
    channel: int | None = None
    classified: str | int | None = None

    @property
    def term(self) -> dict[str, str | int]:
        """The term of an objective, as YAML has it."""
        if self.classified is not None:
            return {"class": self.classified}
        return {"layer": self.layer.name} | ({} if self.channel is None else {"channels": self.channel})

    @property
    def name(self) -> str:
        """The heading for people."""
        if self.classified is not None:
            return f"{self.channel} {self.classified}" if isinstance(self.classified, str) else f"class {self.channel}"
        return self.layer.name if self.channel is None else f"{self.layer.name} {self.channel}"

    @property
    def paste(self) -> str:
        """One line to paste below `objective:`, at any depth of indentation."""
        return f"- {yaml_line(self.term)}"


def yaml_line(value: object) -> str:
    """A value as YAML on one line, whatever is in its texts."""
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=2**31)
    return text.strip()


def layer_subjects(network: Network) -> tuple[Subject, ...]:
    """One for each main layer, shallow to deep."""
    return tuple(Subject(layer) for layer in catalog.main_layers(network.layers) if layer.name not in _HAZE)


def channel_subjects(network: Network, name: str, channels: Sequence[int] | None = None) -> tuple[Subject, ...]:
    """One for each channel of a layer, or for those of `channels`; the channels of `logits` are classes.

    Raises ConfigError for a layer or a channel that is not there.
    """
    layer = catalog.find_layer(network, name)
    catalog.check_channels(layer, channels)
    numbers = range(layer.channels) if channels is None else channels
    if layer.name != classes.LOGITS:
        return tuple(Subject(layer, number) for number in numbers)
    return tuple(Subject(layer, number, _class(network, number)) for number in numbers)


def parse_numbers(text: str) -> tuple[int, ...]:
    """Numbers and ranges with both their ends, "0-31" or "3,8,20-29", each number once. Raises ConfigError."""
    found: dict[int, None] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,6})\s*(?:-\s*(\d{1,6})\s*)?", part)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise ConfigError(f"--channels: {text!r} is not a list of numbers and ranges, such as 0-31 or 3,8,20-29.")
        found.update(dict.fromkeys(range(int(match[1]), int(match[2] or match[1]) + 1)))
    return tuple(found)


def _class(network: Network, number: int) -> str | int:
    """The usual name of a class where that leads back to it, else its number."""
    known = classes.names(network)
    if known is None or not known[number]:
        return number
    try:
        return known[number][0] if classes.find_class(network, known[number][0]) == number else number
    except ConfigError:  # several classes have this name
        return number
