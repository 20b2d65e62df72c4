"""A matrix becomes every combination of its values, each a config that knows where its values stand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from zoomdream.api import load_config
from zoomdream.batch.matrix import expand
from zoomdream.cli import main
from zoomdream.config import Config
from zoomdream.errors import ConfigError

MATRIX = """\
output: "out/{network.name}-{seed}-{camera.zoom}.mp4"
camera: {rotate: 2}
matrix:
  seed: [1, 2, 3]
  camera:
    zoom: [1.1, {keys: {0s: 1, 1s: 2}}]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "many.yaml"
    path.write_text(MATRIX)
    return path


def configs(path: Path, overrides: Sequence[str] = ()) -> list[Config]:
    return [variant.load() for variant in expand(path, overrides)]


def test_every_combination_is_a_render_named_after_its_values(file: Path) -> None:
    found = configs(file)
    assert [config.seed for config in found] == [1, 1, 2, 2, 3, 3]
    names = [f"out/dreamnet-{seed}-{zoom}.mp4" for seed in (1, 2, 3) for zoom in ("1.1", "2")]
    assert [str(config.output) for config in found] == names
    assert {config.camera.rotate.constant for config in found} == {2}


def test_a_combination_is_the_same_config_as_with_its_values_set(file: Path) -> None:
    plain = file.with_name("plain.yaml")
    plain.write_text("output: a.mp4\ncamera: {rotate: 2}\n")
    wanted = load_config(plain, ["seed=2", "camera.zoom=1.1"])
    assert configs(file)[2].model_copy(update={"output": Path("a.mp4")}) == wanted


def test_a_file_without_a_matrix_is_one_render_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text("seed: 3\noutput: '{seed}.mp4'\n")  # outside of a matrix, braces are letters
    (variant,) = expand(path, ["fps=12"])
    assert variant.load() == load_config(path, ["fps=12"])
    assert variant.choice == {}


def test_without_an_output_the_name_is_made_of_the_file_and_the_values(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text("matrix: {objective.0.layer: [mixed3a, 4b], size: [[64, 48], [32, 16]]}")
    assert [config.output.name for config in configs(path)] == [
        f"sweep-{layer}-{size}.mp4" for layer in ("mixed3a", "4b") for size in ("64-48", "32-16")
    ]
    assert configs(path)[2].objective[0].layer == "4b"


def test_values_from_the_command_line_replace_those_of_the_matrix(file: Path) -> None:
    assert [config.seed for config in configs(file, ["seed=9"])] == [9, 9]
    assert [config.seed for config in configs(file, ["matrix.seed=[4, 5]", "camera.zoom=1"])] == [4, 5]
    named = configs(file, ["output={name}/{number}.mkv"])
    assert [str(config.output) for config in named] == [f"many/{number}.mkv" for number in range(1, 7)]
    assert named[0].encode.codec == "h264"
    with pytest.raises(ConfigError, match=r"^--set output=\{sed\}\.mkv: output is .*, and sed is not given"):
        configs(file, ["output={sed}.mkv"])


def test_paths_in_a_matrix_are_relative_to_its_file_and_name_outputs_by_their_stem(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "photos.yaml"
    path.parent.mkdir()
    path.write_text(
        "output: '{source.path}.mp4'\nsize: 64x48\nmatrix:\n  source.path: [a.jpg, ../b.png]\n  source.kind: [image]\n"
    )
    found = configs(path)
    assert [config.output.name for config in found] == ["a.mp4", "b.mp4"]
    assert found[1].source.path == tmp_path / "b.png"  # type: ignore[union-attr]


def test_paths_in_a_matrix_that_look_like_numbers_are_names(file: Path) -> None:
    found = configs(file, ["matrix.seed=[1]", "matrix.color.reference=[007, 1.50]"])
    assert {config.color.reference.name for config in found} == {"007", "1.50"}  # type: ignore[union-attr]
    assert {config.output.stem.rpartition("-")[2] for config in configs(file, ["output={name}-[#].mkv"])} == {"[#]"}


def test_a_wrong_value_is_told_with_its_own_line_and_leaves_the_others_alone(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("output: '{seed}.mp4'\nmatrix:\n  seed:\n    - 1\n    - seven\n    - 3\n")
    first, second, third = expand(path)
    assert (first.load().seed, third.load().seed) == (1, 3)
    with pytest.raises(ConfigError, match=r'wrong.yaml, line 5: seed is "seven"'):
        second.load()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("matrix: [1, 2]", "line 1: matrix is .* Allowed: keys with lists of values"),
        ("matrix: {seed: 3}", "line 1: matrix.seed is 3. Allowed: a list of values"),
        ("matrix: {seed: []}", "at least one"),
        ("matrix: {output: [a.mp4]}", "output cannot be a key of a matrix"),
        ("matrix: {dream.steps: [1], dream: {steps: [2]}}", "dream.steps is given twice"),
        ("output: '{sed}.mp4'\nmatrix: {seed: [1]}", "line 1: output is .*, and sed is not given"),
        ("output: '{camera}.mp4'\nmatrix: {seed: [1]}", "camera is a section .* which makes no name"),
        ("matrix: {objective.3.layer: [mixed4a]}", "line 1: objective: this is a list of 1"),
        ("matrix: {seed: [%s], fps: [%s]}" % (("1, " * 200,) * 2), "matrix makes 40000 renders"),
        ("output: '{seed}.mp5'\nmatrix: {seed: [1]}", "ends in .mp5"),
    ],
)
def test_what_is_no_matrix_says_why(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "no.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=problem):
        configs(path)


@pytest.mark.parametrize("command", ["render", "check"])
def test_a_matrix_is_for_batch_alone(file: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, str(file)]) == 2
    assert (
        "many.yaml, line 3: matrix: this makes many renders of one file, for which `zoomdream batch`"
        in capsys.readouterr().err
    )
