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
_STILL = 0.2  # of 255: fields that differ by less do not move
_PHASE_COST = 3  # frames that must fit better for the pattern to begin anew
_FIVE = 5


_Counts = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


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


def find_film(
    interlaced: Sequence[int], even: Sequence[float], odd: Sequence[float], shots: Sequence[int]
) -> tuple[tuple[int, bool], ...] | None:
    """The place of each frame in its five of 3:2 pulldown, 0 to 4, and whether even rows come first; None of no film.

    interlaced: for each frame whether it says so; even, odd: as FieldChanges counts them; shots: the frames that begin
    one. The pattern may begin anew, most often there: of all sequences of places the likeliest is taken (Viterbi), and
    its repeated fields must be there in most places where something moves.
    """
    if len(even) < 2 * _FIVE or sum(interlaced) * 5 < len(interlaced):
        return None
    rows = np.asarray([even, odd], np.float64)
    moving, cuts = rows.max(0) >= _STILL, np.isin(np.arange(len(even)), shots)
    moving &= ~cuts  # what is before a cut says nothing of what follows
    repeated = rows < _REPEATED * rows[::-1]  # (even or odd, frame)
    places = (np.arange(len(even))[:, None] - np.arange(_FIVE)) % _FIVE  # of each frame by each phase
    wrong = []
    for lead in (0, 1):  # which rows come first
        wanted = np.stack([places == 2, places == 4])[[lead, 1 - lead]]
        wrong.append(((wanted != repeated[:, :, None]).any(0) & moving[:, None]).astype(np.int64))
    states = _likeliest(np.concatenate(wrong, 1), np.where(cuts, 0, _PHASE_COST))
    found = tuple(((number - state) % _FIVE, state < _FIVE) for number, state in enumerate(states))
    fields = [number for number, (place, _) in enumerate(found) if place in (2, 4) and moving[number]]
    right = sum(bool(repeated[int((found[number][0] == 2) != found[number][1]), number]) for number in fields)
    return found if len(fields) >= 4 and right >= _CADENCE * len(fields) else None


def _likeliest(costs: _Counts, changing: _Counts) -> list[int]:
    """The state of each frame in the sequence of the least (frame, state) costs.

    changing: what it costs that a frame's state is another than that of the frame before.
    """
    total, sources = costs[0], []
    for cost, change in zip(costs[1:], changing[1:], strict=True):
        best = int(total.argmin())
        changed = total > total[best] + change
        sources.append(np.where(changed, best, np.arange(len(total))))
        total = np.where(changed, total[best] + change, total) + cost
    states = [int(total.argmin())]
    for source in reversed(sources):
        states.append(int(source[states[-1]]))
    return states[::-1]


def film_pictures(places: Sequence[tuple[int, bool]]) -> list[Picture]:
    """The film pictures in frames of 3:2 pulldown, by their places in fives: four of each five.

    In the third frame of a five the leading field is the one before once more; with that of the next frame the trailing
    one makes a whole picture. A field whose other one is cut off is left out.
    """
    pictures: list[Picture] = []
    for number, (place, even_first) in enumerate(places):
        other = number
        if place == 2 and places[number + 1 : number + 2] == ((3, even_first),):
            other = number + 1
        elif place == 3 or (place == 2 and pictures):
            continue
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
