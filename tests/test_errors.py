"""Errors carry facts: nobody takes an error's text apart, and one context adds the file, the line and the key."""

from __future__ import annotations

import ast
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from zoomdream.config import Config, load_config_text
from zoomdream.errors import ConfigError, InputError, OutputError, RenderInterrupted, ZoomdreamError, require_file

PACKAGE = Path(__file__).parent.parent / "zoomdream"
MODULES = sorted(PACKAGE.rglob("*.py"))
STARTS_WITH_A_KEY = rf"f?['\"]([a-z_]+\.[a-z_.\d]+|{'|'.join(Config.model_fields)})(: | is )"
SEARCHES = {"startswith", "endswith", "removeprefix", "removesuffix", "find", "rfind", "index", "count"}
FOREIGN = {"batch/ray/engine.py", "machine/limits.py", "rendering/state_file.py"}
"""Files that search the texts of other libraries' errors, which say it in no other way."""


@pytest.fixture
def config() -> Config:
    return load_config_text("seed: 3\ncamera:\n  zoom: 2\n", "spiral.yaml")


def test_an_error_without_a_config_is_its_text() -> None:
    assert str(InputError("none.jpg does not exist.", key="source.path")) == "none.jpg does not exist."


@pytest.mark.parametrize("kind", [ConfigError, InputError, OutputError])
def test_the_context_adds_file_line_and_key_to_the_same_error(config: Config, kind: type[ZoomdreamError]) -> None:
    error = kind("too fast.")
    with pytest.raises(kind) as caught, config.error_context("camera.zoom"):
        raise error
    assert caught.value is error
    assert str(error) == "spiral.yaml, line 3: camera.zoom: too fast."
    assert (error.place, error.key, error.text) == ("spiral.yaml, line 3", "camera.zoom", "too fast.")


def test_the_errors_own_key_counts_more_than_the_contexts(config: Config) -> None:
    with pytest.raises(OutputError) as caught, config.error_context("camera.zoom"):
        raise OutputError("no such seed.", key="seed")
    assert str(caught.value) == "spiral.yaml, line 1: seed: no such seed."


def test_the_innermost_context_counts(config: Config) -> None:
    with pytest.raises(InputError) as caught, config.error_context("seed"), config.error_context("camera.zoom"):
        raise InputError("too fast.")
    assert str(caught.value) == "spiral.yaml, line 3: camera.zoom: too fast."


def test_what_is_missing_is_told_with_the_nearest_name_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "My trip #3.png").touch()

    def told(name: str) -> str:
        with pytest.raises(InputError) as caught:
            require_file(tmp_path / name, "a picture")
        return str(caught.value).replace(f"{tmp_path}/", "")

    near = "Did you mean photos/My trip #3.png?"
    assert told("photos/My trip #33.png") == f"photos/My trip #33.png does not exist. {near}"
    assert told("photos/My trip").startswith(f"photos/My trip does not exist. {near} In YAML a # ends")
    assert told("photos/MY TRIP #3.PNG") == f"photos/MY TRIP #3.PNG does not exist. {near}"
    assert told("photos/else.tiff") == "photos/else.tiff does not exist."
    assert told("fotos/a.png") == "fotos/a.png does not exist: there is no folder fotos. Did you mean photos?"
    assert told("photos") == "photos is a folder, not a picture."


def test_without_any_key_nothing_is_added(config: Config) -> None:
    with pytest.raises(OutputError) as caught, config.error_context():
        raise OutputError("the disk is full.")
    assert str(caught.value) == "the disk is full."


def test_ctrl_c_is_no_keys_fault(config: Config) -> None:
    with pytest.raises(RenderInterrupted) as caught, config.error_context("seed"):
        raise RenderInterrupted("Stopped.")
    assert str(caught.value) == "Stopped."


def test_errors_keep_their_facts_between_processes() -> None:
    error = OutputError("gone.", key="encode.codec", place="a.yaml, line 2", signal=9)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.key, again.place, again.signal) == (str(error), error.key, error.place, 9)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_nothing_is_decided_by_the_text_of_an_error(path: Path) -> None:
    searched = list(searches(ast.parse(path.read_text(encoding="utf-8"))))
    assert bool(searched) == (path.relative_to(PACKAGE).as_posix() in FOREIGN), searched


def test_a_search_in_the_text_of_an_error_is_found() -> None:
    caught = "try:\n    run()\nexcept OSError as error:\n    {}\n"
    for line in (
        "if 'full' in str(error): raise",
        "text = str(error).removeprefix('a')",
        "text = f'{error}'; return text.startswith('a')",
        "return str(error).splitlines()[0].startswith('a')",
    ):
        assert list(searches(ast.parse(caught.format(line)))) == [4]
    assert list(searches(ast.parse("def full(error: Exception) -> bool:\n    return 'full' in str(error)"))) == [2]
    for line in ("print(str(error))", "if isinstance(error, OSError): raise", "if error.errno in (1, 2): raise"):
        assert not list(searches(ast.parse(caught.format(line))))


def searches(tree: ast.AST) -> Iterator[int]:
    """The lines that search the text of an exception: one that was caught, or that a function was given."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and node.name:
            yield from _searches(node, {node.name})
        elif isinstance(node, ast.FunctionDef):
            given = {one.arg for one in node.args.args if one.annotation and _is_error(ast.unparse(one.annotation))}
            yield from _searches(node, given) if given else ()


def _is_error(annotation: str) -> bool:
    return annotation.endswith(("Error", "Exception"))


def _searches(scope: ast.AST, errors: set[str]) -> Iterator[int]:
    texts: set[str] = set()
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign) and _holds_text(node.value, errors, texts):
            texts |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    for node in ast.walk(scope):
        if isinstance(node, ast.Compare):
            found = any(_holds_text(operand, errors, texts) for operand in (node.left, *node.comparators))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SEARCHES:
            found = _holds_text(node.func.value, errors, texts)
        else:
            continue
        if found:
            yield node.lineno


def _holds_text(node: ast.AST, errors: set[str], texts: set[str]) -> bool:
    """Whether an expression is made of an error's text: str(error), f"{error}", or a name for one of these."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id in texts:
            return True
        if isinstance(part, ast.Call) and ast.unparse(part.func) in ("str", "repr"):
            return any(isinstance(inner, ast.Name) and inner.id in errors for inner in ast.walk(part))
        if isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.Name) and part.value.id in errors:
            return True
    return False


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_key_is_a_fact_of_an_error_and_not_the_beginning_of_its_text(path: Path) -> None:
    if path.relative_to(PACKAGE).parts[0] == "config":  # knows its keys, and makes sentences of them
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("ConfigError", "InputError", "OutputError"):
            assert not re.match(STARTS_WITH_A_KEY, ast.unparse(node.args[0]))


def test_an_address_as_a_file_is_told_to_be_downloaded_first(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not fetched: download the file first"):
        require_file(tmp_path / "https://example.org/a.jpg", "a picture")
