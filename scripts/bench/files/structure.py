"""Odd files: turned, interlaced, telecined, with other streams, without an index, misnamed, changing on the way."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from bench.files import drawing
from bench.files.drawing import COLORS
from bench.files.making import COUNT, FPS, Case, encode, run, steady
from bench.files.timing import H264, SIMPLE

from zoomdream import ffmpeg

MPEG2 = ["-c:v", "mpeg2video", "-q:v", "2", "-pix_fmt", "yuv420p"]


def turned() -> Iterator[Case]:
    """Recorded by a camera that was held in another way, as the display matrix says."""
    for suffix in ("mp4", "mov", "mkv"):
        for angle in (90, 180, 270):
            yield _lying(f"turned by {angle} {suffix}", suffix, ["-display_rotation", str(angle)], -angle // 90, None)
    yield _lying("mirrored mp4", "mp4", ["-display_hflip"], 0, 2)
    yield _lying("upside down and mirrored mp4", "mp4", ["-display_vflip"], 0, 1)


def streams() -> Iterator[Case]:
    """Other streams before and beside the video, odd containers, names that lie."""
    for suffix, name in (
        ("mp4", "avi"),
        ("mkv", "mp4"),
        ("ts", "mov"),
        ("avi", "mkv"),
        ("gif", "mp4"),
        ("flv", "webm"),
        ("mp4", "gif"),
    ):
        truth = steady(colors=None) if suffix == "gif" else steady()
        yield Case(f"{suffix} that is named {name}", name, _named(suffix), truth)
    for flags in ("frag_keyframe+empty_moov", "frag_keyframe+empty_moov+negative_cts_offsets", "faststart",
                  "dash", "frag_every_frame+delay_moov"):  # fmt: skip
        yield Case(f"fragments {flags} mp4", "mp4", plain(*H264, "-bf", "2", "-g", "8", "-movflags", flags), steady())
    yield Case("live mkv, no length, no index", "mkv", _live, steady())
    yield Case("piped webm, no length, no index", "webm", _live, steady())
    yield Case("piped flv, no length", "flv", _live, steady())
    subtitle = "1\n00:00:00,000 --> 00:00:01,000\nwords\n"
    for suffix, kind in (("mkv", "srt"), ("mp4", "mov_text"), ("mov", "mov_text")):
        yield Case(
            f"subtitles first {suffix}",
            suffix,
            _beside("a.srt", subtitle, ["-map", "1", "-map", "0"], ["-c:s", kind]),
            steady(),
        )
    yield Case("attachment mkv", "mkv", _attached, steady())
    yield Case("timecode track mov", "mov", plain(*SIMPLE, "-timecode", "01:00:00:00"), steady())
    yield Case("cover picture first mp4", "mp4", _cover(first=True), steady())
    yield Case("cover picture mkv", "mkv", _cover(first=False), steady())
    for suffix in ("mp4", "mkv", "ts"):
        yield Case(f"two videos {suffix}", suffix, _two_videos, steady())
    opened = [*H264, "-bf", "3", "-x264-params", "open-gop=1:keyint=8"]
    hevc = ["-c:v", "libx265", "-pix_fmt", "yuv420p", "-x265-params", "open-gop=1:keyint=8:bframes=4:log-level=none"]
    hidden = [
        "-c:v",
        "libvpx-vp9",
        "-pix_fmt",
        "yuv420p",
        "-auto-alt-ref",
        "1",
        "-lag-in-frames",
        "16",
        "-cpu-used",
        "8",
        "-g",
        "12",
    ]
    for name, options, suffix in (
        ("open groups", opened, "mkv"), ("open groups", opened, "ts"), ("open groups HEVC", hevc, "mp4"),
        ("intra refresh", [*H264, "-x264-params", "intra-refresh=1:keyint=8"], "mp4"),
        ("hidden pictures VP9", hidden, "webm"),
    ):  # fmt: skip
        yield Case(f"{name} {suffix}", suffix, plain(*options), steady())


def changing() -> Iterator[Case]:
    """Size, format, range and codec parameters that change on the way."""
    full = ["-vf", "scale=out_range=pc", "-color_range", "pc"]
    small = (64, 96)
    jpeg = ["-c:v", "mjpeg", "-q:v", "2"]
    for name, suffix, parts in (
        ("size", "ts", ([*H264], [*H264, small])), ("size", "h264", ([*H264], [*H264, small])),
        ("size", "mjpeg", ([*jpeg], [*jpeg, small])), ("size", "m2v", (MPEG2, [*MPEG2, small])),
        ("pixel format", "h264", (H264, ["-c:v", "libx264", "-pix_fmt", "yuv444p"])),
        ("pixel format", "mjpeg", ([*jpeg, "-pix_fmt", "yuvj420p"], [*jpeg, "-pix_fmt", "yuvj444p"])),
        ("range", "h264", (H264, [*H264, *full])), ("range", "ts", (H264, [*H264, *full])),
        ("depth", "hevc", (["-c:v", "libx265", "-pix_fmt", "yuv420p", "-x265-params", "log-level=none"],
                           ["-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", "log-level=none"])),
        ("matrix", "ts", (H264, [*H264, "-vf", "scale=out_color_matrix=bt709", "-colorspace", "bt709"])),
    ):  # fmt: skip
        yield Case(f"{name} changes on the way {suffix}", suffix, _concatenated(parts), steady(late=Fraction(1, 20)))


def light() -> Iterator[Case]:
    """High dynamic range: dark pictures, which SDR can show as they are."""
    dark = [[value * 0.45 for value in color] for color in COLORS]
    for name, transfer in (("PQ", "smpte2084"), ("HLG", "arib-std-b67")):
        for suffix, codec in (("mp4", "-c:v libx265 -x265-params log-level=none"), ("mkv", "-c:v ffv1")):
            curve = f"-vf zscale=tin=bt709:pin=bt709:rin=full:t={transfer}:p=bt2020:m=bt2020nc:r=limited:npl=203"
            tags = f"-color_primaries bt2020 -color_trc {transfer} -colorspace bt2020nc -color_range tv"
            options = f"{curve} -pix_fmt yuv420p10le {codec} {tags}"

            def write(path: Path, options: str = options) -> None:
                encode(path, (drawing.frames(8) * 0.45).astype(np.uint8), *options.split())

            off = 12 if name == "PQ" else 18  # zimg shows HLG a little brighter
            truth = steady(8, colors=dark, off=off, numbers=(0,) * 8, notes=(f"HDR ({name})",))
            yield Case(f"HDR {name} {suffix}", suffix, write, truth)


def plain(*options: object) -> Callable[[Path], object]:
    """Writes steady pictures."""
    return lambda path: encode(path, drawing.frames(COUNT), *options)


def _lying(name: str, suffix: str, says: Sequence[str], turns: int, flipped: int | None) -> Case:
    """flipped: the axis along which the stored pictures are mirrored."""

    def write(path: Path) -> None:
        pictures = np.rot90(drawing.frames(COUNT), turns, (1, 2))
        stored = np.ascontiguousarray(pictures if flipped is None else np.flip(pictures, flipped))
        whole = encode(path.with_name("whole.mp4"), stored, *SIMPLE)
        run(*says, "-i", whole, "-c", "copy", path)
        whole.unlink()

    return Case(name, suffix, write, steady())


def join(path: Path, parts: Sequence[tuple[drawing.Frames, Sequence[object]]]) -> None:
    """Encode parts one after the other, their clocks going on, into one file."""
    data, begin = b"", Fraction(0)
    for number, (pictures, options) in enumerate(parts):
        part = path.with_name(f"part{number}{path.suffix}")
        offset = ["-output_ts_offset", 10 + float(begin), "-muxdelay", "0"] if path.suffix == ".ts" else []
        encode(part, pictures, *options, *offset)
        data, begin = data + part.read_bytes(), begin + len(pictures) / FPS
        part.unlink()
    path.write_bytes(data)


def _concatenated(parts: Sequence[Sequence[object]]) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        made, length = [], COUNT // len(parts)
        for number, options in enumerate(parts):
            size = next((option for option in options if isinstance(option, tuple)), drawing.SIZE)
            pictures = drawing.frames(length, size, first=number * length)
            made.append((pictures, [option for option in options if not isinstance(option, tuple)]))
        join(path, made)

    return write


def _named(suffix: str) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        true = path.with_name(f"true.{suffix}")
        encode(true, drawing.frames(COUNT), *([] if suffix == "gif" else SIMPLE))
        true.replace(path)

    return write


def _live(path: Path) -> None:
    """Written into a pipe, so that the header could not be mended at the end."""
    whole = path.with_name(f"whole{path.suffix}")
    codec = ["-c:v", "libvpx", "-b:v", "2M", "-pix_fmt", "yuv420p"] if path.suffix == ".webm" else SIMPLE
    encode(whole, drawing.frames(COUNT), *codec)
    kind = {".mkv": "matroska", ".webm": "webm", ".flv": "flv"}[path.suffix]
    command = [str(ffmpeg.executable()), "-v", "error", "-i", str(whole), "-c", "copy", "-f", kind, "pipe:1"]
    path.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
    whole.unlink()


def _beside(name: str, text: str, maps: Sequence[str], codecs: Sequence[str]) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        other = path.with_name(name)
        other.write_text(text, encoding="utf-8")
        encode(path, drawing.frames(COUNT), *maps, *SIMPLE, *codecs, before=["-i", other])
        other.unlink()

    return write


def _attached(path: Path) -> None:
    other = path.with_name("font.ttf")
    other.write_bytes(b"\x00\x01\x00\x00" * 100)
    encode(
        path, drawing.frames(COUNT), *SIMPLE, "-attach", other, "-metadata:s:t", "mimetype=application/x-truetype-font"
    )
    other.unlink()


def _cover(*, first: bool) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        cover = path.with_name("cover.png")
        encode(cover, drawing.frames(1, (64, 64), first=99), "-frames:v", "1", "-update", "1")
        if path.suffix == ".mkv":
            encode(path, drawing.frames(COUNT), *SIMPLE, "-attach", cover, "-metadata:s:t", "mimetype=image/png")
        else:
            order = ["-map", "1", "-map", "0"] if first else ["-map", "0", "-map", "1"]
            place = 0 if first else 1
            codecs = [f"-c:v:{place}", "copy", f"-c:v:{1 - place}", "libx264", "-pix_fmt", "yuv420p"]
            encode(
                path,
                drawing.frames(COUNT),
                *order,
                *codecs,
                f"-disposition:v:{place}",
                "attached_pic",
                before=["-i", cover],
            )
        cover.unlink()

    return write


def _two_videos(path: Path) -> None:
    second = path.with_name("second.mkv")
    encode(second, drawing.frames(COUNT, (64, 64), first=100), *SIMPLE)
    encode(path, drawing.frames(COUNT), "-map", "0", "-map", "1", *SIMPLE, before=["-i", second])
    second.unlink()
