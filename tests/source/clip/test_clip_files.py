from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image

from tests.made_clips import SIZE, encode, number_of, numbered, run
from zoomdream.source.clip.clip import Clip, frame_numbers, open_clip
from zoomdream.source.clip.decode import ClipReader


def shown(clip: Clip, numbers: tuple[int, ...]) -> list[int]:
    """The numbers that are to be read in the frames."""
    with ClipReader(clip, numbers, clip.size, "fill") as reader:
        return [number_of(reader.frame(index)) for index in range(len(numbers))]


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.avi", "libx264"),
        ("a.mxf", "libx264"),
        ("a.m1v", "mpeg1video"),
        ("a.m2v", "mpeg2video"),
        ("a.h264", "libx264"),
    ],
)
def test_containers_without_times_show_each_frame_as_long(tmp_path: Path, name: str, codec: str) -> None:
    path = encode(tmp_path / name, numbered(30), "-c:v", codec, "-bf", 2, "-pix_fmt", "yuv420p", "-q:v", 2)
    clip = open_clip(path)
    assert [time - clip.times[0] for time in clip.times] == [Fraction(number, 25) for number in range(30)]
    assert (clip.fps, clip.variable) == (25, False)
    assert shown(clip, frame_numbers(clip, Fraction(25), Fraction(0), None)) == list(range(30))


def test_a_part_of_a_disc_with_a_later_clock_goes_on_where_the_one_before_ended(tmp_path: Path) -> None:
    parts = []
    for number, start in enumerate((10, 7000)):
        codec = ("-c:v", "mpeg2video", "-q:v", 2, "-output_ts_offset", start)
        parts.append(encode(tmp_path / f"{number}.vob", numbered(12), *codec).read_bytes())
    path = tmp_path / "a.vob"
    path.write_bytes(b"".join(parts))
    clip = open_clip(path)
    assert (len(clip.times), clip.span) == (24, Fraction(24, 25))
    assert not any("ends early" in note for note in clip.notes)


def test_no_frame_is_lost_where_the_size_changes(tmp_path: Path) -> None:
    sizes = (SIZE, (64, 96))
    parts = [
        encode(tmp_path / f"{size[0]}.m2v", numbered(12, size), "-c:v", "mpeg2video").read_bytes() for size in sizes
    ]
    path = tmp_path / "a.m2v"
    path.write_bytes(b"".join(parts))
    assert len(open_clip(path).times) == 24


@pytest.mark.parametrize("suffix", ["gif", "mov", "mkv"])
@pytest.mark.parametrize("opaque", [True, False])
def test_a_clip_is_transparent_where_a_pixel_is(tmp_path: Path, suffix: str, opaque: bool) -> None:
    picture = Image.new("RGBA", (48, 32), (200, 60, 60, 255))
    picture.putpixel((5, 5), (0, 0, 0, 255 if opaque else 0))
    codec = {
        "gif": ("-vf", "split[a][b];[a]palettegen[p];[b][p]paletteuse"),
        "mov": ("-c:v", "qtrle", "-pix_fmt", "argb"),
        "mkv": ("-c:v", "ffv1", "-pix_fmt", "yuva444p10le"),
    }
    path = tmp_path / f"a.{suffix}"
    raw = ("-f", "rawvideo", "-pix_fmt", "rgba", "-s", "48x32", "-r", 25, "-i", "-")
    run(*raw, *codec[suffix], path, data=picture.tobytes() * 3)
    assert open_clip(path).scan.transparent != opaque


def test_an_animated_webp_is_shown_with_its_durations_and_its_transparency(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    first, *others = (Image.new("RGBA", (48, 32), (40 * number, 60, 60, 255 - 60 * number)) for number in range(4))
    first.save(path, save_all=True, append_images=others, duration=[100, 300, 100, 2000], lossless=True)
    clip = open_clip(path)
    assert (clip.fps, clip.size, clip.span, clip.scan.transparent) == (10, (32, 48), Fraction(5, 2), True)
    assert clip.times == (0, Fraction(1, 10), Fraction(4, 10), Fraction(5, 10))
    with ClipReader(clip, range(4), clip.size, "fill", keep_alpha=True) as reader:
        for number in (3, 1):
            assert abs(float(reader.frame(number)[:, 3].mean()) - (255 - 60 * number) / 255) < 0.01
