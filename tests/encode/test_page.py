"""Pages from templates: whatever a text holds stays text."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import UndefinedError

from zoomdream.encode.page import check_place, fill_template, write_page
from zoomdream.errors import OutputError


def test_text_is_escaped_and_unknown_characters_are_replaced() -> None:
    text = fill_template("sheet.html", title="<b>&\x00\ud800\n", summary="{{ 7 * 7 }}", width=9, cards=[])
    assert "<h1>&lt;b&gt;&amp;\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}\n</h1>" in text
    assert "<p>{{ 7 * 7 }}</p>" in text


def test_a_value_that_a_template_lacks_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="title"):
        fill_template("sheet.html", summary="", width=9, cards=[])


def test_a_place_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    check_place(tmp_path / "new" / "a.html", "the page")
    assert list((tmp_path / "new").iterdir()) == []
    write_page(tmp_path / "new" / "a.html", "text", "the page")
    check_place(tmp_path / "new" / "a.html", "the page")
    assert (tmp_path / "new" / "a.html").read_text() == "text"


@pytest.mark.parametrize("place", ["folder", "file/a.html"])
def test_a_place_that_cannot_be_written_is_an_output_error(tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for use in (lambda path: check_place(path, "--sheet"), lambda path: write_page(path, "text", "--sheet")):
        with pytest.raises(OutputError, match=r"^--sheet cannot be written"):
            use(tmp_path / place)
