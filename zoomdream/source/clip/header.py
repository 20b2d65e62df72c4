"""What a clip's container says of itself: enough to decode it, or to say why not. There is no ffprobe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from zoomdream import ffmpeg
from zoomdream.errors import InputError
from zoomdream.ffmpeg import probe

LARGEST = 64 * 2**20
"""Pixels of the largest frame that is read: 64 megapixels, as of pictures."""

SMALLEST_EDGE, LARGEST_EDGE = 16, 16384

_PLAYLISTS = "file,crypto,data"  # a playlist may name other files, never a server


@dataclass(frozen=True, slots=True)
class Header:
    """What the container says of the stream that is shown: enough to start decoding it.

    stream is its number for -map; size is (height, width) before any turn; ends is when, on the container's clock, the
    file says that it ends, None where it does not say.
    """

    stream: int
    size: tuple[int, int]
    interlaced: bool
    ends: float | None
    has_sound: bool


def read_header(program: Path, path: Path) -> Header:
    """The first video stream that is not a cover picture. InputError, with the reason, where there is none."""
    log = ffmpeg.read_log(_reading(program, path, threads=1))
    kind = _kind(log)
    if kind == "tty":
        raise InputError(f"{path} is not a video but a text file.")
    if kind.startswith("image2") or kind.endswith("_pipe"):
        raise InputError(f"{path} is a picture, not a video; set `source.kind` to `image`.")
    has_sound = probe.parse_audio(log) is not None
    streams = re.findall(r"^\s*Stream #0:(\d+)(?:\[\w+\])?(?:\([^)]*\))?: Video: (.*)$", log, re.MULTILINE)
    for number, said in streams:
        size = re.search(r",\s(\d+)x(\d+)\b", said)
        if size and "(attached pic)" not in said and "(timed thumbnails)" not in said:
            interlaced = re.search(r"\b(top|bottom) (coded )?first\b", said) is not None
            return Header(int(number), (int(size[2]), int(size[1])), interlaced, _seconds(log), has_sound)
    if too_large := re.search(r"Picture size (\d+)x(\d+) (?:is invalid|exceeds)", log):
        check_size(path, (int(too_large[2]), int(too_large[1])))
    covers = all("(attached pic)" in said or "(timed thumbnails)" in said for _, said in streams)
    if streams and not covers:
        raise InputError(f"{path} holds a video of a kind that ffmpeg cannot read: {streams[0][1].split(',')[0]}.")
    if has_sound:
        raise InputError(f"{path} holds sound but no video{', only a cover picture' if streams else ''}.")
    raise InputError(f"{path} is not a video that ffmpeg can read: {_reason(log, path)}.")


def is_picture(program: Path, path: Path) -> bool:
    """Whether a file is one still picture, as ffmpeg sees it. A file that cannot be read is none."""
    kind = _kind(ffmpeg.read_log(_reading(program, path, threads=1)))
    return kind.startswith("image2") or kind.endswith("_pipe")


def check_size(path: Path, size: tuple[int, int]) -> None:
    """InputError unless (height, width) is a size that can be dreamt on."""
    height, width = size
    if min(size) < SMALLEST_EDGE or max(size) > LARGEST_EDGE or height * width > LARGEST:
        raise InputError(
            f"{path} is {width}x{height}; a clip's edges must be {SMALLEST_EDGE} to {LARGEST_EDGE} pixels, and it may "
            "have at most 64 megapixels."
        )


def input_options(program: Path, path: Path, *, threads: int, seek: str | None = None) -> list[str]:
    """The command up to and with its input: times as the container counts them, nothing dropped or repeated.

    seek, in seconds on the container's clock: begin at or before the key frame that precedes it.
    """
    options = _reading(program, path, threads=threads)
    before = ["-copyts", *(["-seek_timestamp", "1", "-noaccurate_seek", "-ss", seek] if seek is not None else [])]
    place = options.index("-i")
    return [*options[:place], *before, *options[place:]]


def _reading(program: Path, path: Path, *, threads: int) -> list[str]:
    return [
        str(program), "-hide_banner", "-nostdin", "-nostats", "-protocol_whitelist", _PLAYLISTS,
        "-max_pixels", str(LARGEST), "-threads", str(threads), "-i", f"file:{path.absolute()}",
    ]  # fmt: skip


def _kind(log: str) -> str:
    """What ffmpeg calls the file's format, empty where it knows none."""
    found = re.search(r"^Input #0, (\S+), from", log, re.MULTILINE)
    return found[1] if found else ""


def _seconds(log: str) -> float | None:
    """How long the file says it is, from the beginning of its clock."""
    found = re.search(r"Duration:\s+(\d+):(\d+):([\d.]+), start: (-?[\d.]+)", log)
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) + float(found[4]) if found else None


def _reason(log: str, path: Path) -> str:
    """What ffmpeg says first that is wrong, without the addresses in its memory."""
    if path.stat().st_size == 0:
        return "it is empty"
    if "Permission denied" in log:
        return "permission denied"
    if "Input #0" in log:
        return "it holds no streams"
    said = re.findall(r"^\[[^\]]* @ [^\]]*\]\s*(.*)$", log, re.MULTILINE)
    wrong = [line for line in said if "low score" not in line and not line.startswith("Error opening input")]
    return wrong[0].rstrip(".") if wrong else "it is of no known kind"
