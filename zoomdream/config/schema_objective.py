"""Which network dreams, and what is amplified: terms that name a layer, classes, or a layer and a guide."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Strict, WithJsonSchema, create_model, model_validator

from zoomdream.config.fields import FilePath, Section, Text, Whole, measured, scheduled, setting
from zoomdream.config.schedule import Limits, Schedule

WEIGHT = Limits(-100, 100, "")
MOST_CHANNELS = 4096
MOST_CLASSES = 64
PICKS = ("strongest", "weakest", "average")


def _channels(value: Any) -> Any:
    """Numbers and ranges ("10-20", both ends are in it), one or a list of them, as a list of numbers."""
    found: list[Any] = []
    for item in value if isinstance(value, list | tuple) else [value]:
        match = re.fullmatch(r"\s*(\d{1,6})\s*-\s*(\d{1,6})\s*", item) if isinstance(item, str) else None
        if match is None:
            found.append(item)
            continue
        first, last = int(match[1]), int(match[2])
        if first > last:
            raise ValueError("Allowed: ranges from the smaller to the larger number, such as 10-20.")
        if last - first >= MOST_CHANNELS:
            raise ValueError(f"Allowed: at most {MOST_CHANNELS} channels.")
        found += range(first, last + 1)
    return found


def _classes(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


_ONE_CHANNEL = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^\d+\s*-\s*\d+$"}]}
_ONE_CLASS = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "minLength": 1}]}
Channels = Annotated[
    tuple[Annotated[Whole, setting(..., "Channel.", "0 or more", ge=0)], ...],
    BeforeValidator(_channels),
    WithJsonSchema({"anyOf": [*_ONE_CHANNEL["anyOf"], {"type": "array", "items": _ONE_CHANNEL, "minItems": 1}]}),
]
Classes = Annotated[
    tuple[Whole | Annotated[str, Strict()], ...],
    BeforeValidator(_classes),
    WithJsonSchema({"anyOf": [*_ONE_CLASS["anyOf"], {"type": "array", "items": _ONE_CLASS, "minItems": 1}]}),
]
Share = Annotated[float, measured("%"), Strict()]


class Network(Section):
    """What dreams. `weights` is absolute, and so is the file in `python`."""

    name: Text = setting(
        "dreamnet",
        "The network that dreams.",
        "a name that `zoomdream networks` lists",
        min_length=1,
        example="googlenet",
    )
    weights: FilePath | None = setting(
        None,
        "A local weights file instead of the network's own.",
        "the path of a weights file",
        example="bvlc_googlenet.caffemodel",
    )
    python: Text | None = setting(
        None,
        "A network of your own instead: a function that gives it, called with `weights` where that is given. It runs "
        "code, so the command needs --allow-code.",
        "module:function or FILE.py:function",
        min_length=1,
        example="my_net.py:make",
    )


class TermNetwork(Section):
    """A network of a term's own. `weights` is absolute."""

    name: Text = setting(
        "dreamnet",
        "The network that dreams.",
        "a name that `zoomdream networks` lists",
        min_length=1,
        example="googlenet",
    )
    weights: FilePath | None = setting(
        None,
        "A local weights file instead of the network's own.",
        "the path of a weights file",
        example="bvlc_googlenet.caffemodel",
    )

    @model_validator(mode="before")
    @classmethod
    def _named(cls, tree: Any) -> Any:
        return {"name": tree} if isinstance(tree, str) else tree


if TYPE_CHECKING:
    _Named = Section
else:  # `class` is a word of Python's own, which no class body can have as a field
    _Named = create_model(
        "_Named",
        __base__=Section,
        **{
            "class": (
                Classes | None,
                setting(
                    None,
                    "What the network shall see, or several things at once.",
                    f"a name or number of the network's classes, or a list of 1 to {MOST_CLASSES} of them",
                    min_length=1,
                    max_length=MOST_CLASSES,
                    example=["castle", "lakeside"],
                ),
            )
        },
    )


class Term(_Named):
    """One thing that is amplified: a layer or some of its channels, classes, or what a guide shows of itself."""

    layer: Text | None = setting(
        None,
        "A layer of the network, of which is amplified what it sees: the early ones see lines and ornaments, the late "
        "ones creatures and scenes.",
        "a layer of the network; `zoomdream layers NETWORK` lists them",
        min_length=1,
        example="mixed4d",
    )
    channels: Channels | None = setting(
        None,
        "Only these channels of the layer; all where left out.",
        f"a channel number from 0, a range such as 10-20, or a list of 1 to {MOST_CHANNELS} of these",
        min_length=1,
        max_length=MOST_CHANNELS,
        example=["10-20", 42],
    )
    pick: Text | None = setting(
        None,
        "Of the channels only some, chosen anew at each step by how active they are.",
        'strongest, weakest or average and a number, such as "strongest 5"',
        pattern=rf"^({'|'.join(PICKS)}) [1-9]\d{{0,3}}$",
        example="strongest 5",
    )
    at: tuple[
        Annotated[Share, setting(..., "Place.", "a number from 0 to 1", ge=0, le=1)],
        Annotated[Share, setting(..., "Place.", "a number from 0 to 1", ge=0, le=1)],
    ] | None = setting(
        None,
        "Only the neurons at this place of the picture, x and y, which dream.jitter makes uncertain by its reach.",
        "a list of two, each 0 (left, top) to 1",
        example=[0.5, 0.3],
    )  # fmt: skip
    guide: FilePath | None = setting(
        None,
        "A picture or a clip whose shapes and textures the dream takes on; relative to the YAML file.",
        "the path of a picture or a clip",
        example="flowers.jpg",
    )
    match: Literal["places", "channels"] | None = setting(
        None,
        "What is taken from the guide: places (the default), each becomes like the guide's place that fits it best; or "
        "channels, each becomes as active as it is in all of the guide.",
        "places or channels",
    )
    network: TermNetwork | None = setting(
        None,
        "A network of its own for this term.",
        "a network's name, or a section with the keys name, weights",
        example="googlenet",
    )
    weight: Annotated[Schedule, WEIGHT] = scheduled(
        1.0,
        "How much the term counts among all; below 0 the dream goes away from it.",
        WEIGHT,
        example={"keys": {"0%": 0, "100%": 1}},
    )

    @property
    def classes(self) -> tuple[int | str, ...]:
        """The names and numbers of the classes; empty where it names none."""
        return getattr(self, "class") or ()
