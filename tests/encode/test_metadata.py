from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
import torch

from zoomdream import ffmpeg
from zoomdream.encode import metadata
from zoomdream.encode.join import join
from zoomdream.encode.segment import EncodeSettings, SegmentWriter
from zoomdream.errors import InputError
from zoomdream.version import __version__

AWKWARD = """output: a.mp4
# comment; with = and \\ and \\\\ and 'quotes' "double"

objective:
  - layer: mixed4c   \n  - ünï → 梦
text: "[STREAM]"
[not a section]
;nor a comment
"""


def video(folder: Path, origin: str, ending: str = ".mp4", codec: str = "h264") -> Path:
    chosen = EncodeSettings(codec, 64, 48, Fraction(30), "yuv420p", ffmpeg.executable())
    with SegmentWriter(chosen, folder, 0) as writer:
        writer.write(torch.full((1, 3, 48, 64), 0.5))
        piece = writer.close()
    return join(chosen, [piece], Path(f"a{ending}"), 1, origin=origin, sound=None)


@pytest.mark.parametrize(("ending", "codec"), [(".mp4", "h264"), (".mov", "h264"), (".mkv", "h264"), (".webm", "vp9")])
def test_the_config_comes_back_exactly(tmp_path: Path, ending: str, codec: str) -> None:
    path = video(tmp_path, metadata.write_origin("f" * 64, AWKWARD), ending, codec)
    assert metadata.read_metadata(ffmpeg.executable(), path).config == AWKWARD
    assert metadata.read_origin(ffmpeg.executable(), path) == metadata.Origin(__version__, "f" * 64, AWKWARD)


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv"])
def test_a_long_config_comes_back_whole(tmp_path: Path, ending: str) -> None:
    long = "".join(f"  - {number}s: {number / 7}\n" for number in range(20000))
    path = video(tmp_path, metadata.write_origin("f", long), ending)
    assert metadata.read_metadata(ffmpeg.executable(), path).config == long


@pytest.mark.parametrize("stored", ["", '# made with {"device": "cpu"}\n'])
def test_a_video_without_config_says_so(tmp_path: Path, stored: str) -> None:
    path = video(tmp_path, metadata.write_origin("f" * 64, stored))
    with pytest.raises(InputError, match="metadata: false"):
        metadata.read_metadata(ffmpeg.executable(), path)
    found = metadata.read_origin(ffmpeg.executable(), path)
    assert found is not None
    assert found.fingerprint == "f" * 64


def test_a_video_of_another_program_says_so(tmp_path: Path) -> None:
    path = video(tmp_path, "made by hand")
    assert metadata.read_origin(ffmpeg.executable(), path) is None
    with pytest.raises(InputError, match="not made by zoomdream"):
        metadata.read_metadata(ffmpeg.executable(), path)
    (tmp_path / "text.mp4").write_text("hello")
    assert metadata.read_origin(ffmpeg.executable(), tmp_path / "text.mp4") is None
    with pytest.raises(InputError, match="does not exist"):
        metadata.read_origin(ffmpeg.executable(), tmp_path / "none.mp4")


def test_tags_of_streams_and_chapters_are_none_of_the_files() -> None:
    assert metadata.parse_tags(";FFMETADATA1\nComment=ours\n[STREAM]\ncomment=theirs\n") == {"comment": "ours"}


def test_tags_survive_their_own_format() -> None:
    tags = {"comment": AWKWARD, "odd=key;": "x"}
    assert metadata.parse_tags(metadata.format_tags(tags)) == tags


@pytest.mark.parametrize(
    ("output", "beside"),
    [
        ("a.gif", "a.gif.yaml"),
        ("b/a.webp", "b/a.webp.yaml"),
        ("frames/%05d.png", "frames.yaml"),
        ("a.mp4", None),
        ("9%.gif", "9%.gif.yaml"),
    ],
)
def test_formats_without_metadata_have_a_file_beside_them(output: str, beside: str | None) -> None:
    assert metadata.sidecar(Path(output)) == (Path(beside) if beside else None)
