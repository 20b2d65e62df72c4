"""Which ffmpeg: one that is not there, is no ffmpeg or too old is told with who chose it and what to do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from zoomdream import ffmpeg
from zoomdream.errors import OutputError

UNIX = pytest.mark.skipif(sys.platform == "win32", reason="a shell script plays ffmpeg")


def program(folder: Path, first: str, libavutil: str = "") -> Path:
    """A program called ffmpeg that says this of itself."""
    made = folder / "ffmpeg"
    made.write_text(f"#!/bin/sh\necho '{first} Copyright (c)'\necho 'libavutil      {libavutil} / {libavutil}'\n")
    made.chmod(0o755)
    return made


def told(which: str) -> str:
    with pytest.raises(OutputError) as caught:
        ffmpeg.executable(which)
    assert caught.value.key == "encode.ffmpeg"
    return str(caught.value)


@UNIX
@pytest.mark.parametrize(
    ("first", "libavutil"),
    [
        ("ffmpeg version 4.4.2-0ubuntu0.22.04.1", "56. 70.100"),
        ("ffmpeg version 4.4.2-0ubuntu0.22.04.1", ""),
        ("ffmpeg version n5.0.1", "57. 17.100"),
        ("ffmpeg version N-103411-ga1b2c3", "57.  7.100"),
        ("ffmpeg version 2021-11-10-git-44c65c6cc1-full_build", "57.  9.100"),
    ],
)
def test_one_that_is_too_old_is_told_with_its_version(tmp_path, monkeypatch, first, libavutil):
    old = program(tmp_path, first, libavutil)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(old))
    version = first.split()[2]
    found = f"IMAGEIO_FFMPEG_EXE chooses {old}, which is too old (version {version}). Unset it"
    assert found in told("bundled")
    assert "5.1 or newer" in told("bundled")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert f"the ffmpeg on PATH, {old}, is too old (version {version})" in told("path")
    assert "encode.ffmpeg: bundled" in told("path")


@UNIX
@pytest.mark.parametrize(
    ("first", "libavutil"),
    [
        ("ffmpeg version 5.1.6-0+deb12u1", "57. 28.100"),
        ("ffmpeg version n7.1", ""),
        ("ffmpeg version 12.0", ""),
        ("ffmpeg version N-107500-gab", "57. 30.100"),
        ("ffmpeg version mine", ""),
    ],
)
def test_one_that_is_new_enough_is_taken(tmp_path, monkeypatch, first, libavutil):
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program(tmp_path, first, libavutil)))
    assert ffmpeg.executable("bundled") == tmp_path / "ffmpeg"
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "ffmpeg")  # as some guides have it
    assert ffmpeg.executable("bundled") == tmp_path / "ffmpeg"


@UNIX
def test_what_is_no_ffmpeg_is_told_with_the_variable(tmp_path, monkeypatch):
    for names, reason in {
        str(tmp_path / "none"): "does not exist",
        str(tmp_path): "does not start (Permission denied)",
        "/bin/echo": "is no ffmpeg",
        "/bin/false": "is no ffmpeg",
    }.items():
        monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", names)
        assert f"IMAGEIO_FFMPEG_EXE chooses {names}, which {reason}" in told("bundled")
