"""`zoomdream plot`: text on stdout, or a file whose name says what it is."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from zoomdream.cli import main

FILM = """\
size: [64, 48]
fps: 10
frames: 40
objective:
  - layer: mixed3b
    weight: {keys: {0%: 1, 50%: 0}}
  - {layer: "<b>&", weight: "u"}
"""
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text(FILM)


def test_curves_are_printed_and_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", "a.yaml", "--set", "camera.zoom=1 + u"]) == 0
    printed = capsys.readouterr().out
    assert "objective.0.weight (mixed3b)  0 to 1" in printed
    assert "camera.zoom  1 to 2 times per second" in printed
    assert [path.name for path in Path().iterdir()] == ["a.yaml"]


def test_an_svg_has_a_line_for_each_curve_and_a_dot_for_each_keyframe() -> None:
    assert main(["plot", "a.yaml", "-o", "films/a.svg"]) == 0
    root = ElementTree.parse("films/a.svg").getroot()
    lines = [line for line in root.iter(f"{SVG}polyline") if line.get("stroke-width") == "2"]
    assert [len(line.get("points", "").split()) for line in lines] == [40, 40]
    assert [dot[0].text for dot in root.iter(f"{SVG}circle")] == ["1 at 0 s", "0 at 1.95 s"]
    assert "objective.1.weight (<b>&)" in [words.text for words in root.iter(f"{SVG}text")]


def test_a_png_is_the_same_drawing() -> None:
    assert main(["plot", "a.yaml", "-o", "a.png"]) == 0
    assert main(["plot", "a.yaml", "-o", "a.svg"]) == 0
    root = ElementTree.parse("a.svg").getroot()
    picture = np.asarray(Image.open("a.png")).astype(int)
    assert picture.shape == (2 * int(root.get("height", "")), 2 * int(root.get("width", "")), 3)
    for line in root.iter(f"{SVG}polyline"):  # each middle of a line has its color
        if line.get("stroke-width") == "2":
            x, y = (2 * float(number) for number in line.get("points", "").split()[30].split(","))
            color = [int(line.get("stroke", "")[place : place + 2], 16) for place in (1, 3, 5)]
            near = picture[round(y) - 2 : round(y) + 3, round(x) - 2 : round(x) + 3]
            assert np.abs(near - color).sum(-1).min() < 30


def test_a_page_holds_the_drawing_and_the_config() -> None:
    assert main(["plot", "a.yaml", "-o", "a.html"]) == 0
    page = Path("a.html").read_text()
    assert "<svg" in page
    assert "border: reflect" in page
    assert "<b>" not in page


def test_what_cannot_be_drawn_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", "a.yaml", "-o", "a.pdf"]) == 2
    assert ".svg, .png or .html" in capsys.readouterr().err
    Path("taken.svg").mkdir()
    assert main(["plot", "a.yaml", "-o", "taken.svg"]) == 4
    assert main(["plot", "no.yaml"]) == 2
    assert main(["plot", "a.yaml", "--set", "camera.zoom=99"]) == 2
    assert "camera.zoom" in capsys.readouterr().err
