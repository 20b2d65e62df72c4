"""One pass over a clip that decodes every frame, because its header may be wrong.

It notes the time of each frame and a checksum of its pixels, what its fields are, and searches small copies of the
frames for cuts.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from zoomdream.config.schema_source import Footage
from zoomdream.errors import InputError
from zoomdream.machine.limits import cores
from zoomdream.source.clip.color import Colors, colors_of
from zoomdream.source.clip.cuts import SEARCH_SIZE, ShotFinder
from zoomdream.source.clip.fields import FieldChanges, Picture, film_pictures, find_film
from zoomdream.source.clip.frames import NO_TIME, DecodedFrame, checksum, decode_frames
from zoomdream.source.clip.header import Header, check_size
from zoomdream.source.clip.picture import Turn, is_transparent, turn_of


@dataclass(frozen=True, slots=True)
class Scan:
    """What decoding a whole clip showed.

    raw: the frames' times as the file has them, in ticks; ticks: the same on one clock that goes on (see
    container.packets); both NO_TIME where there is none. last_duration: of the last frame, in ticks. size: (height,
    width) as decoded. shots: the frames that begin a shot. pictures: what is shown, where that is not simply each
    frame. film: those are the pictures of a film (see fields). transparent: whether any pixel of any frame is. parts:
    whether the file's clock begins anew on the way. changes: what changes on the way, in words. errors: the
    decoder's own words for what it could not read. threads: how many decoded it.
    """

    raw: array[int]
    ticks: array[int]
    last_duration: int
    checksums: array[int]
    size: tuple[int, int]
    turn: Turn
    colors: Colors
    shots: tuple[int, ...]
    pictures: tuple[Picture, ...] | None
    film: bool
    interlaced: int
    transparent: bool
    parts: bool
    changes: tuple[str, ...]
    errors: tuple[str, ...]
    threads: int

    @property
    def damaged(self) -> bool:
        """Whether something could not be decoded; most often, but not always, frames are lost then."""
        return bool(self.errors)

    @property
    def in_order(self) -> bool:
        """Whether the file's own times never jump back."""
        return all(one <= other for one, other in pairwise(self.raw))


def scan_clip(footage: Footage, header: Header, progress: Callable[[int], None]) -> Scan:
    """Decode all frames. progress: called with the number of frames so far. InputError if there is no frame.

    In several threads; a damaged clip is decoded again in one, because the frames and pixels that ffmpeg makes of what
    is lost depend on the number of threads.
    """
    threads = min(8, cores())
    found = _scan(footage, header, progress, threads)
    if isinstance(found, Scan) and not (found.damaged and threads > 1):
        return found
    found = _scan(footage, header, progress, 1)
    if isinstance(found, Scan):
        return found
    reason = f": {found[0]}" if found else ""
    raise InputError(f"{footage} holds a video without a single frame that can be decoded{reason}.")


class _Notes:
    """Collects facts of frames in order. Memory grows by some bytes for each frame."""

    def __init__(self) -> None:
        self.raw, self.ticks, self.checksums = array("q"), array("q"), array("L")
        self.interlaced = array("b")
        self.fields: FieldChanges | None = None
        self.finder = ShotFinder()
        self.first: VideoFrame | None = None
        self.last_duration = 0
        self.transparent = self.parts = False
        self.changes: dict[str, None] = {}

    def add(self, decoded: DecodedFrame, header: Header) -> None:
        picture = decoded.picture
        self.raw.append(decoded.ticks)
        if header.counted and decoded.duration:
            self.ticks.append(self.ticks[-1] + self.last_duration if self.ticks else 0)
        else:
            moved = round(decoded.moved / header.tick)
            self.ticks.append(NO_TIME if decoded.ticks == NO_TIME else decoded.ticks + moved)
        self.parts = self.parts or decoded.moved != 0
        self.transparent = self.transparent or is_transparent(picture)
        self.checksums.append(checksum(picture))
        self.interlaced.append(picture.interlaced_frame)
        self.last_duration = decoded.duration
        if self.first is None:
            self.first = picture
        else:
            self._compare(self.first, picture)
        if self.fields is None and picture.interlaced_frame:
            self.fields = FieldChanges(len(self.raw) - 1)
        if self.fields is not None:
            self.fields.add(picture)
        self.finder.add(np.ascontiguousarray(_small(picture).to_ndarray()).tobytes())

    def _compare(self, first: VideoFrame, picture: VideoFrame) -> None:
        if (picture.width, picture.height) != (first.width, first.height):
            self.changes["size"] = None
        if picture.format.name != first.format.name:
            self.changes["pixel format"] = None
        if picture.color_range != first.color_range:
            self.changes["range"] = None


def _small(picture: VideoFrame) -> VideoFrame:
    """A picture in which cuts are searched."""
    height, width = SEARCH_SIZE
    scaled = partial(picture.reformat, width, height, "bgr24", interpolation=Interpolation.AREA)
    try:
        return scaled()
    except OSError:  # of a matrix or a range that swscale does not know: by any other the same cuts are found
        return scaled(src_colorspace=Colorspace.ITU601, src_color_range=ColorRange.MPEG)


def _scan(footage: Footage, header: Header, progress: Callable[[int], None], threads: int) -> Scan | list[str]:
    """What was found, or the complaints where there is no frame."""
    notes, complaints = _Notes(), list[str]()
    for number, decoded in enumerate(decode_frames(footage, header, threads=threads, complaints=complaints), 1):
        if number == 1:
            check_size(footage, (decoded.picture.height, decoded.picture.width))
        notes.add(decoded, header)
        progress(number)
    first = notes.first
    if first is None:
        return complaints
    shots = notes.finder.finish()
    pictures, film = _pictures(notes, shots)
    return Scan(
        raw=notes.raw,
        ticks=notes.ticks,
        last_duration=notes.last_duration,
        checksums=notes.checksums,
        size=(first.height, first.width),
        turn=turn_of(first),
        colors=colors_of(first),
        shots=shots,
        pictures=pictures,
        film=film,
        interlaced=sum(notes.interlaced),
        transparent=notes.transparent,
        parts=notes.parts and not header.counted,
        changes=tuple(notes.changes),
        errors=tuple(dict.fromkeys(complaints)),
        threads=threads,
    )


def _pictures(notes: _Notes, shots: tuple[int, ...]) -> tuple[tuple[Picture, ...] | None, bool]:
    """What is shown, None where that is simply each frame; and whether it is film."""
    if notes.fields is None:
        return None, False
    found = find_film(notes.interlaced, notes.fields.even, notes.fields.odd, shots)
    if found is not None:
        return tuple(film_pictures(found)), True
    return tuple(Picture(number, number, bool(mixed)) for number, mixed in enumerate(notes.interlaced)), False
