"""The page of an atlas: one file that works without a server and without a network. Texts and pictures in, HTML out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from zoomdream.atlas.pictures import jpeg
from zoomdream.atlas.subjects import Subject
from zoomdream.encode.page import data_address, fill_template

MOST_ALIASES = 3


@dataclass(frozen=True, slots=True)
class Card:
    """One picture: its heading, the text to copy, facts (what, value), a JPEG and its width and height in pixels."""

    name: str
    paste: str
    facts: tuple[tuple[str, str], ...]
    jpeg: bytes
    size: tuple[int, int]

    @property
    def picture(self) -> str:
        """The picture's address, which holds it."""
        return data_address(self.jpeg, "image/jpeg")


def page(title: str, summary: str, head: str, cards: Sequence[Card]) -> str:
    """The whole page. All texts are plain and may hold anything. head: what the texts of the cards are pasted below."""
    width = max((card.size[0] for card in cards), default=256)
    return fill_template("atlas.html", title=title, summary=summary, head=head, width=width, cards=cards)


def make_card(subject: Subject, picture: Tensor) -> Card:
    """The card of a picture (3, H, W) in [0, 1]; with a layer goes what `zoomdream layers` prints of it."""
    layer = subject.layer
    facts = [("channels", str(layer.channels)), ("stride", str(layer.stride)), ("cost", f"{layer.cost:.0%}")]
    if layer.aliases:
        more = ", …" if len(layer.aliases) > MOST_ALIASES else ""
        facts.append(("also", ", ".join(layer.aliases[:MOST_ALIASES]) + more))
    size = (picture.shape[-1], picture.shape[-2])
    return Card(subject.name, subject.paste, tuple(facts) if subject.channel is None else (), jpeg(picture), size)


def summarize(subjects: Sequence[Subject], origin: str, seed: int) -> str:
    """What the page shows: layers, channels of a layer or classes. origin: what the pictures were made of."""
    first = subjects[0]
    what = "layer" if first.channel is None else "class" if first.classified is not None else "channel"
    facts = ""
    if what == "channel":
        layer = first.layer
        also = f", also called {', '.join(layer.aliases)}" if layer.aliases else ""
        facts = f" The layer has {layer.channels} channels, stride {layer.stride}, cost {layer.cost:.0%}{also}."
    return f"What each {what} makes of {origin}, by zoomdream, seed {seed}.{facts}"
