"""Bad input: the right exit code, one paragraph that names what is wrong, and nothing left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from zoomdream.cli import main

ROOT = Path(__file__).parent.parent.parent

BASE = """\
size: [64, 48]
frames: 3
network: {{weights: {weights}}}
dream: {{octaves: 1, steps: 1, warmup: 0}}
"""


def test_an_output_below_a_file_is_exit_code_4(
    tmp_path: Path, untrained_weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_text(BASE.format(weights=untrained_weights) + "output: notes.txt/a.mp4\n")
    Path("notes.txt").write_text("dear diary\n")
    assert main(["render", "bad.yaml", "--quiet"]) == 4
    printed = capsys.readouterr()
    assert_is_one_paragraph(printed.err)
    assert "notes.txt" in printed.err
    assert sorted(os.listdir(tmp_path)) == ["bad.yaml", "notes.txt"]


@pytest.mark.parametrize("command", [["check"], ["render"], ["render", "--quiet"]])
@pytest.mark.parametrize("what", ["text", "deep"])
def test_a_picture_that_is_none_or_damaged_is_told_with_file_line_and_key_and_none_of_its_words(
    command: list[str],
    what: str,
    tmp_path: Path,
    untrained_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    if what == "text":
        Path("a.png").write_text("root:x:0:0:secret")
    else:
        whole = cv2.imencode(".png", np.full((48, 64, 3), 40_000, np.uint16))[1].tobytes()
        Path("a.png").write_bytes(whole[: len(whole) // 2])
    Path("bad.yaml").write_text(BASE.format(weights=untrained_weights) + "source: {kind: image, path: a.png}\n")
    assert main([*command, "bad.yaml"]) == 3
    printed = capsys.readouterr().err
    assert "zoomdream: bad.yaml, line 5: source.path: " in printed
    assert "a.png is " in printed
    assert "secret" not in printed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("size: [64, 48\n", ["bad.yaml"]),
        ("seed: 1\nseed: 2\n", ["bad.yaml", "line 2", "seed"]),
        ("- 1\n", ["bad.yaml"]),
        ("seed: !!python/object/apply:os.getcwd []\n", ["bad.yaml"]),
        ("dream:\n  steps: 4\n  stepsize: 1\n", ["bad.yaml", "line 3", "stepsize", "step_size"]),
        ("\x00\xff", ["bad.yaml"]),
    ],
)
def test_a_broken_file_is_named_with_its_line(
    text: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_bytes(text.encode("latin-1"))
    for command in ("render", "check"):
        assert main([command, "bad.yaml"]) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        assert_is_one_paragraph(printed.err)
        for word in words:
            assert word in printed.err
    assert os.listdir(tmp_path) == ["bad.yaml"]


@pytest.mark.parametrize("command", ["render", "check"])
@pytest.mark.parametrize("name", ["none.yaml", "."])
def test_a_config_that_is_no_file_is_exit_code_2(
    command: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([command, name]) == 2
    assert_is_one_paragraph(capsys.readouterr().err)


def test_a_full_disk_is_exit_code_4_and_leaves_nothing_behind(tmp_path: Path, untrained_weights: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare to mount a small disk with")
    own_mounts = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    mount = "mount -t tmpfs -o size=12k none disk"
    (tmp_path / "disk").mkdir()
    if subprocess.run([*own_mounts, mount], cwd=tmp_path, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine lets nobody mount a small disk")
    (tmp_path / "bad.yaml").write_text(BASE.format(weights=untrained_weights) + "output: disk/a.mp4\n")
    script = f'{mount} && "$0" -m zoomdream render bad.yaml --set frames=20 --quiet; code=$?; ls -A disk; exit $code'
    result = subprocess.run(
        [*own_mounts, script, sys.executable],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 4, result.stderr
    assert_is_one_paragraph(result.stderr)
    assert "disk is full" in result.stderr
    assert result.stdout == ""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_exit_code_4(
    tmp_path: Path, untrained_weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_text(BASE.format(weights=untrained_weights) + "output: closed/a.mp4\n")
    Path("closed").mkdir(mode=0o555)
    assert main(["render", "bad.yaml", "--quiet"]) == 4
    assert_is_one_paragraph(capsys.readouterr().err)
    assert os.listdir("closed") == []


def assert_is_one_paragraph(text: str) -> None:
    assert text.startswith("zoomdream: ")
    assert "Traceback" not in text
    assert "bug" not in text
    assert "\n\n" not in text
    assert len(text) < 1500


@pytest.mark.parametrize("name", ["b", "endless_zoom"])
def test_a_config_without_its_ending_is_named_with_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(f"{name}.yaml").write_text("frames: 1\n")
    assert main(["render", name]) == 2
    assert f"there is no file {name}. Did you mean {name}.yaml?" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="only Linux has /proc")
def test_a_place_where_nothing_can_be_made_is_told_so(
    tmp_path: Path, untrained_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "a.yaml"
    config.write_text(BASE.format(weights=untrained_weights) + "output: /proc/a.mp4\n")
    assert main(["render", str(config), "--quiet"]) == 4
    assert "cannot be made here" in capsys.readouterr().err
