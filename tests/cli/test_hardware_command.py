"""`encode.hardware` from outside: found to work before anything is dreamed, or told so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.emulated_encoders import asked, emulated_ffmpeg
from zoomdream import ffmpeg
from zoomdream.cli import main
from zoomdream.ffmpeg import probe

TINY = """\
size: [64, 48]
fps: 10
frames: 4
network: {{weights: {weights}}}
dream: {{octaves: 1, steps: 1, warmup: 0}}
encode:
  ffmpeg: path
  hardware: nvenc
"""


@pytest.fixture
def here(tmp_path: Path, untrained_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a config, tiny.yaml, that takes whatever ffmpeg lies in bin."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "tiny.yaml").write_text(TINY.format(weights=untrained_weights))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


@pytest.mark.parametrize("command", ["render", "check"])
def test_what_does_not_work_is_told_before_anything_is_done(
    here: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    program = emulated_ffmpeg(here / "bin", "refuses")
    assert main([command, "tiny.yaml"]) == 4
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "tiny.yaml, line 8: encode.hardware: nvenc does not work here: " in printed.err
    assert "No capable devices found" in printed.err
    assert "frame 1" not in printed.err
    assert len(asked(program)) == 1
    assert os.listdir() == ["tiny.yaml"]


def test_a_restart_that_cannot_begin_throws_nothing_away(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    emulated_ffmpeg(here / "bin", "refuses")
    assert main(["render", "tiny.yaml", "--set", "encode.hardware=off", "--quiet"]) == 0
    before = Path("tiny.mp4").read_bytes()
    assert main(["render", "tiny.yaml", "--restart"]) == 4
    assert Path("tiny.mp4").read_bytes() == before


def test_what_works_renders_says_so_and_needs_no_hardware_once_it_is_finished(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = emulated_ffmpeg(here / "bin", "works")
    assert main(["check", "tiny.yaml"]) == 0
    printed = capsys.readouterr().out
    assert "by h264_nvenc, which works here" in printed
    assert "preset" not in printed
    tried = len(asked(program))
    assert main(["render", "tiny.yaml", "--quiet"]) == 0
    assert len(asked(program)) == tried + 2  # the trial and the only segment
    assert probe.count_frames(ffmpeg.executable(), Path("tiny.mp4")) == 4
    emulated_ffmpeg(here / "bin", "refuses")
    assert main(["render", "tiny.yaml", "--quiet"]) == 0
    assert len(asked(program)) == tried + 2
    capsys.readouterr()
    assert main(["info", "tiny.mp4"]) == 0
    assert "hardware: nvenc" in capsys.readouterr().out


def test_a_batch_tells_it_of_each_render(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    emulated_ffmpeg(here / "bin", "refuses")
    assert main(["batch", "tiny.yaml", "--jobs", "1"]) == 1
    printed = capsys.readouterr()
    assert "nvenc does not work here: h264_nvenc" in printed.out + printed.err
