"""One pass over a clip that decodes every frame, because its header may be wrong.

It notes the time of each frame and a checksum of its pixels, as ffmpeg's `showinfo` filter prints them (there is no
ffprobe in imageio-ffmpeg), and searches small copies of the frames for cuts.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from zoomdream import ffmpeg
from zoomdream.errors import InputError
from zoomdream.machine.limits import cores
from zoomdream.source.clip.cuts import SEARCH_SIZE, ShotFinder
from zoomdream.source.clip.header import Header, input_options

NO_TIME = -(2**62)
"""The ticks of a frame without a time."""

DEINTERLACE = "bwdif=mode=send_frame:deint=interlaced"
"""Interlaced fields become whole frames; frames marked progressive pass untouched."""


@dataclass(frozen=True, slots=True)
class Colors:
    """The pixel format and colour space of a stream, in ffmpeg's words; "unknown" where the stream does not say."""

    pixel_format: str
    range: str
    matrix: str
    primaries: str
    transfer: str


@dataclass(frozen=True, slots=True)
class Scan:
    """What decoding a whole clip showed.

    ticks: the frames' presentation times in units of `tick` seconds, on the container's clock; last_duration: of the
    last frame, in ticks. size: (height, width) as decoded and turned. aspect: a pixel's width over its height. nominal:
    the stated frame rate. shots: the frames that begin a shot. resized: whether the size changes within the clip.
    errors: ffmpeg's own words for what it could not read; warned: whether it warned of damage.
    """

    ticks: array[int]
    tick: Fraction
    last_duration: int
    checksums: array[int]
    size: tuple[int, int]
    aspect: Fraction
    colors: Colors
    nominal: Fraction | None
    shots: tuple[int, ...]
    resized: bool
    errors: tuple[str, ...]
    warned: bool

    @property
    def damaged(self) -> bool:
        """Whether ffmpeg reported errors or warned of damage; most often, but not always, frames are lost then."""
        return self.warned or bool(self.errors)


def scan_clip(program: Path, path: Path, header: Header, progress: Callable[[int], None]) -> Scan:
    """Decode all frames. progress: called with the number of frames so far. InputError if there is no frame.

    In several threads; a damaged clip is decoded again in one, because the frames and pixels that ffmpeg makes of what
    is lost depend on the number of threads.
    """
    found = _scan(program, path, header, progress, threads=min(8, cores()))
    if found.damaged:
        found = _scan(program, path, header, progress, threads=1)
    return found


class _LogReader:
    """Collects facts from ffmpeg's log, line by line, in the thread that reads it."""

    def __init__(self) -> None:
        self.ticks = array("q")
        self.checksums = array("Q")
        self.frames = FrameLog()
        self.tick = Fraction(0)
        self.nominal: Fraction | None = None
        self.last_duration = 0
        self.first: dict[str, str] = {}
        self.resized = False
        self.errors: list[str] = []
        self.warned = False

    def read_line(self, line: str) -> bool:
        wrong = re.search(r"\[(error|fatal)\]\s*(.*)", line)
        if wrong and len(self.errors) < 20:
            self.errors.append(wrong[2])
        self.warned |= "[warning]" in line and _DAMAGE.search(line) is not None
        if "Parsed_showinfo" in line:
            facts = dict(_FACTS.findall(line))
            self.resized |= self.first.get("s", facts.get("s")) != facts.get("s", self.first.get("s"))
            self.first = facts | self.first
            base = re.search(r"config in time_base: (\d+)/(\d+), frame_rate: (\d+)/(\d+)", line)
            if base and not self.tick:
                self.tick = Fraction(int(base[1]), int(base[2]))
                self.nominal = Fraction(int(base[3]), int(base[4])) if int(base[3]) and int(base[4]) else None
        frame = self.frames.feed(line)
        if frame is not None:
            self.ticks.append(frame.ticks)
            self.checksums.append(frame.checksum)
            self.last_duration = frame.duration
        return wrong is None


class FrameLog:
    """Parses what `showinfo` prints about each frame.

    It prints in pieces, and an error of the decoder, which runs in another thread, may come between them.
    """

    def __init__(self) -> None:
        self._begun: tuple[int, int] | None = None

    def feed(self, line: str) -> LoggedFrame | None:
        """The frame that the next line of the log completes, or None."""
        begin = _BEGIN.search(line)
        if begin:
            self._begun = NO_TIME if begin[1] == "NOPTS" else int(begin[1]), int(begin[2])
        checksum = _CHECKSUM.search(line)
        if checksum is None or self._begun is None:
            return None
        frame = LoggedFrame(*self._begun, int(checksum[1], 16))
        self._begun = None
        return frame


@dataclass(frozen=True, slots=True)
class LoggedFrame:
    """A decoded frame: its time and duration in ticks, and the checksum of its pixels."""

    ticks: int
    duration: int
    checksum: int


_DAMAGE = re.compile("corrupt|damag|conceal|invalid|missing|mismatch|truncat|error", re.IGNORECASE)
_FACTS = re.compile(r"\b(fmt|sar|s|color_range|color_space|color_primaries|color_trc):(\S+)")
_BEGIN = re.compile(r" n:\s*\d+ pts:\s*(-?\d+|NOPTS) .*? duration:\s*(\d+)")
_CHECKSUM = re.compile(r" checksum:([0-9A-F]{8}) plane_checksum")


def _scan(program: Path, path: Path, header: Header, progress: Callable[[int], None], *, threads: int) -> Scan:
    log = _LogReader()
    finder = ShotFinder()
    height, width = SEARCH_SIZE
    before = f"{DEINTERLACE}," if header.interlaced else ""
    command = [
        *input_options(program, path, threads=threads), "-loglevel", "repeat+level+info",
        "-map", f"0:{header.stream}",
        "-vf", f"{before}showinfo,scale={width}:{height}:flags=area", "-fps_mode", "passthrough",
        "-f", "rawvideo", "-pix_fmt", "bgr24", "-enc_time_base", "1:1000000", "pipe:1",
    ]  # fmt: skip
    frames = 0
    with ffmpeg.Process(command, what=f"Reading {path}", feed=False, stream=True, hear=log.read_line) as process:
        while len(data := process.read(height * width * 3)) == height * width * 3:
            finder.add(data)
            frames += 1
            progress(frames)
        code, tail = process.end()
    if code != 0 and not log.errors:
        log.errors.append(tail[-1] if tail else f"ffmpeg ended with code {code}")
    if not frames:
        reason = f": {log.errors[0]}" if log.errors else ""
        raise InputError(f"{path} holds a video without a single frame that can be decoded{reason}.")
    return _result(log, finder.finish(), frames)


def _result(log: _LogReader, shots: tuple[int, ...], frames: int) -> Scan:
    first = log.first
    width, height = (int(edge) for edge in first["s"].split("x"))
    over, under = (int(part) for part in first.get("sar", "0/1").split("/"))
    return Scan(
        ticks=log.ticks[:frames],
        tick=log.tick,
        last_duration=log.last_duration,
        checksums=log.checksums[:frames],
        size=(height, width),
        aspect=Fraction(over, under) if over and under else Fraction(1),
        colors=Colors(
            first["fmt"], *(first.get(f"color_{name}", "unknown") for name in ("range", "space", "primaries", "trc"))
        ),
        nominal=log.nominal,
        shots=shots,
        resized=log.resized,
        errors=tuple(log.errors),
        warned=log.warned,
    )
