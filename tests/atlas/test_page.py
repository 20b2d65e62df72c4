"""The page: one file, nothing from outside, whatever names hold; and what a real browser makes of it."""

from __future__ import annotations

import base64
import html
import io
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from zoomdream.atlas.page import Card, page

HOSTILE = "</code><script>alert('1')</script>\"&amp;{name}\x00\x1b\ud800"


def picture(shade: int) -> bytes:
    packed = io.BytesIO()
    Image.new("RGB", (32, 24), (shade, 80, 120)).save(packed, "JPEG")
    return packed.getvalue()


def card(name: str = "mixed4c", paste: str = "- {layer: mixed4c}") -> Card:
    return Card(name, paste, (("channels", "512"), ("also", name)), picture(200), (32, 24))


class Seen(HTMLParser):
    """Tags, addresses and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.alternatives: list[str] = []
        self.code: list[str] = []
        self._in_code = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._in_code = tag == "code"
        if self._in_code:
            self.code.append("")
        for name, value in attrs:
            if name in ("src", "href"):
                self.addresses.append(value or "")
            if name == "alt":
                self.alternatives.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._in_code = self._in_code and tag != "code"

    def handle_data(self, data: str) -> None:
        if self._in_code:
            self.code[-1] += data


def test_the_pictures_are_inside_and_nothing_comes_from_outside() -> None:
    seen = Seen(page("Atlas", "summary", "objective:", [card(), card("mixed5a")]))
    assert len(seen.addresses) == 2
    for address in seen.addresses:
        kind, _, data = address.partition(",")
        assert kind == "data:image/jpeg;base64"
        assert Image.open(io.BytesIO(base64.b64decode(data))).size == (32, 24)
    assert "link" not in seen.tags


def test_the_text_to_copy_comes_back_as_it_was_given() -> None:
    head, paste = "network: {name: googlenet}\nobjective:", "- {layer: \"a <b> & 'c'\", channels: 3}"
    assert Seen(page("Atlas", "", head, [card("x", paste)])).code == [head, paste]


def test_hostile_names_stay_text() -> None:
    plain = Seen(page("Atlas", "summary", "objective:", [card()]))
    text = page(HOSTILE, HOSTILE, HOSTILE, [card(HOSTILE, HOSTILE)])
    hostile = Seen(text)
    assert hostile.tags == plain.tags
    assert hostile.alternatives[0].startswith("</code><script>alert('1')</script>\"&amp;{name}")
    assert not re.search("[\x00\x1b\ud800]", text)
    text.encode()


@pytest.mark.browser
def test_a_browser_shows_the_pictures_and_the_text_to_copy(browser: str, tmp_path: Path) -> None:
    paste = "- {layer: mixed4c, channels: 7}"
    text = page("Atlas", "summary", "objective:", [card(paste=paste), card(HOSTILE, HOSTILE), card()])
    # What the page then knows of itself goes into its title: which pictures are loaded, whether a click works.
    probe = """<script>addEventListener("load", async () => {
      const loaded = [...document.images].map((image) => image.complete && image.naturalWidth);
      let copied = "";
      document.addEventListener("copy", () => copied = getSelection().toString() || document.activeElement.value);
      navigator.clipboard.writeText = async (text) => { copied = text; };
      document.querySelector("figure button").click();
      await new Promise((done) => setTimeout(done, 50));
      document.title = JSON.stringify([loaded, copied, document.getElementById("told").textContent]);
    });</script>"""
    path = tmp_path / "atlas.html"
    path.write_text(text.replace("</body>", probe + "</body>"), encoding="utf-8")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    found = subprocess.run(
        [*command, "--virtual-time-budget=3000", "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    title = re.search("<title>(.*?)</title>", found)
    assert title is not None
    assert html.unescape(title[1]) == f'[[32,32,32],"{paste}","copied"]'
