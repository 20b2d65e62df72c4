"""A clip as it really is: found by decoding it once, because headers leave out, round and lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from math import ceil
from pathlib import Path

from zoomdream.errors import InputError
from zoomdream.media import clip_scan, clip_times
from zoomdream.media.clip_scan import Colors, Header, Scan

SMALLEST_EDGE, LARGEST_EDGE = 16, 16384

_SLACK = Fraction(1, 1000)
"""Frames by which a time may miss a frame's and still mean it: times in YAML have few digits."""


@dataclass(frozen=True)
class Clip:
    """What a clip is.

    size is (height, width) as shown: turned, with square pixels, not yet even. fps: the nominal rate if the timestamps
    fit its grid, else the exact average; `variable` says that the frames do not come at that rate one by one.
    times: the presentation time of every decoded frame in seconds on the container's clock (that of `ffmpeg -copyts`;
    the first may be above 0), and `end` that of the end of the last. shots: the numbers of the decoded frames where a
    new shot begins, always with 0. notes: what a person should know. `span` seconds are shown in all.
    The rest is what reading needs; see clip_scan.Scan.
    """

    path: Path
    size: tuple[int, int]
    fps: Fraction
    variable: bool
    times: tuple[Fraction, ...] = field(repr=False)
    end: Fraction
    shots: tuple[int, ...]
    notes: tuple[str, ...]
    has_sound: bool
    header: Header = field(repr=False)
    scan: Scan = field(repr=False)
    places: Sequence[int] | None = field(repr=False)

    @property
    def span(self) -> Fraction:
        """How long the clip is shown, in seconds."""
        return self.end - self.times[0]

    @property
    def colors(self) -> Colors:
        """How its pixels are meant."""
        return self.scan.colors


@dataclass(frozen=True)
class _Progress:
    """Carries a function past lru_cache: all are equal."""

    tell: Callable[[int], None] | None = field(compare=False)

    def __call__(self, frames: int) -> None:
        if self.tell is not None:
            self.tell(frames)


def open_clip(program: Path, path: Path, progress: Callable[[int], None] | None = None) -> Clip:
    """Decode a clip once, small, and say what it is. The same file is looked at once in a process.

    program is the ffmpeg to run; `progress` hears the number of frames decoded so far. InputError if the file is
    missing, no video, without frames, only sound, or of a size below 16, above 16384 or above 64 megapixels.
    """
    if not path.is_file():
        kind = "a folder, not a video" if path.is_dir() else "not a regular file"
        raise InputError(f"{path} is {kind}." if path.exists() else f"{path} does not exist.")
    try:
        found = path.stat()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    return _open(program, path, found.st_size, found.st_mtime_ns, _Progress(progress))


@lru_cache(maxsize=16)
def _open(program: Path, path: Path, length: int, changed: int, progress: _Progress) -> Clip:
    header = clip_scan.read_header(program, path)
    _check_size(path, header.size)
    scan = clip_scan.scan(program, path, header, progress)
    size = shown_size(scan.size, scan.aspect)
    _check_size(path, size)
    times = tuple(moment * scan.tick for moment in scan.ticks)
    lasting = scan.lasting * scan.tick
    pace = clip_times.pace(times, lasting, scan.nominal)
    last = pace.places[-1] / pace.rate + 1 / pace.rate if pace.places is not None else times[-1] - times[0] + lasting
    return Clip(
        path=path,
        size=size,
        fps=pace.rate,
        variable=not pace.steady,
        times=times,
        end=times[0] + last,
        shots=scan.shots,
        notes=(),
        has_sound=header.has_sound,
        header=header,
        scan=scan,
        places=pace.places,
    )


def shown_size(size: tuple[int, int], aspect: Fraction) -> tuple[int, int]:
    """(height, width) with square pixels, for pixels `aspect` times as wide as high. No pixel is lost."""
    height, width = size
    return (height, round(width * aspect)) if aspect >= 1 else (round(height / aspect), width)


def frame_numbers(clip: Clip, fps: Fraction, start: Fraction, end: Fraction | None) -> tuple[int, ...]:
    """For every output frame, the number of the decoded frame that is on screen then.

    start and end are seconds from the clip's first frame, start <= t < end; None is the clip's end. There are
    round((end - start) * fps). At a steady clip's own rate each frame comes exactly once, from the first that begins at
    `start` or later; else it is sampled by its timestamps. Past its end the last frame stays.
    """
    end = clip.span if end is None else end
    count = round((end - start) * fps)
    begins = begin(clip, fps, start) - clip.times[0]
    if clip.places is None:
        moments: Sequence[Fraction] = [time - clip.times[0] for time in clip.times]
    else:
        moments = [place / clip.fps for place in clip.places]
    slack = _SLACK / max(fps, clip.fps)
    return tuple(clip_times.on_screen(moments, begins + number / fps + slack) for number in range(count))


def begin(clip: Clip, fps: Fraction, start: Fraction) -> Fraction:
    """When the first output frame is shown, on the container's clock: where its sound begins.

    `start`, or at the clip's own rate the first of its frames from there on.
    """
    if clip.places is None or fps != clip.fps:
        return clip.times[0] + start
    return clip.times[0] + ceil(start * fps - _SLACK) / fps


def _check_size(path: Path, size: tuple[int, int]) -> None:
    height, width = size
    if min(size) < SMALLEST_EDGE or max(size) > LARGEST_EDGE or height * width > clip_scan.LARGEST:
        raise InputError(
            f"{path} is {width}x{height}; clips need edges of {SMALLEST_EDGE} to {LARGEST_EDGE} pixels and at most "
            "64 megapixels."
        )


def describe(clip: Clip) -> list[str]:
    """What `zoomdream check` says of a clip, a line each."""
    height, width = clip.size
    return [f"{clip.path.name}: {width}x{height}, {len(clip.times)} frames"]
