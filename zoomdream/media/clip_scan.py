"""One pass over a clip: every frame is decoded once, and nothing in the file's header is believed without it.

The pass writes down when each frame is shown and a checksum of its pixels, and hands a small copy of each to the
search for cuts. ffmpeg's `showinfo` filter is what says it; there is no ffprobe in imageio-ffmpeg.
"""

from __future__ import annotations

import os
import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from zoomdream.errors import InputError
from zoomdream.media import ffmpeg, probe
from zoomdream.media.cuts import SMALL, ShotFinder

LARGEST = 64 * 2**20
"""Pixels of the largest frame that is read: 64 megapixels, as of pictures."""

SMALLEST_EDGE, LARGEST_EDGE = 16, 16384

NO_TIME = -(2**62)
"""The time of a frame for which the file has none."""

DEINTERLACE = "bwdif=mode=send_frame:deint=interlaced"
"""What fields that are shown one after the other become: whole frames. Frames marked progressive pass untouched."""

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


@dataclass(frozen=True, slots=True)
class Colors:
    """How the pixels of a stream are meant, in ffmpeg's words; "unknown" where nothing says it."""

    pixel_format: str
    span: str
    matrix: str
    primaries: str
    transfer: str


@dataclass(frozen=True, slots=True)
class Scan:
    """What decoding a whole clip showed.

    ticks are the frames' presentation times in units of `tick` seconds, on the container's clock; lasting is how long
    the last one stays; size is (height, width) as decoded and turned; aspect is a pixel's width over its height;
    complaints are ffmpeg's own words for what it could not read.
    """

    ticks: array[int]
    tick: Fraction
    lasting: int
    checksums: array[int]
    size: tuple[int, int]
    aspect: Fraction
    colors: Colors
    nominal: Fraction | None
    shots: tuple[int, ...]
    resized: bool
    complaints: tuple[str, ...]
    warned: bool

    @property
    def damaged(self) -> bool:
        """Whether ffmpeg complained or warned; most often, but not always, pictures are lost then."""
        return self.warned or bool(self.complaints)


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
    if too_large := re.search(r"Picture size (\d+)x(\d+) is invalid", log):
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


def scan(program: Path, path: Path, header: Header, progress: Callable[[int], None]) -> Scan:
    """Decode all of it. `progress` hears how many frames are read. InputError if there is no frame.

    Several threads where all is well; what is damaged is decoded again in one, because which frames and pixels
    ffmpeg makes of what is lost depends on the threads.
    """
    found = _scan(program, path, header, progress, threads=min(8, os.cpu_count() or 1))
    if found.damaged:
        found = _scan(program, path, header, progress, threads=1)
    return found


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


class _Listener:
    """Takes what ffmpeg says, line by line, in another thread."""

    def __init__(self) -> None:
        self.ticks = array("q")
        self.checksums = array("Q")
        self.tick = Fraction(0)
        self.nominal: Fraction | None = None
        self.lasting = 0
        self.first: dict[str, str] = {}
        self.resized = False
        self.complaints: list[str] = []
        self.warned = False

    def hear(self, line: str) -> bool:
        if "Parsed_showinfo" not in line:
            if re.search(r"\[(error|fatal)\]", line) and len(self.complaints) < 20:
                self.complaints.append(re.sub(r"\[[^\]]*\]\s*", "", line))
            self.warned |= "[warning]" in line and "swscaler" not in line  # which warns of old names of formats
            return "[info]" in line
        frame = parse_frame(line)
        if frame is not None:
            ticks, self.lasting, checksum = frame
            self.ticks.append(ticks)
            self.checksums.append(checksum)
        facts = dict(_FACTS.findall(line))
        if "s" in facts:
            self.resized |= self.first.get("s", facts["s"]) != facts["s"]
        if len(self.ticks) <= 1:
            self.first |= {name: value for name, value in facts.items() if name not in self.first}
            base = re.search(r"config in time_base: (\d+)/(\d+), frame_rate: (\d+)/(\d+)", line)
            if base:
                self.tick = Fraction(int(base[1]), int(base[2]))
                self.nominal = Fraction(int(base[3]), int(base[4])) if int(base[3]) and int(base[4]) else None
        return True


_FACTS = re.compile(r"\b(fmt|sar|s|color_range|color_space|color_primaries|color_trc):(\S+)")
_FRAME = re.compile(r" n:\s*\d+ pts:\s*(-?\d+|NOPTS).*? duration:\s*(\d+).*? checksum:([0-9A-F]{8})")


def parse_frame(line: str) -> tuple[int, int, int] | None:
    """(time, length, checksum) of a frame in a line of `showinfo`; None where the line is about something else."""
    found = _FRAME.search(line)
    if found is None:
        return None
    return (NO_TIME if found[1] == "NOPTS" else int(found[1])), int(found[2]), int(found[3], 16)


def _scan(program: Path, path: Path, header: Header, progress: Callable[[int], None], *, threads: int) -> Scan:
    listener = _Listener()
    finder = ShotFinder()
    height, width = SMALL
    before = f"{DEINTERLACE}," if header.interlaced else ""
    command = [
        *input_options(program, path, threads=threads), "-loglevel", "repeat+level+info",
        "-map", f"0:{header.stream}",
        "-vf", f"{before}showinfo,scale={width}:{height}:flags=area", "-fps_mode", "passthrough",
        "-f", "rawvideo", "-pix_fmt", "bgr24", "-enc_time_base", "1:1000000", "pipe:1",
    ]  # fmt: skip
    frames = 0
    with ffmpeg.Process(command, what=f"Reading {path}", feed=False, stream=True, hear=listener.hear) as process:
        while len(data := process.read(height * width * 3)) == height * width * 3:
            finder.add(data)
            frames += 1
            progress(frames)
        code, tail = process.end()
    if code != 0 and not listener.complaints:
        listener.complaints.append(tail[-1] if tail else f"ffmpeg ended with code {code}")
    if not frames:
        said = f": {listener.complaints[0]}" if listener.complaints else ""
        raise InputError(f"{path} holds a video without a single frame that can be decoded{said}.")
    return _gather(listener, finder.finish(), frames)


def _gather(listener: _Listener, shots: tuple[int, ...], frames: int) -> Scan:
    first = listener.first
    width, height = (int(edge) for edge in first["s"].split("x"))
    over, under = (int(part) for part in first.get("sar", "0/1").split("/"))
    return Scan(
        ticks=listener.ticks[:frames],
        tick=listener.tick,
        lasting=listener.lasting,
        checksums=listener.checksums[:frames],
        size=(height, width),
        aspect=Fraction(over, under) if over and under else Fraction(1),
        colors=Colors(
            first["fmt"], *(first.get(f"color_{name}", "unknown") for name in ("range", "space", "primaries", "trc"))
        ),
        nominal=listener.nominal,
        shots=shots,
        resized=listener.resized,
        complaints=tuple(listener.complaints),
        warned=listener.warned,
    )
