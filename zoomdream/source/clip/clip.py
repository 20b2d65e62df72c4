"""What a clip is, found by decoding all of it once, because headers leave out, round and lie."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from math import ceil
from pathlib import Path

from zoomdream.config.schema_source import Footage, Series
from zoomdream.errors import InputError, require_file
from zoomdream.source.clip.color import BT2020, HDR
from zoomdream.source.clip.frames import CUT_OFF, NO_TIME
from zoomdream.source.clip.header import Header, check_size, read_header
from zoomdream.source.clip.scan import Scan, scan_clip
from zoomdream.source.clip.times import FrameRate, find_rate, frames_on_screen, in_ticks, monotonic_times, stay
from zoomdream.source.series import files_of, require_no_series

_SLACK = Fraction(1, 1000)
"""A time this close to a frame's, in frames, means that frame: times in YAML have few digits."""

_MOST_GAPS, _FEWEST_MISSING, _STEADY = 3, 3, 24  # gaps, frames in each, frames for each


@dataclass(frozen=True)
class Clip:
    """What a clip is.

    size: (height, width) as shown: turned, with square pixels, not yet even. fps: the rate at which things move, rule:
    how that was found (see times.find_rate); variable: whether frames are missing from its grid, or fit none.
    times: the presentation time of each frame in seconds on the container's clock (that of `ffmpeg -copyts`; the first
    may be above 0), which goes on where the file's begins anew; end: when the last frame ends. shots: the numbers of
    the frames that begin a shot, 0 among them. notes: what a person should know. grid: the position of each frame on
    the grid of fps, None where no grid fits. header, scan: what reading needs. A frame is what is shown: of film in 3:2
    pulldown the pictures of the film.
    """

    footage: Footage
    size: tuple[int, int]
    fps: Fraction
    rule: str
    variable: bool
    times: tuple[Fraction, ...] = field(repr=False)
    end: Fraction
    shots: tuple[int, ...]
    notes: tuple[str, ...]
    has_sound: bool
    header: Header = field(repr=False)
    scan: Scan = field(repr=False)
    grid: Sequence[int] | None = field(repr=False)

    @property
    def name(self) -> str:
        """What a person calls it: the name of its file, or of its first and last."""
        files = files_of(self.footage)
        return files[0].name if len(files) == 1 else f"{files[0].name} to {files[-1].name}"

    @property
    def span(self) -> Fraction:
        """How long the clip is shown, in seconds."""
        return self.end - self.times[0]


@dataclass(frozen=True)
class _Progress:
    """Carries a function past lru_cache: all are equal."""

    report: Callable[[int], None] | None = field(compare=False)

    def __call__(self, frames: int) -> None:
        if self.report is not None:
            self.report(frames)


def open_clip(footage: Footage, progress: Callable[[int], None] | None = None) -> Clip:
    """Decode a clip once and return what it is; a process scans each once.

    progress: called with the number of frames decoded so far. InputError if the file is missing, no video, without
    frames, only sound, or of a size below 16, above 16384 or above 64 megapixels.
    """
    if isinstance(footage, Path):
        require_no_series(footage)
        require_file(footage, "a video")
    files = files_of(footage)
    try:
        found = [file.stat() for file in files]
    except OSError as error:
        raise InputError(f"{footage} cannot be read: {error.strerror or error}.") from error
    stamps = tuple((file, stat.st_size, stat.st_mtime_ns) for file, stat in zip(files, found, strict=True))
    return _open(footage, stamps, _Progress(progress))


@lru_cache(maxsize=16)
def _open(footage: Footage, stamps: tuple[tuple[Path, int, int], ...], progress: _Progress) -> Clip:
    header = read_header(footage)
    if header.size != (0, 0):  # else only the frames tell
        check_size(footage, header.size)
    scan = scan_clip(footage, header, progress)
    size = shown_size(scan.size, header.aspect)
    if scan.turn[0] % 2:
        size = size[::-1]
    check_size(footage, size)
    decoded = monotonic_times(scan.ticks, NO_TIME, header.tick, header.rates[0] if header.rates else Fraction(25))
    times, shots = decoded, scan.shots
    if scan.pictures is not None:  # what is made of two frames is shown between them
        times = tuple((decoded[picture.first] + decoded[picture.second]) / 2 for picture in scan.pictures)
        begins = [min(picture.first, picture.second) for picture in scan.pictures]
        shots = tuple(sorted({min(bisect_left(begins, shot), len(begins) - 1) for shot in shots}))
    last_duration = scan.last_duration * header.tick
    found = find_rate(times, last_duration, () if scan.film else header.rates)
    if isinstance(footage, Series):
        found = FrameRate(footage.rate, range(len(times)), "as fps says")
    ends = None if header.stated_end is None or scan.parts else Fraction(header.stated_end).limit_denominator(1_000_000)
    last = stay(times[-1], last_duration, found.rate, ends)
    if found.grid is not None:
        end = times[0] + (found.grid[-1] + max(1, round(last * found.rate))) / found.rate
    else:
        end = times[-1] + last
    clip = Clip(
        footage=footage,
        size=size,
        fps=found.rate,
        rule=found.rule,
        variable=not found.steady,
        times=times,
        end=end,
        shots=shots,
        notes=(),
        has_sound=header.has_sound,
        header=header,
        scan=scan,
        grid=found.grid,
    )
    return replace(clip, notes=tuple(_notes(clip)))


def shown_size(size: tuple[int, int], aspect: Fraction) -> tuple[int, int]:
    """(height, width) with square pixels, for pixels `aspect` times as wide as high. No pixel is lost."""
    height, width = size
    return (height, round(width * aspect)) if aspect >= 1 else (round(height / aspect), width)


def frame_numbers(clip: Clip, fps: Fraction, start: Fraction, end: Fraction | None) -> tuple[int, ...]:
    """The number of the decoded frame that each output frame shows.

    start, end: seconds from the clip's first frame, start <= t < end; None is the clip's end. At the rate of its grid
    the clip shows its frames from `start` on and before `end`, a steady clip each exactly once. At other rates it is
    sampled by its timestamps, round((end - start) * fps) times. Past its end the last frame stays. config.clips counts
    by the same rule.
    """
    end = clip.span if end is None else end
    if _on_grid(clip, fps):
        count = _next_position(fps, end) - _next_position(fps, start)
    else:
        count = int((end - start) * fps + Fraction(1, 2))
    first = start_time(clip, fps, start) - clip.times[0] + _SLACK / max(fps, clip.fps)
    ticks, second = in_ticks(clip.times) if clip.grid is None else (clip.grid, clip.fps)
    return frames_on_screen(ticks, first * second, second / fps, count)


def start_time(clip: Clip, fps: Fraction, start: Fraction) -> Fraction:
    """When the first output frame is shown, on the container's clock, and its sound begins.

    `start`, or at the rate of its grid the clip's first frame from there on.
    """
    return clip.times[0] + (_next_position(fps, start) / fps if _on_grid(clip, fps) else start)


def _on_grid(clip: Clip, fps: Fraction) -> bool:
    """Whether `fps` is the rate of the grid that the clip's frames lie on."""
    return clip.grid is not None and fps == clip.fps


def _next_position(fps: Fraction, moment: Fraction) -> int:
    """The first position of a grid at a moment or later."""
    return ceil(moment * fps - _SLACK)


def describe(clip: Clip) -> list[str]:
    """The lines about a clip that `zoomdream check` prints."""
    height, width = clip.size
    cuts = [clip.times[shot] - clip.times[0] for shot in clip.shots[1:]]
    frames = f"{len(clip.times)} frame{'s' if len(clip.times) > 1 else ''}"
    return [
        f"{clip.name}: {width}x{height}, {frames} in {_seconds(clip.span)} s, "
        f"{_rate(clip.fps)} frames per second ({clip.rule}), {'with' if clip.has_sound else 'without'} sound",
        f"cuts at {', '.join(_seconds(cut) for cut in cuts)} s" if cuts else "no cuts",
        *clip.notes,
    ]


def _notes(clip: Clip) -> list[str]:
    """What is unusual about a clip."""
    scan, colors = clip.scan, clip.scan.colors
    notes = []
    if colors.transfer in HDR:
        notes.append(f"HDR ({HDR[colors.transfer]}) is tone-mapped to BT.709")
    elif colors.primaries == BT2020:
        notes.append("the colors of BT.2020 are converted to BT.709")
    if scan.film:
        notes.append("film in 3:2 pulldown; its own pictures, 24000/1001 per second, are restored")
    elif scan.interlaced:
        some = "" if scan.interlaced == len(scan.raw) else f"{scan.interlaced} of {len(scan.raw)} frames are "
        notes.append(f"{some}interlaced; fields are joined to whole frames")
    if "size" in scan.changes:
        notes.append("the size changes on the way; all is shown in that of the first frame")
    if held := len(files := files_of(clip.footage)) - len(set(files)):
        notes.append(f"{held} of {len(files)} numbers are missing; the picture before is held")
    if scan.parts:
        notes.append("its clock begins anew on the way, as in joined recordings; all parts are shown")
    if gaps := [] if scan.damaged else _gaps(clip):
        notes.extend(gaps)
    elif clip.variable:
        notes.append(f"variable frame rate; resampled to a steady {_rate(clip.fps)} by default")
    notes.extend(_losses(clip))
    return notes


def _gaps(clip: Clip) -> list[str]:
    """Gaps in a clip that is steady but for them; none where the rate is variable.

    A part that was cut out of the stream and a pause in the recording look alike, so the notes give no reason. Few and
    long gaps only: phones and screen recorders leave out single frames, and pulldown and removed duplicates have many
    steps of more than one position.
    """
    grid = clip.grid or ()
    gaps = [number for number, (position, following) in enumerate(pairwise(grid)) if following - position != 1]
    missing = [grid[number + 1] - grid[number] - 1 for number in gaps]
    if len(gaps) > _MOST_GAPS or len(grid) < _STEADY * len(gaps) or min(missing, default=0) < _FEWEST_MISSING:
        return []
    return [
        f"no frame from {_seconds((grid[number] + 1) / clip.fps)} s on for {_seconds(count / clip.fps)} s, "
        f"where {count} would be at {_rate(clip.fps)} per second; the one before is held"
        for number, count in zip(gaps, missing, strict=True)
    ]


def _losses(clip: Clip) -> list[str]:
    """What a damaged file has lost. ffmpeg reports many errors that cost nothing."""
    losses = []
    steps = [after - before for before, after in pairwise(clip.times)]
    usual = sorted(steps)[len(steps) // 2] if steps else 1 / clip.fps
    missing = sum((step - usual for step in steps if 2 * step > 3 * usual), Fraction(0))
    if missing and clip.scan.damaged:
        losses.append(f"damaged: {_seconds(missing)} s could not be decoded, the frame before is held")
    header = clip.header
    ends = header.stated_end if header.video_end is None and not clip.has_sound else header.video_end
    if ends is not None and not clip.scan.parts and ends - clip.end > max(Fraction(1, 4), 2 / clip.fps):
        losses.append(f"the file ends early: {_seconds(clip.span)} s can be read, it says that it has {ends:.2f} s")
    elif CUT_OFF in clip.scan.errors:
        losses.append(f"the file is cut off or broken: what follows {_seconds(clip.span)} s cannot be read")
    if clip.scan.errors and not losses:
        losses.append(f"the decoder complains of damage ({clip.scan.errors[0]}), but no frame is missing")
    return losses


def _seconds(seconds: Fraction) -> str:
    return f"{float(seconds):.2f}"


def _rate(fps: Fraction) -> str:
    return str(fps) if fps.denominator == 1 else f"{float(fps):.3f}"
