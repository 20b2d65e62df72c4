"""One pass over a clip: every frame is decoded once, and nothing in the file's header is believed without it.

The pass writes down when each frame is shown and a checksum of its pixels, and hands a small copy of each to the
search for cuts. ffmpeg's `showinfo` filter is what says it; there is no ffprobe in imageio-ffmpeg.
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
from zoomdream.machine.cores import cores
from zoomdream.source.clip.cuts import SMALL, ShotFinder
from zoomdream.source.clip.header import Header, input_options

NO_TIME = -(2**62)
"""The time of a frame for which the file has none."""

DEINTERLACE = "bwdif=mode=send_frame:deint=interlaced"
"""What fields that are shown one after the other become: whole frames. Frames marked progressive pass untouched."""


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
        """Whether ffmpeg complained, or warned of damage; most often, but not always, pictures are lost then."""
        return self.warned or bool(self.complaints)


def scan(program: Path, path: Path, header: Header, progress: Callable[[int], None]) -> Scan:
    """Decode all of it. `progress` hears how many frames are read. InputError if there is no frame.

    Several threads where all is well; what is damaged is decoded again in one, because which frames and pixels
    ffmpeg makes of what is lost depends on the threads.
    """
    found = _scan(program, path, header, progress, threads=min(8, cores()))
    if found.damaged:
        found = _scan(program, path, header, progress, threads=1)
    return found


class _Listener:
    """Takes what ffmpeg says, line by line, in another thread."""

    def __init__(self) -> None:
        self.ticks = array("q")
        self.checksums = array("Q")
        self.frames = FrameLog()
        self.tick = Fraction(0)
        self.nominal: Fraction | None = None
        self.lasting = 0
        self.first: dict[str, str] = {}
        self.resized = False
        self.complaints: list[str] = []
        self.warned = False

    def hear(self, line: str) -> bool:
        wrong = re.search(r"\[(error|fatal)\]\s*(.*)", line)
        if wrong and len(self.complaints) < 20:
            self.complaints.append(wrong[2])
        self.warned |= "[warning]" in line and _DAMAGE.search(line) is not None
        if "Parsed_showinfo" in line:
            facts = dict(_FACTS.findall(line))
            self.resized |= self.first.get("s", facts.get("s")) != facts.get("s", self.first.get("s"))
            self.first = facts | self.first
            base = re.search(r"config in time_base: (\d+)/(\d+), frame_rate: (\d+)/(\d+)", line)
            if base and not self.tick:
                self.tick = Fraction(int(base[1]), int(base[2]))
                self.nominal = Fraction(int(base[3]), int(base[4])) if int(base[3]) and int(base[4]) else None
        seen = self.frames.feed(line)
        if seen is not None:
            self.ticks.append(seen.ticks)
            self.checksums.append(seen.checksum)
            self.lasting = seen.lasting
        return wrong is None


class FrameLog:
    """Reads what `showinfo` says of each frame out of ffmpeg's lines.

    It says it in pieces, and a complaint of the decoder, which runs in a thread of its own, may come between them.
    """

    def __init__(self) -> None:
        self._begun: tuple[int, int] | None = None

    def feed(self, line: str) -> Seen | None:
        """Take the next line; the frame that it completes, if it does."""
        begin = _BEGIN.search(line)
        if begin:
            self._begun = NO_TIME if begin[1] == "NOPTS" else int(begin[1]), int(begin[2])
        checksum = _CHECKSUM.search(line)
        if checksum is None or self._begun is None:
            return None
        seen = Seen(*self._begun, int(checksum[1], 16))
        self._begun = None
        return seen


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame that passed: its time and how long it stays, in ticks, and the checksum of its pixels."""

    ticks: int
    lasting: int
    checksum: int


_DAMAGE = re.compile("corrupt|damag|conceal|invalid|missing|mismatch|truncat|error", re.IGNORECASE)
_FACTS = re.compile(r"\b(fmt|sar|s|color_range|color_space|color_primaries|color_trc):(\S+)")
_BEGIN = re.compile(r" n:\s*\d+ pts:\s*(-?\d+|NOPTS) .*? duration:\s*(\d+)")
_CHECKSUM = re.compile(r" checksum:([0-9A-F]{8}) plane_checksum")


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
