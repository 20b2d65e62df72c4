"""What is not as it should be: refused with the reason, or rendered as far as it goes, and the loss is said."""

from __future__ import annotations

import os
import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.made_clips import encode, number_of, numbered, run
from zoomdream.errors import InputError
from zoomdream.source.clip.clip import frame_numbers, open_clip
from zoomdream.source.clip.decode import ClipReader
from zoomdream.source.clip.header import read_header
from zoomdream.source.clip.scan import scan_clip
from zoomdream.source.clip.times import find_rate, monotonic_times

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", 10, "-bf", 2, "-x264opts", "bframes=2")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the same hundred numbered frames as whole.mp4, whole.mkv and whole.ts."""
    folder = tmp_path_factory.mktemp("whole")
    encode(folder / "whole.mp4", numbered(100), *X264, "-movflags", "+faststart")
    for name in ("whole.mkv", "whole.ts"):
        # Else Matroska's identifiers are random, and each run hurts another file.
        run("-i", folder / "whole.mp4", "-c", "copy", "-fflags", "+bitexact", folder / name)
    return folder


def hurt(source: Path, target: Path, begin: float, end: float, *, seed: int | None = None) -> Path:
    """Overwrite a part of a file, from one share of its length to another, with zeros or with noise."""
    data = bytearray(source.read_bytes())
    first, last = int(len(data) * begin), int(len(data) * end)
    noise = np.random.default_rng(seed).bytes(last - first) if seed is not None else bytes(last - first)
    data[first:last] = noise
    target.write_bytes(data)
    return target


@pytest.mark.parametrize("name", ["whole.mp4", "whole.mkv", "whole.ts"])
def test_of_a_truncated_file_what_is_there_is_shown_and_the_loss_said(whole: Path, tmp_path: Path, name: str) -> None:
    data = (whole / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) * 6 // 10])
    clip = open_clip(tmp_path / name)
    assert 45 <= len(clip.times) <= 75
    assert clip.fps == 25
    if name != "whole.ts":  # in which nothing says how long it was
        assert any("ends early" in note and "4.0" in note for note in clip.notes)
    with ClipReader(clip, frame_numbers(clip, clip.fps, Fraction(0), None), clip.size, "fill") as reader:
        assert [number_of(reader.frame(index)) for index in (0, 7, len(reader) - 8)] == [0, 7, len(reader) - 8]
        reader.frame(len(reader) - 1)


@pytest.mark.parametrize("seed", [None, 1])
@pytest.mark.parametrize("name", ["whole.mp4", "whole.mkv", "whole.ts"])
def test_a_clip_broken_in_the_middle_keeps_its_time(whole: Path, tmp_path: Path, name: str, seed: int | None) -> None:
    clip = open_clip(hurt(whole / name, tmp_path / name, 0.4, 0.5, seed=seed))
    assert clip.fps == 25
    assert abs(clip.span - 4) < Fraction(1, 4)
    assert any("damage" in note or "no frame from 1." in note for note in clip.notes)
    numbers = frame_numbers(clip, clip.fps, Fraction(0), None)
    with ClipReader(clip, numbers, clip.size, "fill") as reader:
        pictures = [reader.frame(index).clone() for index in range(len(numbers))]
        assert number_of(pictures[95]) == 95  # after the hole everything is where it was
        assert number_of(pictures[5]) == 5
        for index in (80, 20, len(numbers) - 1, 45):  # also pixels that ffmpeg made up are the same again
            assert torch.equal(reader.frame(index), pictures[index])


@pytest.mark.parametrize("name", ["whole.mp4", "whole.ts"])
def test_every_run_finds_the_same_damage(whole: Path, tmp_path: Path, name: str) -> None:
    path = hurt(whole / name, tmp_path / name, 0.4, 0.5, seed=1)
    header = read_header(path)
    first, *others = [scan_clip(path, header, lambda _: None) for _ in range(6)]
    assert first.damaged
    assert all((other.errors, other.checksums) == (first.errors, first.checksums) for other in others)


def tiny_gif(width: int, height: int) -> bytes:
    """A GIF that says it is so large, with a picture of one pixel in it."""
    screen = b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + b"\0\0\0\xff\xff\xff"
    return screen + b"\x2c" + struct.pack("<HHHH", 0, 0, 1, 1) + b"\0" + b"\x02\x02\x44\x01\0;"


def rejected(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        open_clip(path)
    assert caught.value.exit_code == 3
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_what_is_no_clip_is_refused_with_the_reason(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").write_bytes(b"")
    assert "it is empty" in rejected(tmp_path / "empty.mp4")
    (tmp_path / "text.mp4").write_text("hello")
    assert "it is a text file" in rejected(tmp_path / "text.mp4")
    (tmp_path / "notes.txt").write_text("hello, these are my notes\n" * 20)
    assert "it is a text file" in rejected(tmp_path / "notes.txt")
    run("-f", "lavfi", "-i", "color=s=64x64", "-frames:v", 1, tmp_path / "still.png")
    assert "is a picture" in rejected(tmp_path / "still.png")
    run("-f", "lavfi", "-i", "sine=d=1", tmp_path / "sound.m4a")
    assert "holds sound but no video" in rejected(tmp_path / "sound.m4a")
    cover = ("-map", 0, "-map", 1, "-c", "copy", "-disposition:v", "attached_pic", tmp_path / "cover.m4a")
    run("-i", tmp_path / "sound.m4a", "-i", tmp_path / "still.png", *cover)
    assert "only a cover picture" in rejected(tmp_path / "cover.m4a")
    run("-i", whole / "whole.mp4", "-c", "copy", tmp_path / "late_index.mp4")
    data = (tmp_path / "late_index.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    assert "moov atom not found" in rejected(tmp_path / "cut.mp4")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.mp4")
        assert "not a regular file" in rejected(tmp_path / "pipe.mp4")


def test_a_video_without_frames_is_refused(whole: Path, tmp_path: Path) -> None:
    broken = hurt(whole / "whole.mp4", tmp_path / "a.mp4", 0.25, 1.0)
    data = bytearray(broken.read_bytes())
    media = data.index(b"mdat")
    data[media + 4 :] = bytes(len(data) - media - 4)
    broken.write_bytes(data)
    assert "without a single frame" in rejected(broken)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (15, 64), (64, 15)])
def test_what_is_too_small_is_refused_with_its_size(tmp_path: Path, width: int, height: int) -> None:
    encode(tmp_path / "a.mkv", np.zeros((3, height, width, 3), np.uint8))
    assert f"{width}x{height}; a clip's edges must be 16 to 16384" in rejected(tmp_path / "a.mkv")


def test_what_is_too_large_is_refused_with_its_size_before_it_fills_the_memory(tmp_path: Path) -> None:
    (tmp_path / "a.gif").write_bytes(tiny_gif(20000, 20000))
    assert "20000x20000; a clip's edges" in rejected(tmp_path / "a.gif")
    (tmp_path / "b.gif").write_bytes(tiny_gif(12000, 12000))
    assert "12000x12000" in rejected(tmp_path / "b.gif")
    run("-f", "lavfi", "-i", "color=s=16x16:d=0.2", "-c:v", "rawvideo", "-pix_fmt", "bgr24", tmp_path / "a.avi")
    data = (tmp_path / "a.avi").read_bytes()
    for height in (16, -16):  # counted from the top
        data = data.replace(struct.pack("<ii", 16, height), struct.pack("<ii", 20000, 20000))
    (tmp_path / "a.avi").write_bytes(data)
    assert "without a single frame" in rejected(tmp_path / "a.avi")


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("gif", ()), ("ts", ("-c:v", "mpeg2video", "-g", 4)), ("avi", ("-c:v", "mjpeg")), ("mkv", ("-c:v", "mjpeg"))],
)
def test_a_loss_at_the_end_is_told_also_where_the_sound_is_as_long(
    tmp_path: Path, suffix: str, codec: tuple[object, ...]
) -> None:
    sound = ("-f", "lavfi", "-i", "sine=duration=2") if suffix in ("avi", "mkv") else ()
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "64x48", "-r", 25, "-i", "-")
    run(*raw, *sound, *codec, tmp_path / f"a.{suffix}", data=numbered(50).tobytes())
    path = tmp_path / f"cut.{suffix}"
    data = (tmp_path / f"a.{suffix}").read_bytes()
    path.write_bytes(data[: len(data) * 3 // 5 // 188 * 188 + 5])
    assert any("cut off" in note or "ends early" in note for note in open_clip(path).notes)
    assert not any("cut off" in note or "ends early" in note for note in open_clip(tmp_path / f"a.{suffix}").notes)


def test_times_that_are_missing_or_jump_back_are_mended() -> None:
    missing, tick = -(2**62), Fraction(1, 100)
    times = monotonic_times([10, 14, missing, 22, 18, 26], missing, tick, Fraction(25))
    assert times == tuple(Fraction(ticks, 100) for ticks in (10, 14, 18, 22, 22, 26))
    times = monotonic_times([10, 14, 22, 18, 26], missing, tick, Fraction(25))
    assert times == tuple(Fraction(ticks, 100) for ticks in (10, 14, 18, 22, 26))


def test_a_single_frame_and_frames_at_one_time_have_a_rate() -> None:
    assert find_rate([Fraction(3)], Fraction(1, 10), [Fraction(25)]).rate == 10
    assert find_rate([Fraction(3)], Fraction(0), [Fraction(25)]).rate == 25
    assert find_rate([Fraction(3)], Fraction(0), []).rate == 25
    assert find_rate([Fraction(3)] * 4, Fraction(0), [Fraction(30)]).steady
