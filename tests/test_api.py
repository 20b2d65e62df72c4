"""Configs together with their clips: what `zoomdream.load_config` finds out about a real one."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from PIL import Image

import zoomdream
from zoomdream import api, ffmpeg
from zoomdream.config import VideoSource
from zoomdream.errors import ConfigError, InputError


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 frames of 65x48 at 29.97 frames per second."""
    path = tmp_path_factory.mktemp("clip") / "a.mkv"
    picture = "testsrc=size=65x48:rate=30000/1001"
    command = [str(ffmpeg.executable()), "-v", "error", "-f", "lavfi", "-i", picture, "-frames:v", "30"]
    ffmpeg.run([*command, "-c:v", "ffv1", str(path)], what="making a clip")
    return path


def test_a_clip_decides_about_what_is_left_out(clip: Path) -> None:
    config = zoomdream.load_config({"source": {"kind": "video", "path": str(clip)}})
    assert config.size == (64, 48)
    assert config.fps == Fraction(30000, 1001)
    assert config.frames == 30
    assert config.source == VideoSource(kind="video", path=clip)
    assert api.load_config_text(config.to_yaml()) == config


def test_the_length_of_a_clip_counts_from_its_first_frame(clip: Path, tmp_path: Path) -> None:
    late = tmp_path / "late.mkv"
    command = [str(ffmpeg.executable()), "-v", "error", "-i", str(clip), "-c", "copy", "-output_ts_offset", "3"]
    ffmpeg.run([*command, str(late)], what="moving a clip")
    assert api.clip_facts(late) == api.clip_facts(clip)
    heard: list[int] = []
    zoomdream.load_config({}, ["source.kind=video", f"source.path={late}", "source.end=1s"], looking=heard.append)
    assert heard == []  # it has been looked at before


def test_a_part_of_a_clip_has_the_frames_that_begin_in_it(clip: Path) -> None:
    tree = {"kind": "video", "path": str(clip), "start": "7f", "end": "12f"}
    config = zoomdream.load_config({"source": tree}, ["flow.cuts=[9f]"])
    assert isinstance(config.source, VideoSource)
    assert (config.source.start, config.source.end) == (Fraction(7007, 30000), Fraction(12012, 30000))
    assert config.frames == 5
    assert config.flow.cuts == (Fraction(9009, 30000),)
    assert api.load_config_text(config.to_yaml()) == config


def test_a_file_a_text_and_a_mapping_say_the_same(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"source: {{kind: video, path: {clip.name}, end: 0.5s}}\noutput: b.mp4\n"
    (clip.parent / "b.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    from_file = zoomdream.load_config(clip.parent / "b.yaml")
    assert from_file == api.load_config_text(text, folder=clip.parent)
    monkeypatch.chdir(clip.parent)
    tree = {"source": {"kind": "video", "path": clip.name, "end": 0.5}}
    assert from_file == zoomdream.load_config(tree, output="b.mp4")
    with pytest.raises(ConfigError, match=r"frames asks for 16 frames"):
        zoomdream.load_config("b.yaml", ["frames=16"])


def test_a_clip_that_is_missing_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("source:\n  kind: video\n  path: none.mp4\n")
    with pytest.raises(InputError, match=r"a\.yaml, line 3: source\.path: .*none\.mp4"):
        zoomdream.load_config(tmp_path / "a.yaml")


def test_a_config_without_a_clip_needs_no_torch() -> None:
    code = "import sys, zoomdream; zoomdream.load_config({}); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent.parent, check=False).returncode == 0


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_picture_of_no_numbers_is_not_dreamt_on(value: str) -> None:
    picture = torch.full((3, 32, 32), 0.5)
    picture[1, 5, 7] = float(value)
    with pytest.raises(InputError, match="NaN or infinite"):
        zoomdream.dream(picture, times=1)


@pytest.mark.parametrize(
    ("picture", "film"),
    [((300, 200), (300, 200)), ((301, 201), (300, 200)), ((6000, 4000), (880, 586)), ((12, 400), (960, 540))],
)
def test_a_picture_gives_its_size_or_shape_to_a_film_that_says_none(
    tmp_path: Path, picture: tuple[int, int], film: tuple[int, int]
) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", picture).save(path)
    source = {"kind": "image", "path": str(path)}
    assert zoomdream.load_config({"source": source}).size == film
    assert zoomdream.load_config({"source": source, "size": [64, 48]}).size == (64, 48)


def test_a_missing_picture_is_told_with_its_key() -> None:
    with pytest.raises(InputError, match=r"source\.path: .*none\.jpg"):
        zoomdream.load_config({"source": {"kind": "image", "path": "none.jpg"}})
