from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from tests.made_clips import encode, number_of, numbered, run
from zoomdream.errors import InputError
from zoomdream.source.clip.clip import frame_numbers, open_clip
from zoomdream.source.clip.decode import AHEAD, ClipReader
from zoomdream.source.clip.picture import scaled_size

WAYS = {
    "b_frames.mp4": ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", 25, "-bf", 3),
    "b_frames.mkv": ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", 25, "-bf", 3),
    "b_frames.ts": ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", 25, "-bf", 3),
    "raw.h264": ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", 25, "-bf", 3),
    "open_groups.mp4": ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", 20, "-x264opts", "open-gop=1:bframes=3"),
    "refresh.mp4": ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", 20, "-x264opts", "intra-refresh=1"),
    "one_key.mp4": ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", 999),
    "open_hevc.mp4": (
        "-c:v", "libx265", "-pix_fmt", "yuv420p", "-x265-params", "log-level=error:open-gop=1:keyint=20:bframes=4",
    ),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", 8, "-g", 30),
    "mpeg2.mpg": ("-c:v", "mpeg2video", "-pix_fmt", "yuv420p", "-g", 12, "-bf", 2, "-q:v", 2),
    "animation.gif": ("-c:v", "gif"),
}  # fmt: skip


@pytest.mark.parametrize("name", WAYS)
def test_a_jump_gives_the_very_pixels_of_reading_from_the_beginning(tmp_path: Path, name: str) -> None:
    clip = open_clip(encode(tmp_path / name, numbered(120), *WAYS[name]))
    assert len(clip.times) == 120
    with ClipReader(clip, range(120), clip.size, "fill") as reader:
        pictures = [reader.frame(index).clone() for index in range(120)]
    if name != "animation.gif":  # 256 colors
        assert [number_of(picture) for picture in pictures] == list(range(120))
    with ClipReader(clip, range(120), clip.size, "fill") as reader:
        for index in (119, 60, 61, 40, 39, 100, 101, 41, 0, 77, 20, 21):
            assert torch.equal(reader.frame(index), pictures[index]), index


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return encode(tmp_path / "plain.mp4", numbered(60), *WAYS["b_frames.mp4"])


def test_a_picture_is_what_the_rest_counts_on(plain: Path) -> None:
    clip = open_clip(plain)
    with ClipReader(clip, (0,), (96, 128), "fill") as reader:
        picture = reader.frame(0)
        assert (picture.shape, picture.dtype) == ((1, 3, 96, 128), torch.float32)
        assert picture.is_contiguous()
        assert 0 <= picture.min() < picture.max() <= 1


def test_frames_may_be_repeated_and_left_out(plain: Path) -> None:
    clip = open_clip(plain)
    wanted = (0, 0, 0, 5, 6, 6, 30, 59, 59, 2)
    with ClipReader(clip, wanted, clip.size, "fill") as reader:
        assert [number_of(reader.frame(index)) for index in range(len(wanted))] == list(wanted)


def test_only_a_few_frames_wait_in_memory_and_nothing_stays_behind(plain: Path) -> None:
    clip = open_clip(plain)
    before = threading.active_count()
    reader = ClipReader(clip, range(60), (480, 640), "fill")
    reader.frame(0)
    stream = reader._stream
    assert stream is not None
    threading.Event().wait(0.5)
    assert stream._pictures._queue.qsize() <= AHEAD
    reader.close()
    reader.close()
    assert threading.active_count() == before
    assert number_of(reader.frame(40)[..., ::10, ::10]) == 40  # it may go on
    reader.close()


def test_a_clip_that_was_exchanged_is_not_read_on(plain: Path) -> None:
    clip = open_clip(plain)
    encode(plain, numbered(60)[::-1], *WAYS["b_frames.mp4"])
    with ClipReader(clip, range(60), clip.size, "fill") as reader, pytest.raises(InputError, match="frame 10"):
        reader.frame(10)


def test_a_clip_that_was_cut_short_since_says_where_it_ends(plain: Path) -> None:
    clip = open_clip(plain)
    encode(plain, numbered(30), *WAYS["b_frames.mp4"])
    with ClipReader(clip, range(60), clip.size, "fill") as reader, pytest.raises(InputError, match="frame 50"):
        reader.frame(50)
    plain.unlink()
    with ClipReader(clip, range(60), clip.size, "fill") as reader, pytest.raises(InputError, match="does not exist"):
        reader.frame(0)


@pytest.mark.parametrize(
    ("shown", "size", "fit", "expected"),
    [
        ((540, 960), (360, 640), "fill", (360, 640)),
        ((540, 960), (360, 360), "fill", (360, 640)),
        ((960, 540), (360, 640), "fill", (1138, 640)),
        ((540, 960), (300, 100), "fit", (56, 100)),
        ((960, 540), (360, 640), "fit", (360, 202)),
        ((540, 960), (300, 100), "stretch", (300, 100)),
    ],
)
def test_fitting_keeps_the_shape_unless_it_stretches(
    shown: tuple[int, int], size: tuple[int, int], fit: str, expected: tuple[int, int]
) -> None:
    assert scaled_size(shown, size, fit) == expected  # type: ignore[arg-type]


def test_fill_crops_the_middle_fit_adds_black_and_stretch_distorts(tmp_path: Path) -> None:
    run("-f", "lavfi", "-i", "color=white:s=64x64:d=0.2", "-vf", "drawbox=16:0:32:64:red:fill", "-c:v", "ffv1",
        "-pix_fmt", "bgr0", tmp_path / "a.mkv")  # fmt: skip
    clip = open_clip(tmp_path / "a.mkv")

    def row(fit: str) -> list[float]:
        with ClipReader(clip, (0,), (32, 64), fit) as reader:  # type: ignore[arg-type]
            return [round(float(value), 2) for value in reader.frame(0)[0, 1, 16, 2::15]]  # 2 17 32 47 62

    assert row("fill") == [1, 0, 0, 0, 1]
    assert row("stretch") == [1, 0, 0, 0, 1]
    with ClipReader(clip, (0,), (32, 64), "fill") as reader:
        assert reader.frame(0)[0, 1, 2, 32] == 0  # it reaches the upper edge in all three
    with ClipReader(clip, (0,), (32, 64), "fit") as reader:
        picture = reader.frame(0)[0]
        assert picture[:, 16, :15].max() == 0
        assert picture[:, 16, 49:].max() == 0
        assert torch.allclose(picture[:, 16, 18], torch.ones(3), atol=0.02)
        assert torch.allclose(picture[:, 16, 32], torch.tensor([1.0, 0, 0]), atol=0.02)


def test_odd_sizes_are_read_whole(tmp_path: Path) -> None:
    odd = encode(tmp_path / "a.mkv", numbered(3, (47, 61)), "-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p")
    clip = open_clip(odd)
    assert clip.size == (47, 61)
    with ClipReader(clip, (1,), (47, 61), "fill") as reader:
        truth = torch.from_numpy(numbered(3, (47, 61))[1]).permute(2, 0, 1) / 255
        for edge in (slice(0, 2), slice(-2, None)):
            assert (reader.frame(0)[0].mean(0) - truth.mean(0))[edge].abs().mean() < 0.04
            assert (reader.frame(0)[0].mean(0) - truth.mean(0))[:, edge].abs().mean() < 0.04


def test_a_part_at_another_rate_is_sampled(plain: Path) -> None:
    clip = open_clip(plain)
    numbers = frame_numbers(clip, Fraction(10), Fraction(1), Fraction(2))
    with ClipReader(clip, numbers, clip.size, "fill") as reader:
        assert [number_of(reader.frame(index)) for index in range(10)] == [25, 27, 30, 32, 35, 37, 40, 42, 45, 47]
