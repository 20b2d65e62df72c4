"""The contact sheet shows every render once, with what differs and a link."""

from __future__ import annotations

import base64
import html.parser
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest

from zoomdream.api import load_config
from zoomdream.batch import sheet
from zoomdream.batch.collect import collect
from zoomdream.batch.renders import Render
from zoomdream.cli import main
from zoomdream.rendering import render

Tiny = Callable[..., str]


class Seen(html.parser.HTMLParser):
    """Links, pictures and words of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.pictures: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "a":
            self.links.append(str(found["href"]))
        if tag == "img":
            self.pictures.append(str(found["src"]))

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


@pytest.fixture
def renders(here: Path, tiny: Tiny) -> list[str]:
    more = "output: 'out <&>/{seed}-{camera.zoom}.mp4'\nmatrix: {seed: [1, 2], camera.zoom: [1.1, 1.2]}\n"
    Path("many.yaml").write_text(tiny(frames=4, more=more))
    Path("wrong.yaml").write_text("sed: 1")
    return ["many.yaml", "wrong.yaml"]


def test_the_sheet_links_every_video_and_says_what_differs(renders: list[str]) -> None:
    assert main(["batch", *renders, "--jobs", "1", "--quiet", "--sheet", "sheets/all.html"]) == 1
    seen = Seen(Path("sheets/all.html").read_text())
    assert set(seen.links) == {f"../out%20%3C%26%3E/{seed}-{zoom}.mp4" for seed in (1, 2) for zoom in (1.1, 1.2)}
    assert len(seen.pictures) == 4
    for picture in seen.pictures:
        kind, _, data = picture.partition(",")
        assert kind == "data:image/webp;base64"
        assert base64.b64decode(data)[8:12] == b"WEBP"
    assert seen.words.count("seed") == seen.words.count("camera.zoom") == 4
    assert seen.words.count("1.2") == 2
    assert "fps" not in seen.words  # the same in all of them
    assert any("sed is not a key" in word for word in seen.words)


def test_hostile_names_keys_and_errors_stay_text(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = "</dd><script>alert('1')</script>\"&amp;{{name}}"
    strange = f"{hostile}\x1b\ud800"
    config = load_config({"output": f"{hostile}.mp4"})
    failed = Render(Path(strange), {strange: strange}, status="failed", error=strange)
    finished = Render(Path("a.yaml"), {strange: "2"}, config, status="done")
    monkeypatch.setattr(sheet, "_picture", lambda render, moving: None)
    sheet.write_sheet(Path("<b>.html"), [failed, finished])
    text = Path("<b>.html").read_text()
    seen = Seen(text)
    assert text.count("<script") == text.count("<b>") == 0
    assert seen.words.count(f"{hostile}\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}") == 3
    assert str(config.output) in seen.words
    assert [unquote(link) for link in seen.links] == [os.path.relpath(config.output, here)] * 2


def test_a_sheet_of_very_many_shows_stills(renders: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "MOST_LOOPS", 1)
    found = collect([Path("many.yaml")])
    for one in found:
        assert one.config is not None
        render(one.config)
        one.status = "done"
    sheet.write_sheet(Path("all.html"), found)
    pictures = Seen(Path("all.html").read_text()).pictures
    assert len(pictures) == 4
    assert all(base64.b64decode(picture.partition(",")[2])[:2] == b"\xff\xd8" for picture in pictures)


@pytest.mark.parametrize(
    ("output", "codec"), [("a.gif", "gif"), ("a.webp", "webp"), ("a.png", "png"), ("p/%05d.png", "png")]
)
def test_outputs_of_every_kind_have_a_picture(here: Path, tiny: Tiny, output: str, codec: str) -> None:
    Path("a.yaml").write_text(
        tiny(frames=3, more=f"output: {output}\n").replace("preset: ultrafast", f"codec: {codec}")
    )
    render(load_config("a.yaml"))
    sheet.write_sheet(Path("all.html"), collect([Path("a.yaml")]))
    seen = Seen(Path("all.html").read_text())
    assert seen.links == [output.partition("/")[0]] * 2
    assert seen.pictures[0].startswith("data:image/") or seen.pictures == ["a.webp"]


def test_a_place_where_no_sheet_can_be_is_told_before_the_night(
    here: Path, tiny: Tiny, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.yaml").write_text(tiny())
    Path("sheets").mkdir()
    assert main(["batch", "a.yaml", "--sheet", "sheets", "--quiet"]) == 4
    assert "--sheet sheets cannot be written" in capsys.readouterr().err
    Path("sheets/file").touch()
    assert main(["batch", "a.yaml", "--sheet", "sheets/file/a.html", "--quiet"]) == 4
    assert not Path("a.mp4").exists()


def test_numbered_pictures_are_shown_from_a_folder_with_any_name(
    here: Path, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "100% x").mkdir()
    monkeypatch.chdir(here / "100% x")
    Path("a.yaml").write_text(tiny(more="output: f/%05d.png\n").replace("encode: {preset: ultrafast}\n", ""))
    assert main(["batch", "a.yaml", "--jobs", "1", "--quiet", "--sheet", "all.html"]) == 0
    (picture,) = Seen(Path("all.html").read_text()).pictures
    assert picture.startswith("data:image/webp;base64")
