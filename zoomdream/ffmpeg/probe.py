"""What a video file says about itself. There is no ffprobe, so this reads what ffmpeg prints: text → facts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from zoomdream import ffmpeg
from zoomdream.errors import InputError, require_file

_RATES = {Fraction(f"{rate}"): Fraction(round(rate) * 1000, 1001) for rate in (23.98, 29.97, 47.95, 59.94, 119.88)}
# ffmpeg prints two decimals, and three for 23.976; these are the exact rates behind what it prints.


_PATTERNED = (".webp", ".png", ".gif", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
"""Pictures, in the names of which ffmpeg takes % * ? [ ] { } for patterns. They need no seeking, so a pipe will do."""


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """The first video stream that is not a cover picture. Sizes in pixels; duration in seconds, None if unknown.

    fps as printed, with the broadcast rates (29.97) made exact (30000/1001). colors: (range, matrix, primaries,
    transfer).
    """

    codec: str
    pixel_format: str
    width: int
    height: int
    fps: Fraction | None
    duration: float | None
    colors: tuple[str, str, str, str]
    audio: str | None


def probe(program: Path, path: Path) -> VideoFacts:
    """Read a video's facts. InputError if the file is missing or holds no video."""
    facts = parse(read_log(program, path))
    if facts is None:
        raise InputError(f"{path} holds no video that ffmpeg can read.")
    return facts


def read_log(program: Path, path: Path) -> str:
    """What `ffmpeg -i` prints about a file. InputError if there is no such file."""
    require_file(path, "a file")
    if path.suffix.lower() not in _PATTERNED or not set("%*?[]{}") & set(str(path.absolute())):
        return ffmpeg.read_log([str(program), "-hide_banner", "-nostdin", "-i", f"file:{path.absolute()}"])
    with path.open("rb") as file:
        return ffmpeg.read_log([str(program), "-hide_banner", "-i", "pipe:0"], file)


def count_frames(program: Path, path: Path) -> int:
    """How many pictures the first video stream holds, by reading all of it. 0 if it cannot be read."""
    # One line for each: in its progress report ffmpeg 7.0 counts no frames that are copied.
    command = [
        str(program), "-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-i", f"file:{path.absolute()}",
        "-map", "0:v:0", "-c", "copy", "-f", "framecrc", "pipe:2",
    ]  # fmt: skip
    return len(re.findall(r"^0,(?:\s+-?\d+,){4}", ffmpeg.read_log(command), re.MULTILINE))


def parse(log: str) -> VideoFacts | None:
    """The facts in what `ffmpeg -i FILE` prints; None if there is no video stream."""
    lines = re.findall(r"^\s*Stream #.*?: Video: .*$", log, re.MULTILINE)
    line = next((line for line in lines if "(attached pic)" not in line), None)
    size = line and re.search(r",\s(\d+)x(\d+)\b", line)
    if not line or not size:
        return None
    codec, rest = re.search(r"Video:\s+(\w+)(.*)", line).groups()  # type: ignore[union-attr]
    fields = _split(rest)
    layout = re.fullmatch(r"(\w+)(?:\((.*)\))?", fields[1]) if len(fields) > 1 else None
    return VideoFacts(
        codec=codec,
        pixel_format=layout[1] if layout else "unknown",
        width=int(size[1]),
        height=int(size[2]),
        fps=_rate(line),
        duration=_duration(log),
        colors=_colors(layout[2] or "" if layout else ""),
        audio=parse_audio(log),
    )


def parse_audio(log: str) -> str | None:
    """The codec of the first soundtrack in what `ffmpeg -i FILE` prints."""
    found = re.search(r"^\s*Stream #.*?: Audio:\s+(\w+)", log, re.MULTILINE)
    return found[1] if found else None


def _split(text: str) -> list[str]:
    """Split at the commas that are in no bracket."""
    return [part.strip() for part in re.split(r",(?![^(]*\))", text)]


def _rate(line: str) -> Fraction | None:
    found = re.search(r"([\d.]+)(k?)\s+fps", line) or re.search(r"([\d.]+)(k?)\s+tbr", line)
    if not found:
        return None
    printed = Fraction(found[1]) * (1000 if found[2] else 1)
    return _RATES.get(round(printed, 2), printed)


def _duration(log: str) -> float | None:
    found = re.search(r"Duration:\s+(\d+):(\d+):([\d.]+)", log)
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else None


def _colors(text: str) -> tuple[str, str, str, str]:
    """From "tv, bt709, progressive" or "tv, bt709/unknown/bt709": ffmpeg prints one name where all three agree."""
    words = [word.strip() for word in text.split(",")]
    span = next((word for word in words if word in ("tv", "pc")), "unknown")
    triple = next((word for word in words if "/" in word), None)
    if triple:
        matrix, primaries, transfer = triple.split("/")
        return span, matrix, primaries, transfer
    skip = {"tv", "pc", "progressive", "top first", "bottom first", "top coded first (swapped)", ""}
    name = next((word for word in words if word not in skip), "unknown")
    return span, name, name, name
