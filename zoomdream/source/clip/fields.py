"""Interlaced pictures to whole ones: fields of different moments are deinterlaced, repeated fields of film undone.

Film at 24000/1001 reaches 30000/1001 by showing every second picture for three fields instead of two (3:2 pulldown): of
five frames the third and the fourth are made of two film pictures each, one field of each is seen twice, and four film
pictures can be had again without loss.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from av.filter import Graph
from av.video.frame import VideoFrame

from zoomdream.source.clip.frames import plane_bytes

FILM = Fraction(24000, 1001)
"""Film pictures per second."""

_REPEATED = 0.35  # of the change of the other field: noise and compression leave repeated fields not quite equal
_CADENCE = 0.8  # the share of moving fives that must show the pattern
_FIVE = 5


@dataclass(frozen=True, slots=True)
class Picture:
    """What is shown: frame `first`, or its even rows with the odd rows of frame `second` where that is another.
    deinterlace: its rows are of two moments.
    """

    first: int
    second: int
    deinterlace: bool = False


class FieldChanges:
    """How much the even and the odd rows of each frame differ from those of the frame before; `skipped` frames came
    before the first that is looked at.
    """

    def __init__(self, skipped: int) -> None:
        self.even = array("f", [0.0] * skipped)
        self.odd = array("f", [0.0] * skipped)
        self._last: np.ndarray[tuple[int, ...], np.dtype[np.int16]] | None = None

    def add(self, picture: VideoFrame) -> None:
        """Take the next frame."""
        rows = plane_bytes(picture, picture.planes[0], 0)
        step = max(1, rows.shape[1] // 240)
        small = rows[:, ::step].astype(np.int16)
        same = self._last is not None and self._last.shape == small.shape
        change = np.abs(small - self._last) if same and self._last is not None else np.full_like(small, 255)
        self.even.append(float(change[::2].mean()))
        self.odd.append(float(change[1::2].mean()))
        self._last = small


def find_film(interlaced: Sequence[int], even: Sequence[float], odd: Sequence[float]) -> tuple[int, bool] | None:
    """The first frame of five in 3:2 pulldown, 0 to 4, and whether even rows come first; None where there is none.

    interlaced: for each frame whether it says so; even, odd: as FieldChanges counts them. A film's pattern must hold in
    most of the fives in which something moves.
    """
    count = len(even) // _FIVE * _FIVE
    if count < 2 * _FIVE or sum(interlaced) * 5 < len(interlaced):
        return None
    best: tuple[float, int, bool] = (0.0, 0, True)
    for phase in range(_FIVE):
        for even_first in (True, False):
            lead, trail = (even, odd) if even_first else (odd, even)
            fits = moving = 0
            for five in range(phase, len(even) - _FIVE + 1, _FIVE):
                third = lead[five + 2], trail[five + 2]
                fifth = lead[five + 4], trail[five + 4]
                if max(third) < 0.2 and max(fifth) < 0.2:
                    continue
                moving += 1
                fits += third[0] < _REPEATED * third[1] and fifth[1] < _REPEATED * fifth[0]
            if moving >= 2:
                best = max(best, (fits / moving, phase, even_first))
    share, phase, even_first = best
    return (phase, even_first) if share >= _CADENCE else None


def film_pictures(frames: int, phase: int, even_first: bool) -> list[Picture]:
    """The film pictures in `frames` frames of 3:2 pulldown: four of each five.

    In the third frame of a five the leading field is the one before once more; with that of the next frame the trailing
    one makes a whole picture.
    """
    pictures: list[Picture] = []
    for number in range(frames):
        place = (number - phase) % _FIVE
        if place == 3:
            continue
        other = number + 1 if place == 2 and number + 1 < frames else number
        pictures.append(Picture(other, number) if even_first else Picture(number, other))
    return pictures


def weave(even: VideoFrame, odd: VideoFrame) -> VideoFrame:
    """A new frame of the even rows of one and the odd rows of another, of the same size and format."""
    woven = VideoFrame(even.width, even.height, even.format.name)
    for index, plane in enumerate(woven.planes):
        rows = plane_bytes(even, even.planes[index], index).copy()
        rows[1::2] = plane_bytes(odd, odd.planes[index], index)[1::2]
        padded = np.zeros((plane.height, plane.line_size), np.uint8)
        padded[:, : rows.shape[1]] = rows
        plane.update(padded.tobytes())
    woven.color_range, woven.colorspace = even.color_range, even.colorspace
    woven.color_primaries, woven.color_trc = even.color_primaries, even.color_trc
    return woven


def deinterlace(before: VideoFrame | None, picture: VideoFrame, after: VideoFrame | None) -> VideoFrame:
    """One whole frame of the two fields of `picture`, by bwdif, which looks at the frames beside it.

    Those count only where they are of the same size and format.
    """
    window = [frame for frame in (before, picture, after) if frame is picture or (frame and _alike(frame, picture))]
    graph = Graph()
    source = graph.add_buffer(
        width=picture.width, height=picture.height, format=picture.format, time_base=Fraction(1, 25)
    )
    filters = graph.add("bwdif", "mode=send_frame:deint=interlaced")
    graph.link_nodes(source, filters, graph.add("buffersink")).configure()
    wanted = window.index(picture)
    results: list[VideoFrame] = []
    for number, frame in enumerate([*window, None]):
        if frame is not None:
            pts, frame.pts = frame.pts, number
            graph.vpush(frame)
            frame.pts = pts
        else:
            graph.vpush(None)
        while len(results) <= wanted:
            try:
                results.append(graph.vpull())
            except (BlockingIOError, EOFError):
                break
    return results[wanted]


def _alike(one: VideoFrame, other: VideoFrame) -> bool:
    return (one.width, one.height, one.format.name) == (other.width, other.height, other.format.name)
