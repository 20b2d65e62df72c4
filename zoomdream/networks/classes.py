"""The classes that a network tells apart: finding one by its number, name or synonym.

The names are files in zoomdream/data: ILSVRC's 1000 with WordNet's synonyms (GoogLeNet, dreamnet, torchvision),
Inception5h's order of the same, and the Places'. A network with another number of classes has none: numbers only.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from functools import cache
from importlib import resources

from zoomdream.errors import ConfigError
from zoomdream.types import Network

LOGITS = "logits"
_FILES = {205: "places205_classes.txt", 365: "places365_classes.txt", 1000: "imagenet_classes.txt"}

Names = tuple[tuple[str, ...], ...]


def count(network: Network) -> int:
    """How many classes the network tells apart. ConfigError where its weights came without a classifier."""
    for layer in network.layers:
        if layer.name == LOGITS:
            return layer.channels
    raise ConfigError(
        f"these weights of {network.name} have no classifier, so they know no classes; give a file that has one."
    )


def names(network: Network) -> Names | None:
    """All names of each class, the usual one first; empty for a class that has none. None where they are not known."""
    number = count(network)
    if number == 1008:
        return _inception5h()
    return _listed(_FILES[number]) if number in _FILES else None


def describe(network: Network, number: int) -> str:
    """The class for people: its usual name, or its number."""
    known = names(network)
    return known[number][0] if known is not None and known[number] else f"class {number}"


def find_class(network: Network, wanted: int | str) -> int:
    """The number of a class, which is also its channel of the layer `logits`, by number, name or synonym.

    Capitals, spaces and hyphens do not matter unless only they tell two classes apart (`Cardigan` the dog). Raises
    ConfigError with the range, the nearest names, or the classes that share the name.
    """
    number = count(network)
    if isinstance(wanted, str) and re.fullmatch(r"\s*-?\d+\s*", wanted):
        wanted = int(wanted)
    if not isinstance(wanted, str):
        if not isinstance(wanted, bool) and 0 <= wanted < number:
            return wanted
        raise ConfigError(f"{network.name} has no class {wanted}; its {number} classes are 0 to {number - 1}.")
    known = names(network)
    if known is None:
        raise ConfigError(
            f"the names of {network.name}'s {number} classes are not known here, so {wanted!r} cannot be found; "
            f"give a number from 0 to {number - 1}."
        )
    found = _search(known, wanted)
    if len(found) == 1:
        return found[0]
    if found:
        shared = " and ".join(f"{one} ({', '.join(known[one])})" for one in found)
        raise ConfigError(f"{wanted!r} names {len(found)} classes of {network.name}: {shared}. Give the number.")
    raise ConfigError(f"{network.name} has no class {wanted!r}; did you mean {_nearest(known, wanted)}?")


def _search(known: Names, wanted: str) -> list[int]:
    """The first of these that finds anything: usual names as written, all as written, usual ones, all."""
    plain = _plain(wanted)
    matches: tuple[Callable[[tuple[str, ...]], bool], ...] = (
        lambda words: wanted.strip() in words[:1],
        lambda words: wanted.strip() in words,
        lambda words: plain in map(_plain, words[:1]),
        lambda words: plain in map(_plain, words),
        lambda words: plain in {_plain(word.partition("/")[0]) for word in words},  # bakery for bakery/shop
    )
    for match in matches:
        if found := [number for number, words in enumerate(known) if match(words)]:
            return found
    return []


def _nearest(known: Names, wanted: str) -> str:
    usual = {_plain(word): (number, words[0]) for number, words in enumerate(known) for word in words}
    # A part of a name is nearer than any spelling: `fish` means one of the fishes.
    plain = _plain(wanted)
    whole = [word for word in usual if plain and {plain, plain.removesuffix("s")} & set(word.split())]
    near = difflib.get_close_matches(plain, usual, 12, cutoff=0.0)
    found = dict.fromkeys(usual[word] for word in (*whole[:4], *near))
    return ", ".join(f"{name} ({number})" for number, name in list(found)[:4])


def _plain(word: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", word.casefold()))


@cache
def _listed(file: str) -> Names:
    return tuple(tuple(line.split(", ")) for line in _lines(file))


@cache
def _inception5h() -> Names:
    usual = _listed(_FILES[1000])
    order = [word for line in _lines("inception5h_classes.txt") for word in line.split()]
    named = [usual[int(word)] if word != "-" else () for word in order]
    return (*named, *((),) * (1008 - len(named)))


def _lines(file: str) -> list[str]:
    text = resources.files("zoomdream").joinpath("data", file).read_text("utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
