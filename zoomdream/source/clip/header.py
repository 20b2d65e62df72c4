"""What a clip's header says: enough to decode it, or to say why not. Read from ffmpeg's log; there is no ffprobe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from zoomdream import ffmpeg
from zoomdream.config.fields import LARGEST_AREA, LARGEST_EDGE, SMALLEST_EDGE
from zoomdream.errors import InputError
from zoomdream.ffmpeg import probe

_PROTOCOLS = "file,crypto,data"  # a playlist may name other files, never a server

_MOST_DECODED = LARGEST_AREA + 256 * LARGEST_EDGE  # pixels: decoders count whole blocks, of at most 128 pixels


@dataclass(frozen=True, slots=True)
class Header:
    """stream: the number for -map of the video that is shown. size: (height, width) before any turn. stated_end: the
    clip's end in seconds on the container's clock, None where the file states none.
    """

    stream: int
    size: tuple[int, int]
    interlaced: bool
    stated_end: float | None
    has_sound: bool


def read_header(program: Path, path: Path) -> Header:
    """The first video stream that is not a cover picture. InputError, with the reason, where there is none."""
    log = ffmpeg.read_log(_input_options(program, path, threads=1))
    format = _format(log)
    if format == "tty":
        raise InputError(f"{path} is not a video but a text file.")
    if _is_still(format):
        raise InputError(f"{path} is a picture, not a video; set `source.kind` to `image`.")
    has_sound = probe.parse_audio(log) is not None
    streams = re.findall(r"^\s*Stream #0:(\d+)(?:\[\w+\])?(?:\([^)]*\))?: Video: (.*)$", log, re.MULTILINE)
    for number, text in streams:
        size = re.search(r",\s(\d+)x(\d+)\b", text)
        if size and not _is_cover(text):
            interlaced = re.search(r"\b(top|bottom) (coded )?first\b", text) is not None
            return Header(int(number), (int(size[2]), int(size[1])), interlaced, _seconds(log), has_sound)
    if too_large := re.search(r"Picture size (\d+)x(\d+) (?:is invalid|exceeds)", log):
        check_size(path, (int(too_large[2]), int(too_large[1])))
    if any(not _is_cover(text) for _, text in streams):
        raise InputError(f"{path} holds a video of a kind that ffmpeg cannot read: {streams[0][1].split(',')[0]}.")
    if has_sound:
        raise InputError(f"{path} holds sound but no video{', only a cover picture' if streams else ''}.")
    raise InputError(f"{path} is not a video that ffmpeg can read: {_reason(log, path)}.")


def is_picture(program: Path, path: Path) -> bool:
    """Whether ffmpeg reads a file as one still picture. A file that it cannot read is none."""
    return _is_still(_format(ffmpeg.read_log(_input_options(program, path, threads=1))))


def check_size(path: Path, size: tuple[int, int]) -> None:
    """InputError unless (height, width) is a size that can be dreamt on."""
    height, width = size
    if min(size) < SMALLEST_EDGE or max(size) > LARGEST_EDGE or height * width > LARGEST_AREA:
        raise InputError(
            f"{path} is {width}x{height}; a clip's edges must be {SMALLEST_EDGE} to {LARGEST_EDGE} pixels, and it may "
            "have at most 64 megapixels."
        )


def input_options(program: Path, path: Path, *, threads: int, seek: str | None = None) -> list[str]:
    """The command up to and with its input: times as the container counts them, nothing dropped or repeated.

    seek: seconds on the container's clock; ffmpeg begins at the key frame before it, or earlier.
    """
    seeking = ["-seek_timestamp", "1", "-noaccurate_seek", "-ss", seek] if seek is not None else []
    return _input_options(program, path, "-copyts", *seeking, threads=threads)


def _input_options(program: Path, path: Path, *more: str, threads: int) -> list[str]:
    return [
        str(program), "-hide_banner", "-nostdin", "-nostats", "-protocol_whitelist", _PROTOCOLS,
        "-max_pixels", str(_MOST_DECODED), "-threads", str(threads), *more, "-i", f"file:{path.absolute()}",
    ]  # fmt: skip


def _is_still(format: str) -> bool:
    return format.startswith("image2") or format.endswith("_pipe")


def _is_cover(stream: str) -> bool:
    return "(attached pic)" in stream or "(timed thumbnails)" in stream


def _format(log: str) -> str:
    """ffmpeg's name of the file's format, empty where it knows none."""
    found = re.search(r"^Input #0, (\S+), from", log, re.MULTILINE)
    return found[1] if found else ""


def _seconds(log: str) -> float | None:
    """The end that the file states, in seconds on its clock."""
    found = re.search(r"Duration:\s+(\d+):(\d+):([\d.]+), start: (-?[\d.]+)", log)
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) + float(found[4]) if found else None


def _reason(log: str, path: Path) -> str:
    """The first error in ffmpeg's log, without the addresses of its memory."""
    if path.stat().st_size == 0:
        return "it is empty"
    if "Permission denied" in log:
        return "permission denied"
    if "Input #0" in log:
        return "it holds no streams"
    lines = re.findall(r"^\[[^\]]* @ [^\]]*\]\s*(.*)$", log, re.MULTILINE)
    errors = [line for line in lines if "low score" not in line and not line.startswith("Error opening input")]
    return errors[0].rstrip(".") if errors else "it is of no known kind"
