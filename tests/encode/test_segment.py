from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from zoomdream import ffmpeg
from zoomdream.config import codecs
from zoomdream.encode import segment
from zoomdream.encode.join import join
from zoomdream.encode.segment import EncodeSettings, SegmentWriter, pack, raw, segment_command
from zoomdream.errors import ConfigError, OutputError
from zoomdream.ffmpeg import probe

ENDINGS = {"h264": ".mp4", "h265": ".mp4", "vp9": ".webm", "av1": ".mp4", "prores": ".mov", "ffv1": ".mkv"}


def settings(codec: str = "h264", **changes: object) -> EncodeSettings:
    plain = EncodeSettings(
        codec=codec,
        width=64,
        height=48,
        fps=Fraction(30000, 1001),
        pixel_format=codecs.resolve_pixel_format(codec, "auto"),
        program=ffmpeg.executable(),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def moving(count: int, height: int = 48, width: int = 64) -> Iterator[Tensor]:
    """Soft blobs that drift: enough motion that encoders use frames from the past and the future."""
    coarse = torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(3))
    picture = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
    for number in range(count):
        yield picture.roll((number, number // 2), (3, 2))


def segments(chosen: EncodeSettings, folder: Path, lengths: list[int]) -> list[Path]:
    pictures = moving(sum(lengths), chosen.height, chosen.width)
    paths = []
    for number, length in enumerate(lengths):
        with SegmentWriter(chosen, folder, number) as writer:
            for _ in range(length):
                writer.write(next(pictures))
            paths.append(writer.close())
    return paths


def write_all(chosen: EncodeSettings, folder: Path, pictures: Iterable[Tensor]) -> None:
    with SegmentWriter(chosen, folder, 0) as writer:
        for picture in pictures:
            writer.write(picture)
        writer.close()


def joined(chosen: EncodeSettings, folder: Path, lengths: list[int], ending: str) -> Path:
    pieces = segments(chosen, folder, lengths)
    return join(chosen, pieces, Path(f"a{ending}"), sum(lengths), origin="zoomdream 0 x\n", sound=None)


def timestamps(path: Path) -> list[Fraction]:
    """When each frame is shown, in seconds, in the order of showing."""
    command = [
        str(ffmpeg.executable()),
        *ffmpeg.QUIET,
        "-i",
        str(path),
        "-map",
        "0:v",
        "-c",
        "copy",
        "-f",
        "framecrc",
        "-",
    ]
    lines = ffmpeg.run(command, what="reading").splitlines()
    tick = next(Fraction(line.split()[-1]) for line in lines if line.startswith("#tb"))
    return sorted(int(line.split(",")[2]) * tick for line in lines if not line.startswith("#"))


def checksums(path: Path) -> list[str]:
    command = [str(ffmpeg.executable()), *ffmpeg.QUIET, "-i", str(path), "-map", "0:v", "-f", "framemd5", "-"]
    lines = ffmpeg.run(command, what="decoding").splitlines()
    return [line.split(",")[-1].strip() for line in lines if not line.startswith("#")]


def planes_of(path: Path, pixel_format: str) -> bytes:
    command = [str(ffmpeg.executable()), *ffmpeg.QUIET, "-i", str(path), "-frames:v", "1", "-f", "rawvideo"]
    return subprocess.run([*command, "-pix_fmt", pixel_format, "-"], capture_output=True, check=True).stdout


@pytest.mark.parametrize("codec", ["h264", "h265", "vp9", "av1", "prores"])
def test_pure_red_is_converted_and_tagged_as_bt709(tmp_path: Path, codec: str) -> None:
    chosen = settings(codec)
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).expand(1, 3, 48, 64)
    with SegmentWriter(chosen, tmp_path, 0) as writer:
        for _ in range(2):
            writer.write(red)
        piece = writer.close()
    finished = join(chosen, [piece], Path(f"a{ENDINGS[codec]}"), 2, origin="", sound=None)
    planes = planes_of(finished, "yuv444p")
    middle = 24 * 64 + 32
    found = [planes[middle + plane * 64 * 48] for plane in range(3)]
    assert all(abs(value - wanted) <= 1 for value, wanted in zip(found, (63, 102, 240), strict=True)), found
    assert codec not in ("h264", "h265") or found == [63, 102, 240]
    assert probe.probe(chosen.program, finished).colors == ("tv", "bt709", "bt709", "bt709")


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60), Fraction(29)])
def test_every_frame_of_a_joined_file_is_at_its_exact_time(tmp_path: Path, rate: Fraction) -> None:
    finished = joined(settings(fps=rate, preset="veryfast"), tmp_path, [30, 30, 1], ".mp4")
    assert timestamps(finished) == [number / rate for number in range(61)]
    assert probe.probe(ffmpeg.executable(), finished).fps == rate


def test_the_command_has_the_rate_as_a_fraction() -> None:
    command = segment_command(settings(), "a.mp4")
    assert command[command.index("-framerate") + 1] == "30000/1001"


@pytest.mark.parametrize("codec", ENDINGS)
def test_joining_changes_no_frame(tmp_path: Path, codec: str) -> None:
    finished = joined(settings(codec), tmp_path, [30, 3], ENDINGS[codec])
    apart = [checksum for path in sorted(tmp_path.glob("segment_*")) for checksum in checksums(path)]
    assert checksums(finished) == apart
    assert len(apart) == 33
    assert probe.probe(ffmpeg.executable(), finished).fps == Fraction(30000, 1001)


@pytest.mark.parametrize("codec", [*ENDINGS, "gif"])
def test_the_same_frames_make_the_same_bytes(tmp_path: Path, codec: str) -> None:
    contents = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        contents.append(segments(settings(codec), tmp_path / name, [8])[0].read_bytes())
    assert contents[0] == contents[1]


@pytest.mark.parametrize(
    ("codec", "pixel_format"),
    [("h264", "yuv444p"), ("vp9", "yuv420p"), ("av1", "yuv420p"), ("prores", "yuv422p10le"), ("ffv1", "bgr0")],
)
def test_odd_sizes_are_taken_where_the_codec_can(tmp_path: Path, codec: str, pixel_format: str) -> None:
    chosen = settings(codec, width=63, height=47, pixel_format=pixel_format)
    chosen.check()
    facts = probe.probe(chosen.program, joined(chosen, tmp_path, [2], ENDINGS[codec]))
    assert (facts.width, facts.height, facts.pixel_format) == (63, 47, pixel_format)


@pytest.mark.parametrize(
    ("codec", "pixel_format", "nearest"),
    [("h264", "yuv420p", "[64, 48]"), ("h265", "yuv420p10le", "[64, 48]"), ("h264", "yuv422p", "[64, 47]")],
)
def test_odd_sizes_that_do_not_fit_are_told_the_nearest_that_does(codec: str, pixel_format: str, nearest: str) -> None:
    with pytest.raises(ConfigError) as raised:
        settings(codec, width=63, height=47, pixel_format=pixel_format).check()
    assert nearest in str(raised.value)


@pytest.mark.parametrize(("codec", "pixel_format"), [("h264", "yuv420p10le"), ("h265", "yuv422p10le")])
def test_ten_bits_show_more_shades_than_eight(tmp_path: Path, codec: str, pixel_format: str) -> None:
    ramp = torch.linspace(0, 1, 1024).view(1, 1, 1, 1024).expand(1, 3, 16, 1024)
    chosen = settings(codec, width=1024, height=16, pixel_format=pixel_format, crf=0)
    with SegmentWriter(chosen, tmp_path, 0) as writer:
        writer.write(ramp)
        piece = writer.close()
    assert probe.probe(chosen.program, piece).pixel_format == pixel_format
    luma = planes_of(piece, pixel_format)[: 1024 * 2]
    assert len({luma[2 * at : 2 * at + 2] for at in range(1024)}) > 600


def test_ffv1_keeps_every_value(tmp_path: Path) -> None:
    picture = torch.randint(0, 256, (1, 3, 48, 64), generator=torch.Generator().manual_seed(1)) / 255
    with SegmentWriter(settings("ffv1"), tmp_path, 0) as writer:
        writer.write(picture)
        piece = writer.close()
    assert planes_of(piece, "rgb24") == (picture[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy().tobytes()


def test_h265_is_tagged_so_that_quicktime_plays_it(tmp_path: Path) -> None:
    assert "hvc1" in probe.read_log(ffmpeg.executable(), joined(settings("h265"), tmp_path, [3], ".mov"))


def test_an_mp4_starts_with_its_index_so_that_it_can_be_streamed(tmp_path: Path) -> None:
    data = joined(settings(), tmp_path, [3], ".mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_a_gif_keeps_its_length_and_loops(tmp_path: Path) -> None:
    finished = joined(settings("gif"), tmp_path, [30, 3], ".gif")
    assert b"NETSCAPE2.0" in finished.read_bytes()
    shown = timestamps(finished)
    assert len(shown) == 33
    assert abs(shown[-1] - 32 / Fraction(30000, 1001)) <= Fraction(1, 100)


def test_a_broken_option_is_reported_with_ffmpegs_words(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nonsense"):
        write_all(settings(preset="nonsense"), tmp_path, moving(200))
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_segment_is_noticed_when_joining(tmp_path: Path) -> None:
    pieces = segments(settings(), tmp_path, [30, 5])
    pieces[0].write_bytes(pieces[0].read_bytes()[:400])
    with pytest.raises(OutputError, match=r"Joining|joining"):
        join(settings(), pieces, Path("a.mp4"), 35, origin="", sound=None)
    assert not [path for path in tmp_path.iterdir() if "partial" in path.name]


def test_a_full_disk_is_said_plainly_and_leaves_nothing(disk: Callable[[int], Path]) -> None:
    small_disk = disk(64)
    pictures = list(moving(30, 480, 640))
    noisy = [picture + torch.rand(picture.shape) * 0.2 for picture in pictures[:6]]
    with pytest.raises(OutputError, match="disk is full"):
        write_all(settings("ffv1", width=640, height=480), small_disk, noisy)
    assert list(small_disk.iterdir()) == []


def test_leaving_a_segment_early_ends_ffmpeg_and_leaves_nothing(tmp_path: Path) -> None:
    with SegmentWriter(settings(), tmp_path, 0) as writer:
        writer.write(next(moving(1)))
        process = writer._process._process
        assert process.poll() is None
    assert process.poll() is not None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("codec", ["h264", "h265", "vp9", "av1"])
def test_a_lower_crf_is_a_larger_file(tmp_path: Path, codec: str) -> None:
    sizes = []
    for crf in (8, 40):
        (tmp_path / str(crf)).mkdir()
        sizes.append(segments(settings(codec, crf=crf), tmp_path / str(crf), [8])[0].stat().st_size)
    assert sizes[0] > 1.3 * sizes[1]


@pytest.mark.parametrize("codec", ["h264", "h265", "vp9", "av1"])
def test_threads_are_as_many_as_are_planned_and_vp9_has_no_limit_of_its_rate(codec: str) -> None:
    command = segment_command(settings(codec, threads=3), "a.mp4")
    assert command[command.index("-threads") + 1] == "3"
    own = {"h265": ":pools=3:", "av1": "lp=3", "vp9": " -b:v 0 "}.get(codec, "")
    assert own in " ".join(command)


def test_colours_change_from_pixel_to_pixel_where_the_format_keeps_them(tmp_path: Path) -> None:
    stripes = torch.zeros(1, 3, 48, 64)
    stripes[:, 0, :, ::2] = stripes[:, 2, :, 1::2] = 1
    with SegmentWriter(settings(pixel_format="yuv444p", crf=0), tmp_path, 0) as writer:
        writer.write(stripes)
        piece = writer.close()
    found = np.frombuffer(planes_of(piece, "rgb24"), np.uint8).reshape(48, 64, 3)
    assert np.abs(found / 255 - stripes[0].permute(1, 2, 0).numpy()).max() < 0.05


def test_a_picture_says_that_it_is_srgb(tmp_path: Path) -> None:
    with SegmentWriter(settings("png", still=True), tmp_path, 0) as writer:
        writer.write(torch.full((1, 3, 48, 64), 0.25))
        writer.write(torch.full((1, 3, 48, 64), 0.75))
        piece = writer.close()
    assert b"sRGB" in piece.read_bytes()
    assert planes_of(piece, "rgb24")[0] == 191, "a still is the last frame"


@pytest.mark.parametrize(("pixel_format", "kind"), [("yuv422p10le", "apch"), ("yuv444p10le", "ap4h")])
def test_prores_has_the_profile_of_its_pixel_format(tmp_path: Path, pixel_format: str, kind: str) -> None:
    (piece,) = segments(settings("prores", pixel_format=pixel_format), tmp_path, [1])
    assert kind in probe.read_log(ffmpeg.executable(), piece)


def test_segments_are_marked_as_bt709_and_know_no_version_of_a_library(tmp_path: Path) -> None:
    command = segment_command(settings("h265"), "a.mp4")
    assert [command[command.index(name) + 1] for name in ("-colorspace", "-color_primaries", "-color_trc")] == 3 * [
        "bt709"
    ]
    (piece,) = segments(settings("h265"), tmp_path, [1])
    assert "hvc1" in probe.read_log(ffmpeg.executable(), piece)
    assert b"Lavf" not in piece.read_bytes()


def test_a_segment_of_fewer_frames_than_were_given_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "count_frames", lambda *_: 2)
    with pytest.raises(OutputError, match="ffmpeg wrote 2 frames of 3"):
        segments(settings(), tmp_path, [3])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bits", [8, 16])
def test_raw_bytes_are_rows_of_rgb(bits: int) -> None:
    picture = torch.tensor([[1.0, 0.0], [0.5, 0.0], [0.0, 2.0]]).view(1, 3, 1, 2)  # two pixels; 2.0 is clipped
    top = 255 if bits == 8 else 65535
    values = np.frombuffer(raw(pack(picture, bits)), "u1" if bits == 8 else "<u2")
    assert values.tolist() == [top, round(top / 2), 0, 0, 0, top]
