from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import pytest

from tests import made_clips
from zoomdream import ffmpeg
from zoomdream.errors import InputError
from zoomdream.ffmpeg import probe

MP4 = """Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'a.mp4':
  Metadata:
    comment         : zoomdream 0.1.0 ab
                    : Video: not this line, 12x34
  Duration: 00:01:02.04, start: 0.000000, bitrate: 1163 kb/s
  Stream #0:0[0x1](und): Video: h264 (High) (avc1 / 0x31637661), yuv420p(tv, bt709, progressive), 960x540 [SAR 1:1 DAR 16:9], 29.97 fps, 29.97 tbr, 30k tbn (default)
  Stream #0:1[0x2](und): Audio: aac (LC) (mp4a / 0x6134706D), 44100 Hz, mono, fltp, 70 kb/s (default)
At least one output file must be specified
"""  # noqa: E501
COVER = """Input #0, mov,mp4, from 'a.m4a':
  Duration: N/A, bitrate: 1 kb/s
  Stream #0:0: Video: mjpeg (Baseline), yuvj420p(pc, bt470bg/unknown/unknown), 500x500, 90k tbr, 90k tbn (attached pic)
  Stream #0:1: Video: prores (HQ) (apch / 0x68637061), yuv422p10le(tv, bt709/unknown/bt709, progressive), 63x47, 23.98 fps, 24k tbn
"""  # noqa: E501
KHZ = "  Stream #0:0: Video: gif, bgra, 64x48, 1k fps, 1k tbr, 100 tbn\n"


def test_the_facts_of_an_mp4() -> None:
    facts = probe.parse(MP4)
    assert facts == probe.VideoFacts(
        codec="h264",
        pixel_format="yuv420p",
        width=960,
        height=540,
        fps=Fraction(30000, 1001),
        duration=62.04,
        colors=("tv", "bt709", "bt709", "bt709"),
        audio="aac",
    )


def test_a_cover_picture_is_not_the_video() -> None:
    facts = probe.parse(COVER)
    assert facts is not None
    assert (facts.codec, facts.width, facts.height, facts.duration) == ("prores", 63, 47, None)
    assert facts.fps == Fraction(24000, 1001)
    assert facts.colors == ("tv", "bt709", "unknown", "bt709")


def test_thousands_of_frames_per_second_are_understood() -> None:
    facts = probe.parse(KHZ)
    assert facts is not None
    assert (facts.fps, facts.pixel_format, facts.colors[0], facts.audio) == (Fraction(1000), "bgra", "unknown", None)


@pytest.mark.parametrize("log", ["", "a.mp4: Invalid data found", "  Stream #0:0: Audio: mp3, 44100 Hz"])
def test_no_video_is_none(log: str) -> None:
    assert probe.parse(log) is None


@pytest.mark.skipif(os.name == "nt", reason="a script is no program there")
def test_frames_are_counted_also_where_ffmpeg_reports_no_number_of_copied_ones(tmp_path: Path) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\n'{ffmpeg.executable()}' \"$@\" 2>&1 | grep -v ^frame= >&2\n")
    program.chmod(0o755)
    made = made_clips.encode(tmp_path / "a.mkv", made_clips.numbered(7))
    assert probe.count_frames(program, made) == 7


def test_what_is_no_video_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("not a video")
    program = ffmpeg.executable()
    with pytest.raises(InputError, match="holds no video"):
        probe.probe(program, tmp_path / "a.mp4")
    with pytest.raises(InputError, match="does not exist"):
        probe.probe(program, tmp_path / "b.mp4")
    assert probe.count_frames(program, tmp_path / "a.mp4") == 0
