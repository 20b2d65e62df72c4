"""Reading YAML: 1.2 resolution, a line for every key, and nothing hostile gets far."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.counted_work import calls
from zoomdream.config.origin import Place
from zoomdream.config.read_yaml import Tree, read_yaml
from zoomdream.errors import ConfigError


def read(text: str) -> Tree:
    return read_yaml(text, Place("a.yaml", None, Path("/")))


@pytest.mark.parametrize(
    "word", ["off", "no", "yes", "on", "y", "1:30", "1_000", "2024-01-01", "True!", "0b11", "1.2.3", "=", "12s", "80%"]
)
def test_words_that_older_yaml_converts_stay_text(word):
    assert read(f"a: {word}").value == {"a": word}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("0o17", 15),
        ("017", 17),
        ("0x1F", 31),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        ("+3", 3),
    ],
)
def test_scalars_resolve_as_yaml_1_2(written, value):
    got = read(f"a: {written}").value["a"]
    assert got == value
    assert type(got) is type(value)


def test_quotes_make_text():
    assert read("a: '3'\nb: \"true\"\nc: |\n  4\n").value == {"a": "3", "b": "true", "c": "4\n"}


def test_every_key_knows_its_line():
    places = read("fps: 30\n\ncamera:\n  # a comment\n  zoom: 2\nobjective:\n  - layer: a\n  - layer: b\n").places
    assert places["camera", "zoom"].line == 5
    assert places["objective", 1, "layer"].line == 8


def test_anchors_repeat_values():
    assert read("a: &x [1, 2]\nb: *x").value == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2", 4, "b.c is given twice; the first time in line 3"),
        ("a: !!python/object/apply:os.system [echo]", 1, "tags"),
        ("a: !x 3", 1, "tags"),
        ("!!map {a: 1}", 1, "tags"),
        ("a: *nothing", 1, "anchor"),
        ("a: &a [*a]", 1, "contains itself"),
        ("<<: {a: 1}", 1, "extends"),
        ("a: 1\n---\nb: 2", 2, "second document"),
        ("? [1]\n: 2", 1, "key has to be plain text"),
        ("a: [1,", 1, "not valid YAML"),
        ("a: 1\n\tb: 2", 2, "not valid YAML"),
        ("a: " + "9" * 5000, 1, "too many digits"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text, line, reason):
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert str(caught.value).startswith(f"a.yaml, line {line}: ")
    assert reason in str(caught.value)


LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        LAUGHS,
        "[" * 100_000,
        "{a: " * 1000,
        "- " * 50_000,
        "? " * 5000,
        "a: '" + "\n" * 300_000,
        "- x\n" * 100_000,
        "&a " * 1000,
        "\x07",
    ],
    ids=["laughs", "brackets", "braces", "dashes", "question marks", "endless quote", "many items", "anchors", "bell"],
)
def test_hostile_files_are_refused_with_little_work(text):
    def refuse():
        with pytest.raises(ConfigError):
            read(text)

    assert calls(refuse) < 10_000 + 20 * len(text)


def test_an_anchor_cannot_hide_depth():
    nested = "a: &a {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: 1}}}}}}}}}}}}\n"
    assert read(nested + "b: *a")
    with pytest.raises(ConfigError, match="nested"):
        read(nested + "b: " + "{b: " * 12 + "*a" + "}" * 12)


@pytest.mark.parametrize("text", ['a: "\\UFFFFFFFF"', f"%YAML 1.{'9' * 5000}\n---\na: 3"])
def test_what_breaks_the_parser_itself_is_an_error_of_the_file(text):
    with pytest.raises(ConfigError, match=r"a\.yaml: this is not valid YAML"):
        read(text)


@pytest.mark.parametrize("name", ["[4K] sea.mp4", "Trip: day 1.mp4", "@friend.mp4", '"C:\\users\\a.mp4"'])
def test_a_name_that_needs_quotes_is_told_so(name):
    with pytest.raises(ConfigError, match=r"line 2: this is not valid YAML: .* single quotes"):
        read_yaml(f"source:\n  path: {name}\n", Place("a.yaml", None, Path()))
