"""The sound that goes under the finished pictures: where it is, where it begins, and whether it may stay as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

from zoomdream import ffmpeg
from zoomdream.errors import InputError
from zoomdream.ffmpeg.probe import parse_audio, read_log

_OVERHANG = Fraction(1, 4)
"""Seconds by which a copied sound may outlast the picture. Cameras stop the two up to a tenth of a second apart."""

_EARLY = Fraction(1, 1000)
"""Seconds by which a copied sound may begin before the picture: Matroska counts milliseconds."""

_HOLE = "0.02"
"""Seconds by which timestamps may leave the samples behind before silence goes in: about half a frame."""

_COPIED = {
    ".mp4": {"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"},
    ".mov": {"aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s24le", "pcm_s16be", "pcm_s24be"},
    ".webm": {"opus", "vorbis"},
}  # what is copied as it is; Matroska takes everything


@dataclass(frozen=True, slots=True)
class Sound:
    """A soundtrack for a video of `length` seconds.

    path: the file, of which the first soundtrack is meant; skip: the time on that file's clock of the sound that
    belongs to the first frame; delay: how long after the first frame the sound begins, 0 where it is there already;
    codec: as ffmpeg calls it; copy: nothing has to be cut, so that it need not be encoded again where the container can
    hold it.
    """

    path: Path
    skip: Fraction
    delay: Fraction
    length: Fraction
    codec: str
    copy: bool


@dataclass(frozen=True, slots=True)
class _Track:
    """The first soundtrack of a file, in seconds on the file's clock: the file's start, the sound's start and end."""

    codec: str
    origin: Fraction
    start: Fraction
    end: Fraction


def source_sound(program: Path, path: Path, first: Fraction, length: Fraction, whole: bool) -> Sound | None:
    """The sound of a clip, in step with its picture; None if the clip has none.

    first: the time of the first frame that is rendered, on the container's clock, in seconds; whole: the clip is
    rendered from its first frame to its last. InputError if the clip is missing or its sound cannot be decoded.
    """
    track = _read_track(program, path)
    if track is None:
        return None
    uncut = whole and track.start >= first - _EARLY and track.end <= first + length + _OVERHANG
    delay = max(track.start - first, Fraction(0))
    return Sound(path, skip=first, delay=delay, length=length, codec=track.codec, copy=uncut)


def file_sound(program: Path, path: Path, length: Fraction) -> Sound:
    """A sound file under a video of `length` seconds, from its beginning. InputError if it has no sound."""
    track = _read_track(program, path)
    if track is None:
        raise InputError(f"{path} has no soundtrack that ffmpeg can read.")
    delay = max(track.start - track.origin, Fraction(0))
    uncut = track.end <= track.origin + length + _OVERHANG
    return Sound(path, skip=track.origin, delay=delay, length=length, codec=track.codec, copy=uncut)


def inputs(sound: Sound) -> list[str]:
    """What ffmpeg reads: the sound with its own timestamps, moved so that the first frame is at 0.

    `-copyts`, because ffmpeg otherwise moves every file to begin at 0, and loses what lay between sound and picture.
    """
    return ["-copyts", "-itsoffset", f"{-float(sound.skip):.6f}", "-i", f"file:{sound.path.absolute()}"]


def options(sound: Sound, suffix: str) -> list[str]:
    """How the sound is written: copied where that is possible, else AAC (WebM: Opus), exact to the sample.

    A sound that is encoded again begins with the first frame and ends with the last: silence stands where there is
    none, also in holes, because not every player heeds a late start.
    """
    if sound.copy and (suffix == ".mkv" or sound.codec in _COPIED.get(suffix, set())):
        return ["-c:a", "copy"]
    encoder = ["-c:a", "libopus", "-b:a", "160k"] if suffix == ".webm" else ["-c:a", "aac", "-b:a", "192k"]
    length = f"{float(sound.length):.6f}"
    filled = f"aresample=min_comp=0.00001:min_hard_comp={_HOLE}:first_pts=0"
    return ["-af", f"{filled},apad=whole_dur={length},atrim=end={length}", *encoder]


def _read_track(program: Path, path: Path) -> _Track | None:
    try:
        facts = path.stat()
    except OSError:
        read_log(program, path)  # says what is wrong
        raise
    return _read_track_once(program, path, facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=32)
def _read_track_once(program: Path, path: Path, size: int, changed: int) -> _Track | None:
    """Where the sound begins is decoded: packets before it only warm up the decoder. Its end is that of the packets."""
    log = read_log(program, path)
    codec = parse_audio(log)
    if codec is None:
        return None
    origin = re.search(r"Duration:.*?start:\s*(-?[\d.]+)", log)
    decoded = _times(program, path, "-frames:a", "1")
    packets = _times(program, path, "-c:a", "copy")
    if not decoded or not packets:
        raise InputError(f"The sound of {path} ({codec}) cannot be decoded. `audio: none` renders without.")
    return _Track(
        codec=codec,
        origin=Fraction(origin[1]) if origin else decoded[0][0],
        start=decoded[0][0],
        end=max(end for _, end in packets),
    )


def _times(program: Path, path: Path, *options: str) -> list[tuple[Fraction, Fraction]]:
    """When each packet of sound begins and ends. Damage on the way is no error: what is there is what is heard."""
    command = [
        str(program), "-hide_banner", "-nostdin", "-loglevel", "quiet", "-copyts", "-i", f"file:{path.absolute()}",
        "-map", "0:a:0", *options, "-f", "framecrc", "pipe:2",
    ]  # fmt: skip
    return parse_times(ffmpeg.read_log(command))


def parse_times(text: str) -> list[tuple[Fraction, Fraction]]:
    """Begin and end in seconds of each line that ffmpeg's framecrc prints."""
    tick = re.search(r"^#tb 0: (\d+)/(\d+)", text, re.MULTILINE)
    if tick is None:
        return []
    unit = Fraction(int(tick[1]), int(tick[2]))
    lines = re.findall(r"^0,\s*-?\d+,\s*(-?\d+),\s*(\d+),", text, re.MULTILINE)
    return [(int(begin) * unit, (int(begin) + int(duration)) * unit) for begin, duration in lines]
