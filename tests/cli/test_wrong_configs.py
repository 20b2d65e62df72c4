"""Wrong configs: one paragraph that names the file, the line and the key once, the right exit code, nothing left."""

from __future__ import annotations

import pickle
import re
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from zoomdream import ffmpeg
from zoomdream.cli import main

CLIP = {"source.kind": "video", "source.path": "a.mkv"}


def nothing(folder: Path) -> None:
    """No file is needed."""


def text(folder: Path) -> None:
    (folder / "photo.jpg").write_text("dear diary\n")


def sound(folder: Path) -> None:
    with wave.open(str(folder / "song.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(8000))


def clip(folder: Path, size: str = "64x48") -> None:
    """Two seconds at 10 frames per second."""
    command = [str(ffmpeg.executable()), "-v", "error", "-f", "lavfi", "-i", f"testsrc=size={size}:rate=10:duration=2"]
    ffmpeg.run([*command, "-c:v", "ffv1", str(folder / "a.mkv")], what="making a clip")


def playlist(folder: Path) -> None:
    sound(folder)
    (folder / "list.mp3").write_text("ffconcat version 1.0\nfile song.wav\n")


def small_clip(folder: Path) -> None:
    clip(folder, "12x12")


def clip_and_sound(folder: Path) -> None:
    clip(folder)
    sound(folder)


def clip_and_text(folder: Path) -> None:
    clip(folder)
    text(folder)


def weights_of_a_squeezenet(folder: Path) -> None:
    import torch

    torch.save({"features.3.squeeze.weight": torch.zeros(16, 64, 1, 1)}, folder / "other.pth")


def weights_of_a_squeezenet_and_a_clip(folder: Path) -> None:
    weights_of_a_squeezenet(folder)
    clip(folder)


def weights_cut_short(folder: Path) -> None:
    weights_of_a_squeezenet(folder)
    content = (folder / "other.pth").read_bytes()
    (folder / "other.pth").write_bytes(content[: len(content) // 2])


class Touch:
    """Unpickled, it makes a file: the test sees whether anything in it was run."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, ("run.txt", "w")


def weights_that_run_code(folder: Path) -> None:
    (folder / "evil.pth").write_bytes(pickle.dumps(Touch()))


class Wrong(NamedTuple):
    """Keys that make a config wrong, the key and the words that the message names, the exit code, files it needs."""

    changes: dict[str, Any]
    key: str
    code: int
    words: tuple[str, ...]
    prepare: Callable[[Path], None] = nothing


def layered(**term: Any) -> dict[str, Any]:
    return {"objective": [{"layer": "mixed3a"}, {"layer": "mixed3b", **term}]}


WRONG = {
    "an unknown key": Wrong({"dream.octavse": 3}, "dream.octavse", 2, ("octaves",)),
    "an unknown section": Wrong({"camra.zoom": 1.2}, "camra", 2, ("camera",)),
    "a wrong type": Wrong({"dream.octaves": "many"}, "dream.octaves", 2, ("many",)),
    "out of range": Wrong({"encode.crf": 99}, "encode.crf", 2, ("99", "51")),
    "a size too large": Wrong({"size": [16384, 16384]}, "size", 2, ("megapixels",)),
    "an odd size": Wrong({"size": [65, 48]}, "size", 2, ("[65, 48]", "[66, 48]", "h264")),
    "a size too large for webp": Wrong(
        {"size": [16384, 64], "output": "a.webp"}, "size", 2, ("[16384, 64]", "16383", "webp")
    ),
    "a rate too high for gif": Wrong({"fps": 60, "output": "a.gif"}, "fps", 2, ("60", "gif", "50")),
    "a codec that does not fit": Wrong(
        {"output": "a.webm", "encode.codec": "h264"}, "encode.codec", 2, ("h264", ".webm", "vp9")
    ),
    "a pixel format that does not fit": Wrong({"encode.pixel_format": "rgb24"}, "encode.pixel_format", 2, ("yuv420p",)),
    "a preset that does not fit": Wrong({"encode.preset": "fastest"}, "encode.preset", 2, ("ultrafast",)),
    "an output of no known kind": Wrong({"output": "a.avi"}, "output", 2, ("a.avi", ".mp4")),
    "an output that is an input": Wrong(
        {**CLIP, "output": "a.mkv"}, "output", 2, ("a.mkv", "reads", "another name"), clip
    ),
    "an unknown kind of source": Wrong({"source.kind": "vidoe", "source.path": "a.mp4"}, "source.kind", 2, ("video",)),
    "flow for noise": Wrong({"flow.method": "dis"}, "flow", 2, ("is for clips", "source.kind is noise")),
    "a schedule that divides by zero": Wrong({"camera.zoom": "1/(t-t)"}, "camera.zoom", 2, ("zero",)),
    "an unknown name in a schedule": Wrong({"camera.zoom": "1+sinn(t)"}, "camera.zoom", 2, ("sinn", "sin")),
    "a schedule that loops": Wrong({"camera.zoom": "[x for x in range(9)][0]"}, "camera.zoom", 2, ()),
    "a schedule that takes for ever": Wrong({"camera.zoom": "9**9**9**9"}, "camera.zoom", 2, ()),
    "a schedule out of range": Wrong({"camera.zoom": "1-40*t"}, "camera.zoom", 2, ("0.05 to 20",)),
    "a picture that is missing": Wrong(
        {"source.kind": "image", "source.path": "none.jpg"}, "source.path", 3, ("none.jpg",)
    ),
    "a picture that is a text": Wrong(
        {"source.kind": "image", "source.path": "photo.jpg"}, "source.path", 3, ("photo.jpg", "text"), text
    ),
    "a clip that is missing": Wrong({**CLIP, "source.path": "no.mp4"}, "source.path", 3, ("no.mp4", "does not exist")),
    "a clip that is a folder": Wrong({**CLIP, "source.path": "."}, "source.path", 3, ("folder",)),
    "a clip that is a text": Wrong({**CLIP, "source.path": "photo.jpg"}, "source.path", 3, ("photo.jpg",), text),
    "a clip of sound alone": Wrong({**CLIP, "source.path": "song.wav"}, "source.path", 3, ("song.wav",), sound),
    "a clip that is too small": Wrong(CLIP, "source.path", 3, ("12x12", "16"), small_clip),
    "a start after the end": Wrong(
        {**CLIP, "source.start": "1s", "source.end": "0.5s"}, "source.start", 2, ("1 s", "0.5 s"), clip
    ),
    "a start after the clip": Wrong({**CLIP, "source.start": "9s"}, "source.start", 2, ("2 s long",), clip),
    "an end after the clip": Wrong({**CLIP, "source.end": "9s"}, "source.end", 2, ("2 s long",), clip),
    "more than the clip has": Wrong({**CLIP, "frames": 21}, "frames", 2, ("21", "20"), clip),
    "an unknown network": Wrong({"network.name": "dreamnat"}, "network.name", 2, ("dreamnat", "dreamnet")),
    "a network of one size": Wrong({"network.name": "torchvision/vit_b_16"}, "network.name", 2, ("one size only",)),
    "a network without weights here": Wrong(
        {"network": {"name": "googlenet"}}, "network.name", 3, ("googlenet has no weights here", "https://")
    ),
    "weights that are missing": Wrong({"network.weights": "none.pth"}, "network.weights", 3, ("none.pth",)),
    "weights of another network": Wrong(
        {"network.weights": "other.pth"}, "network.weights", 3, ("other.pth", "SqueezeNet"), weights_of_a_squeezenet
    ),
    "weights cut short": Wrong(
        {"network.weights": "other.pth"}, "network.weights", 3, ("other.pth", "cut short"), weights_cut_short
    ),
    "weights with pickled code": Wrong(
        {"network.weights": "evil.pth"}, "network.weights", 3, ("evil.pth", "code"), weights_that_run_code
    ),
    "code that is not allowed": Wrong(
        {"network": {"python": "own.py:network"}}, "network.python", 2, ("own.py:network", "--allow-code")
    ),
    "a term's unknown network": Wrong(
        layered(network={"name": "dreamnat"}), "objective.1.network.name", 2, ("dreamnat", "dreamnet")
    ),
    "a term's network without weights here": Wrong(
        layered(network={"name": "googlenet"}), "objective.1.network.name", 3, ("googlenet has no weights here",)
    ),
    "a term's weights of another network": Wrong(
        layered(network={"name": "googlenet", "weights": "other.pth"}),
        "objective.1.network.weights", 3, ("other.pth", "SqueezeNet"), weights_of_a_squeezenet,
    ),
    "an unknown layer": Wrong({"objective": [{"layer": "mixed4z"}]}, "objective.0.layer", 2, ("mixed4z", "mixed4")),
    "an unknown channel": Wrong(layered(channels=[512]), "objective.1.channels", 2, ("512", "0 to ")),
    "an unknown class": Wrong({"objective": [{"class": "bananna"}]}, "objective.0.class", 2, ("banana",)),
    "a number that is no class": Wrong({"objective": [{"class": 1000}]}, "objective.0.class", 2, ("0 to 999",)),
    "a class by two names": Wrong({"objective": [{"class": ["goldfish", 1]}]}, "objective.0.class", 2, ("twice",)),
    "a term of nothing": Wrong({"objective": [{"weight": 1}]}, "objective.0.layer", 2, ("zoomdream layers",)),
    "a guide that is missing": Wrong(layered(guide="none.png"), "objective.1.guide", 3, ("none.png",)),
    "a guide that is a text": Wrong(layered(guide="photo.jpg"), "objective.1.guide", 3, ("photo.jpg",), text),
    "a mask that is missing": Wrong({"dream.mask": "none.png"}, "dream.mask", 3, ("none.png",)),
    "a mask that is a folder": Wrong({"dream.mask": "."}, "dream.mask", 3, ("folder",)),
    "a mask that is a text": Wrong({"dream.mask": "photo.jpg"}, "dream.mask", 3, ("photo.jpg",), text),
    "a mask that is a sound": Wrong({"dream.mask": "song.wav"}, "dream.mask", 3, ("song.wav",), sound),
    "a clip's mask that is a sound": Wrong(
        {**CLIP, "dream.mask": "song.wav"}, "dream.mask", 3, ("song.wav",), clip_and_sound
    ),
    "a reference that is missing": Wrong({"color.reference": "none.png"}, "color.reference", 3, ("none.png",)),
    "a reference that is a text": Wrong({"color.reference": "photo.jpg"}, "color.reference", 3, ("photo.jpg",), text),
    "a clip's reference that is a sound": Wrong(
        {**CLIP, "color.reference": "song.wav"}, "color.reference", 3, ("song.wav",), clip_and_sound
    ),
    "a flow's weights that are missing": Wrong(
        {**CLIP, "flow.method": "raft_small", "flow.weights": "none.pth"}, "flow.weights", 3, ("none.pth",), clip
    ),
    "a flow's weights of another network": Wrong(
        {**CLIP, "flow.method": "raft_small", "flow.weights": "other.pth"},
        "flow.weights", 3, ("other.pth", "raft_small"), weights_of_a_squeezenet_and_a_clip,
    ),
    "a flow without weights here": Wrong(
        {**CLIP, "flow.method": "raft_small"}, "flow.method", 3, ("raft_small has no weights here", "dis"), clip
    ),
    "a soundtrack that is missing": Wrong({"encode.audio": "none.wav"}, "encode.audio", 3, ("none.wav",)),
    "a soundtrack that is a text": Wrong({"encode.audio": "photo.jpg"}, "encode.audio", 3, ("photo.jpg",), text),
    "a soundtrack that is a silent clip": Wrong(
        {"encode.audio": "a.mkv"}, "encode.audio", 3, ("a.mkv", "no soundtrack"), clip
    ),
    "a sound track that there is not": Wrong(
        {"encode.audio": "song.wav", "encode.audio_track": "eng"}, "encode.audio_track", 2,
        ('"eng" is no sound track', "song.wav", "1: pcm_s16le, mono, 8000 Hz"), sound,
    ),
    "a sound track of a silent clip": Wrong(
        {**CLIP, "encode.audio_track": 2}, "encode.audio_track", 2, ('"2" is no sound track', "a.mkv", "none"), clip
    ),
    "a sound track of noise": Wrong({"encode.audio_track": 2}, "encode.audio_track", 2, ("noise", "no sound", "auto")),
    "a soundtrack that is a playlist": Wrong({"encode.audio": "list.mp3"}, "encode.audio", 3, ("list.mp3",), playlist),
    "a device that is not here": Wrong({"performance.device": "cuda:99"}, "performance.device", 2, ("cuda:99", "cpu")),
    "no ffmpeg on PATH": Wrong({"encode.ffmpeg": "path"}, "encode.ffmpeg", 4, ("no ffmpeg on PATH", "bundled")),
    "a clip, and no ffmpeg on PATH": Wrong(
        {**CLIP, "encode.ffmpeg": "path"}, "encode.ffmpeg", 4, ("no ffmpeg on PATH",), clip
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_config_is_told_in_one_paragraph_with_file_line_and_key(
    name: str,
    tmp_path: Path,
    untrained_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wrong = WRONG[name]
    monkeypatch.chdir(tmp_path)
    for variable in ("XDG_CACHE_HOME", "TORCH_HOME"):  # where nobody has kept weights
        monkeypatch.setenv(variable, str(tmp_path / "cache"))
    wrong.prepare(tmp_path)
    if "encode.ffmpeg" in wrong.changes:
        monkeypatch.setenv("PATH", str(tmp_path))
    tree: dict[str, Any] = {
        "size": [64, 48],
        "frames": 3,
        "network": {"weights": str(untrained_weights)},
        "dream": {"octaves": 1, "steps": 1, "warmup": 0},
    }
    for key, value in wrong.changes.items():
        section, _, last = key.rpartition(".")
        (tree.setdefault(section, {}) if section else tree)[last] = value
    if "network.name" in wrong.changes:
        del tree["network"]["weights"]
    Path("bad.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))
    before = sorted(tmp_path.rglob("*"))

    for command in (["render", "--quiet"], ["check"]):
        code = main([*command, "bad.yaml"])

        printed = capsys.readouterr()
        assert code == wrong.code, printed.err
        assert printed.out == ""
        assert_is_one_paragraph(printed.err)
        found = re.match(rf"zoomdream: bad\.yaml, line (\d+): {re.escape(wrong.key)}(?=:? )", printed.err)
        assert found, printed.err
        line = Path("bad.yaml").read_text().splitlines()[int(found[1]) - 1]
        assert line.strip("- ").partition(":")[0] in (wrong.key.rpartition(".")[2], "weight", "source")
        if "." in wrong.key:  # `frames` is a word of the language too
            assert len(re.findall(rf"(?<![\w.]){re.escape(wrong.key)}(?![\w.]*\w)", printed.err)) == 1, printed.err
        assert all(word in printed.err for word in wrong.words), printed.err
        assert sorted(tmp_path.rglob("*")) == before


def assert_is_one_paragraph(text: str) -> None:
    assert text.startswith("zoomdream: ")
    assert "Traceback" not in text
    assert "bug" not in text
    assert len(text.strip().splitlines()) == 1
    assert len(text) < 1500
