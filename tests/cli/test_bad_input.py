"""Bad input: the right exit code, one paragraph that names what is wrong, and nothing left behind."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from zoomdream import ffmpeg
from zoomdream.cli import main

ROOT = Path(__file__).parent.parent.parent

BASE = """\
size: [64, 48]
frames: 3
network: {{weights: {weights}}}
dream: {{octaves: 1, steps: 1, warmup: 0}}
"""


def picture_that_is_text(folder: Path) -> None:
    (folder / "photo.jpg").write_text("dear diary\n")


def sound(folder: Path) -> None:
    with wave.open(str(folder / "song.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(8000))


def clip(folder: Path) -> None:
    """Two seconds of 64x48 at 10 frames per second."""
    command = [str(ffmpeg.executable()), "-v", "error", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=2"]
    ffmpeg.run([*command, "-c:v", "ffv1", str(folder / "a.mkv")], what="making a clip")


def clip_and_sound(folder: Path) -> None:
    clip(folder)
    sound(folder)


def weights_of_a_squeezenet(folder: Path) -> None:
    import torch

    torch.save({"features.3.squeeze.weight": torch.zeros(16, 64, 1, 1)}, folder / "other.pth")


def weights_that_run_code(folder: Path) -> None:
    (folder / "evil.pth").write_bytes(pickle.dumps(Touch()))


class Touch:
    """Unpickled, it makes a file: the test sees whether anything in it was run."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, ("run.txt", "w")


def nothing(folder: Path) -> None:
    """No file is needed."""


WRONG = {
    "unknown key": (nothing, ["dream.octavse=3"], 2, ["octavse", "octaves"]),
    "unknown section": (nothing, ["camra.zoom=1.2"], 2, ["camra", "camera"]),
    "wrong type": (nothing, ["dream.octaves=many"], 2, ["dream.octaves", "many"]),
    "out of range": (nothing, ["encode.crf=99"], 2, ["encode.crf", "99", "51"]),
    "size too large": (nothing, ["size=[16384, 16384]"], 2, ["size", "megapixels"]),
    "a kind of source that is none": (nothing, ["source={kind: vidoe, path: a.mp4}"], 2, ["source.kind", "video"]),
    "a clip that is missing": (nothing, ["source={kind: video, path: no.mp4}"], 3, ["source.path", "no.mp4"]),
    "a clip that is a folder": (nothing, ["source={kind: video, path: .}"], 3, ["source.path", "folder"]),
    "a clip that is a text": (picture_that_is_text, ["source={kind: video, path: photo.jpg}"], 3, ["photo.jpg"]),
    "a clip of sound alone": (sound, ["source={kind: video, path: song.wav}"], 3, ["song.wav"]),
    "a start after the end": (clip, ["source={kind: video, path: a.mkv, start: 1s, end: 0.5s}"], 2, ["1 s", "0.5 s"]),
    "a start after the clip": (clip, ["source={kind: video, path: a.mkv, start: 9s}"], 2, ["source.start", "2 s long"]),
    "an end after the clip": (clip, ["source={kind: video, path: a.mkv, end: 9s}"], 2, ["source.end", "2 s long"]),
    "more than the clip has": (clip, ["source={kind: video, path: a.mkv}", "frames=21"], 2, ["21", "20"]),
    "flow for noise": (nothing, ["flow.method=dis"], 2, ["flow is for clips", "source.kind is noise"]),
    "a schedule that divides by zero": (nothing, ["camera.zoom=1/(t-t)"], 2, ["camera.zoom", "zero"]),
    "a schedule that names something unknown": (nothing, ["camera.zoom=1+sinn(t)"], 2, ["camera.zoom", "sinn", "sin"]),
    "a schedule that loops": (nothing, ["camera.zoom=[x for x in range(9)][0]"], 2, ["camera.zoom"]),
    "a schedule that would take for ever": (nothing, ["camera.zoom=9**9**9**9"], 2, ["camera.zoom"]),
    "a schedule that leaves its range": (nothing, ["camera.zoom=1-40*t"], 2, ["camera.zoom"]),
    "a picture that is missing": (nothing, ["source={kind: image, path: none.jpg}"], 3, ["source.path", "none.jpg"]),
    "a picture that is a text": (
        picture_that_is_text,
        ["source={kind: image, path: photo.jpg}"],
        3,
        ["source.path", "photo.jpg"],
    ),
    "a mask that is missing": (nothing, ["dream.mask=none.png"], 3, ["dream.mask", "none.png"]),
    "a mask that is a folder": (nothing, ["dream.mask=."], 3, ["dream.mask", "folder"]),
    "a mask that is a text": (picture_that_is_text, ["dream.mask=photo.jpg"], 3, ["dream.mask", "photo.jpg"]),
    "a mask that is a sound": (sound, ["dream.mask=song.wav"], 3, ["dream.mask", "song.wav"]),
    "a mask of a clip that is a sound": (
        clip_and_sound,
        ["source={kind: video, path: a.mkv}", "dream.mask=song.wav"],
        3,
        ["dream.mask", "song.wav"],
    ),
    "a reference that is missing": (nothing, ["color.reference=none.png"], 3, ["color.reference", "none.png"]),
    "a reference that is a text": (picture_that_is_text, ["color.reference=photo.jpg"], 3, ["color.reference"]),
    "a reference of a clip that is a sound": (
        clip_and_sound,
        ["source={kind: video, path: a.mkv}", "color.reference=song.wav"],
        3,
        ["color.reference", "song.wav"],
    ),
    "a guide that is missing": (
        nothing,
        ["objective=[{layer: mixed3a}, {layer: mixed3b, guide: none.png}]"],
        3,
        ["objective.1.guide", "none.png"],
    ),
    "weights of a flow that are missing": (
        clip,
        ["source={kind: video, path: a.mkv}", "flow={method: raft_small, weights: none.pth}"],
        3,
        ["flow.weights", "none.pth"],
    ),
    "an output below a file": (picture_that_is_text, ["output=photo.jpg/a.mp4"], 4, ["photo.jpg"]),
    "a codec that does not fit": (nothing, ["output=a.webm", "encode.codec=h264"], 2, ["h264", ".webm", "vp9"]),
    "an output of no known kind": (nothing, ["output=a.avi"], 2, ["a.avi", ".mp4"]),
    "an odd size": (nothing, ["size=[65, 48]"], 2, ["65", "66"]),
    "an unknown layer": (nothing, ["objective=[{layer: mixed4z}]"], 2, ["mixed4z", "mixed4"]),
    "an unknown channel": (nothing, ["objective=[{layer: mixed4c, channels: [512]}]"], 2, ["512", "0 to 511"]),
    "an unknown network": (nothing, ["network.name=dreamnat"], 2, ["dreamnat", "dreamnet"]),
    "a device that is not there": (nothing, ["performance.device=cuda:99"], 2, ["cuda:99", "cpu"]),
    "weights that are missing": (nothing, ["network.weights=none.pth"], 3, ["network.weights", "none.pth"]),
    "weights of another network": (
        weights_of_a_squeezenet,
        ["network.weights=other.pth"],
        3,
        ["other.pth", "SqueezeNet"],
    ),
    "weights with pickled code": (weights_that_run_code, ["network.weights=evil.pth"], 3, ["weights: ", "evil.pth"]),
    "a soundtrack that is missing": (nothing, ["encode.audio=none.wav"], 3, ["encode.audio", "none.wav"]),
    "a soundtrack that is a text": (picture_that_is_text, ["encode.audio=photo.jpg"], 3, ["encode.audio", "photo.jpg"]),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_bad_input_is_one_paragraph_with_its_exit_code_and_leaves_nothing_behind(
    wrong: str,
    tmp_path: Path,
    untrained_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    prepare, changes, code, words = WRONG[wrong]
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_text(BASE.format(weights=untrained_weights))
    prepare(tmp_path)
    before = sorted(tmp_path.rglob("*"))

    assert main(["render", "bad.yaml", "--quiet", *(f"--set={change}" for change in changes)]) == code

    printed = capsys.readouterr()
    assert printed.out == ""
    assert_is_one_paragraph(printed.err)
    for word in words:
        assert word in printed.err
    if code != 4:  # what cannot be written is not known before it is tried
        assert main(["check", "bad.yaml", *(f"--set={change}" for change in changes)]) == code
        assert capsys.readouterr().err == printed.err
    assert sorted(tmp_path.rglob("*")) == before


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
