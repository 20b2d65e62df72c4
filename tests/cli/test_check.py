"""`zoomdream check`: what a config means and would do, and what surprises."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zoomdream import ffmpeg
from zoomdream.api import load_config
from zoomdream.cli import main


def test_check_prints_a_config_and_what_it_would_do_and_writes_nothing(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "tiny.yaml", "--set", "seed=5"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    facts = ("64x48", "4 frames", "10 per second", "sound: none", "dreamnet, mixed4c", "s per frame", "on the disk")
    for fact in facts:
        assert fact in printed.out
    Path("resolved.yaml").write_text(printed.out, encoding="utf-8")
    assert load_config("resolved.yaml") == load_config("tiny.yaml", ["seed=5"])
    assert sorted(os.listdir()) == ["resolved.yaml", "tiny.yaml"]


def test_check_and_render_warn_of_keyframes_beyond_the_end(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "tiny.yaml, line 7: camera.zoom: the keyframe at 4s lies beyond the end of the film (0.4s, 4 frames)"
    with Path("tiny.yaml").open("a") as file:
        file.write("camera: {zoom: {keys: {0: 1.2, 4: 1.8}}}\n")
    assert main(["check", "tiny.yaml"]) == 0
    assert f"#   warning: {text}" in capsys.readouterr().out
    assert main(["render", "tiny.yaml", "--quiet"]) == 0
    assert capsys.readouterr().err.startswith(f"warning: {text}")
    assert main(["batch", "tiny.yaml", "--dry-run"]) == 0
    assert capsys.readouterr().err.startswith(f"warning: {text}")


def test_check_says_which_octaves_are_too_small(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "tiny.yaml", "--set", "dream={octaves: 6, steps: [6, 5, 4, 3, 2, 1]}"]) == 0
    printed = capsys.readouterr().out
    assert "of 6 octaves" in printed
    assert "from coarse to fine: " in printed
    assert main(["check", "tiny.yaml", "--set=size=256x192", "--set=dream={coarsest: 96, steps: 1}"]) == 0
    assert "3 octaves, from coarse to fine: 128x96, 181x136, 256x192; steps" in capsys.readouterr().out
    assert main(["check", "tiny.yaml", "--set", "dream={octaves: 1, steps: 2}"]) == 0
    assert "octaves (" not in capsys.readouterr().out


def test_check_says_what_a_clip_is_and_which_part_of_it_is_rendered(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=2"]
    ffmpeg.run([str(ffmpeg.executable()), "-v", "error", *picture, "-c:v", "ffv1", "a.mkv"], what="making a clip")
    options = ["--set", "source={kind: video, path: a.mkv, start: 5f}"]
    assert main(["check", "tiny.yaml", *options]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    for fact in ("a.mkv: 64x48, 20 frames in 2.00 s", "no cuts", "rendered from 0.5 s to its end", "4 frames at 10"):
        assert fact in printed.out
    Path("resolved.yaml").write_text(printed.out, encoding="utf-8")
    assert load_config("resolved.yaml") == load_config("tiny.yaml", options[1:])


def test_check_reports_every_config_even_behind_a_wrong_one(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("wrong.yaml").write_text("dream: {octavse: 3}\n")
    Path("last.yaml").write_text("extends: tiny.yaml\nseed: 99\n")
    assert main(["check", "wrong.yaml", "tiny.yaml", "none.yaml", "last.yaml"]) == 2
    printed = capsys.readouterr()
    assert "wrong.yaml, line 1" in printed.err
    assert "none.yaml" in printed.err
    assert "tiny.yaml renders tiny.mp4" in printed.out
    assert "seed: 99" in printed.out


def test_check_takes_the_options_of_render_and_says_what_that_would_do(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*options: str) -> str:
        assert main(["check", "tiny.yaml", *options]) == 0
        return capsys.readouterr().out

    assert "renders b.mkv" in told("--output", "b.mkv", "--device", "cpu", "--quiet")
    assert main(["render", "tiny.yaml", "--quiet"]) == 0
    assert "tiny.mp4 is finished already" in told()
    assert "`render` will refuse this: tiny.mp4 was made by another config (seed was 7, now 8)" in told(
        "--set", "seed=8"
    )
    assert "replaces tiny.mp4" in told("--restart")
    small = told("--preview", "--set", "size=[600, 400]", "--set", "dream={octaves: 4, octave_scale: 2, steps: 0}")
    assert "renders tiny_preview.mp4" in small
    assert "preview: 300x200 instead of 600x400 without the finest octave" in small
    assert main(["check", "tiny.yaml", "--device", "cuda:99"]) == 2


def test_check_tells_of_a_still_out_of_many_frames(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "tiny.yaml", "-o", "films/a.png"]) == 0
    told = "one picture, the last of 4 frames; `output: films/a/%05d.png` keeps all of them"
    assert told in capsys.readouterr().out
    assert main(["check", "tiny.yaml", "-o", "films/a.png", "--set", "frames=1"]) == 0
    assert "one picture" not in capsys.readouterr().out
