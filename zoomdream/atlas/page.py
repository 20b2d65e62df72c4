"""The page of an atlas: one file that works without a server and without a network. Texts and pictures in, HTML out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zoomdream.encode.page import data_address, fill_template


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
