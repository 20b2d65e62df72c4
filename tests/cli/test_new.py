"""`zoomdream new` writes ready configs, and never over a file that is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zoomdream.api import load_config
from zoomdream.batch.matrix import expand
from zoomdream.cli import main
from zoomdream.cli.new import first_comment, ready_configs
from zoomdream.config import VideoSource

ROOT = Path(__file__).parent.parent.parent


def test_a_ready_config_is_written_into_the_working_directory_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "tiny"]) == 0
    assert capsys.readouterr().out == "tiny.yaml\n"
    assert (tmp_path / "tiny.yaml").read_bytes() == (ROOT / "configs" / "tiny.yaml").read_bytes()


def test_a_file_that_is_there_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text("mine")
    assert main(["new", "tiny"]) == 4
    assert Path("tiny.yaml").read_text() == "mine"
    assert "tiny.yaml is already there" in capsys.readouterr().err
    assert main(["new", "tiny.yaml", "-o", "other.yaml"]) == 0
    assert Path("other.yaml").is_file()


def test_a_folder_that_is_not_there_is_an_error_of_the_output(tmp_path: Path) -> None:
    assert main(["new", "tiny", "-o", str(tmp_path / "nowhere" / "a.yaml")]) == 4
    assert os.listdir(tmp_path) == []


def test_the_picture_of_a_config_comes_along_and_is_never_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "photo_zoom"]) == 0
    said = capsys.readouterr()
    assert said.out == "photo_zoom.yaml\n"
    assert said.err == "landscape.jpg came with it; next: zoomdream render photo_zoom.yaml\n"
    picture = (ROOT / "configs" / "landscape.jpg").read_bytes()
    assert Path("landscape.jpg").read_bytes() == picture
    assert main(["new", "photo_zoom", "-o", "again.yaml"]) == 0
    Path("landscape.jpg").write_text("mine")
    assert main(["new", "photo_zoom", "-o", "third.yaml"]) == 4
    assert "landscape.jpg is already there" in capsys.readouterr().err
    assert sorted(os.listdir()) == ["again.yaml", "landscape.jpg", "photo_zoom.yaml"]
    assert Path("landscape.jpg").read_text() == "mine"


@pytest.mark.parametrize("name", ready_configs())
def test_what_is_written_into_an_empty_folder_loads_there(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", name]) == 0
    printed = capsys.readouterr()
    assert "next: zoomdream " in printed.err
    variants = expand(Path(printed.out.rstrip("\n")))
    assert variants
    for config in (variant.load() for variant in variants):
        source = getattr(config.source, "path", None)
        assert source is None or (source.parent == tmp_path and source.is_file())


def test_a_config_that_is_extended_may_be_there_with_changes_of_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "clip"]) == 0
    mine = Path("clip.yaml").read_text(encoding="utf-8").replace("seed: 7", "seed: 8")
    Path("clip.yaml").write_text(mine, encoding="utf-8")
    capsys.readouterr()
    assert main(["new", "clip_subtle"]) == 0
    assert "clip.yaml, which is already there and is left as it is" in capsys.readouterr().err
    assert Path("clip.yaml").read_text(encoding="utf-8") == mine
    config = load_config("clip_subtle.yaml")
    assert isinstance(config.source, VideoSource)
    assert config.seed == 8


def test_a_config_never_takes_the_name_of_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "clip_subtle", "-o", "clip.yaml"]) == 4
    assert "clip.yaml" in capsys.readouterr().err
    assert os.listdir() == []


def test_the_list_says_what_each_config_shows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "--list"]) == 0
    printed = capsys.readouterr().out
    for name, path in ready_configs().items():
        assert name in printed
        assert first_comment(path) in printed
        assert len(first_comment(path)) > 20, f"{path} must begin with a comment on what it shows"
