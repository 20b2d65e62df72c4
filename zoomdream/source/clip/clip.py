"""A clip as it really is: found by decoding it once, because headers leave out, round and lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from math import ceil
from pathlib import Path

from zoomdream.errors import InputError
from zoomdream.source.clip import header as clip_header
from zoomdream.source.clip import scan as clip_scan
from zoomdream.source.clip import times as clip_times
from zoomdream.source.clip.header import Header
from zoomdream.source.clip.scan import Scan

HDR = {"smpte2084": "PQ", "arib-std-b67": "HLG"}
"""Transfers that say how much light, and what people call them."""

_SLACK = Fraction(1, 1000)
"""Frames by which a time may miss a frame's and still mean it: times in YAML have few digits."""

_MOST_GAPS, _FEWEST_MISSING, _STEADY = 3, 3, 24  # gaps, frames in each, frames for each


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
    header = clip_header.read_header(program, path)
    clip_header.check_size(path, header.size)
    scan = clip_scan.scan(program, path, header, progress)
    size = shown_size(scan.size, scan.aspect)
    clip_header.check_size(path, size)
    times = clip_times.increasing(scan.ticks, clip_scan.NO_TIME, scan.tick, scan.nominal)
    lasting = scan.lasting * scan.tick
    pace = clip_times.pace(times, lasting, scan.nominal)
    if pace.places is not None:
        end = times[0] + (pace.places[-1] + 1) / pace.rate
    else:
        end = times[-1] + (lasting if lasting > 0 else 1 / pace.rate)
    clip = Clip(
        path=path,
        size=size,
        fps=pace.rate,
        variable=not pace.steady,
        times=times,
        end=end,
        shots=scan.shots,
        notes=(),
        has_sound=header.has_sound,
        header=header,
        scan=scan,
        places=pace.places,
    )
    return replace(clip, notes=tuple(_notes(clip)))


def shown_size(size: tuple[int, int], aspect: Fraction) -> tuple[int, int]:
    """(height, width) with square pixels, for pixels `aspect` times as wide as high. No pixel is lost."""
    height, width = size
    return (height, round(width * aspect)) if aspect >= 1 else (round(height / aspect), width)


def frame_numbers(clip: Clip, fps: Fraction, start: Fraction, end: Fraction | None) -> tuple[int, ...]:
    """For every output frame, the number of the decoded frame that is on screen then.

    start and end are seconds from the clip's first frame, start <= t < end; None is the clip's end. At its own rate, if
    its frames lie on the grid of that, these are the frames of the grid from `start` on and before `end`: of a steady
    clip each exactly once. Else the clip is sampled by its timestamps, round((end - start) * fps) times. Past its end
    the last frame stays. config.clips counts by the same rule.
    """
    end = clip.span if end is None else end
    begins = begin(clip, fps, start) - clip.times[0]
    count = _next(fps, end) - _next(fps, start) if _own(clip, fps) else int((end - start) * fps + Fraction(1, 2))
    ticks, second = clip_times.in_ticks(clip.times) if clip.places is None else (clip.places, clip.fps)
    slack = _SLACK / max(fps, clip.fps)
    return clip_times.on_screen(ticks, (begins + slack) * second, second / fps, count)


def begin(clip: Clip, fps: Fraction, start: Fraction) -> Fraction:
    """When the first output frame is shown, on the container's clock: where its sound begins.

    `start`, or at the clip's own rate the first of its frames from there on.
    """
    return clip.times[0] + (_next(fps, start) / fps if _own(clip, fps) else start)


def _own(clip: Clip, fps: Fraction) -> bool:
    """Whether `fps` is the rate of a grid that the clip's frames lie on."""
    return clip.places is not None and fps == clip.fps


def _next(fps: Fraction, moment: Fraction) -> int:
    """The first place of a grid at a moment or later."""
    return ceil(moment * fps - _SLACK)


def describe(clip: Clip) -> list[str]:
    """What `zoomdream check` says of a clip, a line each."""
    height, width = clip.size
    cuts = [clip.times[shot] - clip.times[0] for shot in clip.shots[1:]]
    frames = f"{len(clip.times)} frame{'s' if len(clip.times) > 1 else ''}"
    return [
        f"{clip.path.name}: {width}x{height}, {frames} in {_seconds(clip.span)} s, "
        f"{_rate(clip.fps)} frames per second, {'with' if clip.has_sound else 'without'} sound",
        f"cuts at {', '.join(_seconds(cut) for cut in cuts)} s" if cuts else "no cuts",
        *clip.notes,
    ]


def _notes(clip: Clip) -> list[str]:
    """What is unusual about a clip, in words for people."""
    scan, colors = clip.scan, clip.scan.colors
    notes = []
    if colors.transfer in HDR:
        notes.append(f"HDR ({HDR[colors.transfer]}) is tone-mapped to BT.709")
    elif colors.primaries == "bt2020":
        notes.append("the colors of BT.2020 are converted to BT.709")
    if clip.header.interlaced:
        notes.append("interlaced; fields are joined to whole frames")
    if scan.resized:
        notes.append("the size changes on the way; all is shown in that of the first frame")
    if gaps := [] if scan.damaged else _gaps(clip):
        notes.extend(gaps)
    elif clip.variable:
        notes.append(f"variable frame rate; resampled to a steady {_rate(clip.fps)} by default")
    if scan.damaged or not clip.has_sound:  # sound may be longer than the picture
        notes.extend(_losses(clip))
    return notes


def _gaps(clip: Clip) -> list[str]:
    """Where a clip that is steady for all else has no frames; none where the rate is variable.

    A hole that nobody complains of, as where a part was cut out of the stream, and a recording that paused look alike:
    so this says what is there, not why. Few and long gaps only: phones and screen recorders leave out single frames,
    and pulldown and removed duplicates have many steps of more than one place.
    """
    places = clip.places or ()
    gaps = [number for number, (place, following) in enumerate(pairwise(places)) if following - place != 1]
    missing = [places[number + 1] - places[number] - 1 for number in gaps]
    if len(gaps) > _MOST_GAPS or len(places) < _STEADY * len(gaps) or min(missing, default=0) < _FEWEST_MISSING:
        return []
    return [
        f"no frame from {_seconds((places[number] + 1) / clip.fps)} s on for {_seconds(count / clip.fps)} s, "
        f"where {count} would be at {_rate(clip.fps)} per second; the one before is held"
        for number, count in zip(gaps, missing, strict=True)
    ]


def _losses(clip: Clip) -> list[str]:
    """What of a damaged file is not there. ffmpeg complains of much that costs nothing."""
    losses = []
    steps = [after - before for before, after in pairwise(clip.times)]
    usual = sorted(steps)[len(steps) // 2] if steps else 1 / clip.fps
    missing = sum((step - usual for step in steps if 2 * step > 3 * usual), Fraction(0))
    if missing and clip.scan.damaged:
        losses.append(f"damaged: {_seconds(missing)} s could not be decoded, the frame before is held")
    ends = clip.header.ends
    if ends is not None and ends - clip.end > max(Fraction(1, 4), 2 / clip.fps):
        losses.append(f"the file ends early: {_seconds(clip.span)} s can be read, it says that it has {ends:.2f} s")
    if clip.scan.complaints and not losses:
        losses.append(f"ffmpeg complains of damage ({clip.scan.complaints[0]}), but no frame is missing")
    return losses


def _seconds(seconds: Fraction) -> str:
    return f"{float(seconds):.2f}"


def _rate(fps: Fraction) -> str:
    return str(fps) if fps.denominator == 1 else f"{float(fps):.3f}"
