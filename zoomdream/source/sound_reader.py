"""The samples of a sound track, placed by the times of its frames: silence where there is none, and of what overlaps
the first. Layouts and rates may change on the way.
"""

from __future__ import annotations

import contextlib
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import chain, groupby
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from av.container import InputContainer
from av.filter import Graph
from av.packet import Packet
from av.stream import Stream

from zoomdream.source.container import open_container, packets

_WARMING = 1
"""Seconds that are decoded before the first sound that is needed: what a decoder makes first is not right yet."""

STEP = Fraction(8, 1000)
"""Seconds from which on a sound is no more where the last one ended."""

_AGREED = Fraction(1, 2)
"""Seconds of frames that have to agree before one is heard elsewhere than where the last one ended."""

_FOLLOW = "min_comp=0.001:comp_duration=1:max_soft_comp=0.005:min_hard_comp=0.008"
"""How times that leave the samples behind are followed: up to 8 ms by stretching, then by silence or a cut."""

LONGEST = Fraction(36_000)
"""Seconds of a sound that are heard where all of it is meant."""

_INDEXED = ("mov", "matroska")
"""Formats in which a time is found exactly without reading all that comes before."""

_USUAL = {1: "mono", 2: "stereo", 3: "3.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
"""What a number of channels means of which nothing else is known."""


_Told = tuple[AudioFrame, Fraction | None]
"""A decoded frame, and when it is heard, as its packet says."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A decoded frame, when its first sample is heard, and the number of the run of alike frames that it belongs to."""

    frame: AudioFrame
    time: Fraction
    run: int

    @property
    def end(self) -> Fraction:
        return self.time + _length(self.frame)


class SoundReader:
    """The frames of a track that are heard from `begin` to `end`, in seconds on the container's clock.

    Damage on the way is no error: it leaves a gap. packets: how many there were; damaged: when those should be heard
    that cannot be decoded; beyond: when the first packet after the end begins, if there is one; moved: whether the
    container's clock jumps.
    """

    def __init__(self, path: Path, stream: int, begin: Fraction, end: Fraction) -> None:
        self._path, self._stream, self.begin, self.end = path, stream, begin, end
        self.packets = 0
        self.damaged: list[Fraction] = []
        self.beyond: Fraction | None = None
        self.moved = False

    def __iter__(self) -> Iterator[Piece]:
        with open_container(self._path, "a sound") as container:
            tick = container.streams[self._stream].time_base or Fraction(0)
            yield from _placed(self._decoded(container), self.begin, tick)

    def _decoded(self, container: InputContainer) -> Iterator[_Told]:
        time = self.begin
        for packet, shift in self._packets(container):
            time = time if packet.pts is None else packet.pts * packet.time_base + shift
            try:
                frames = packet.decode()
            except av.FFmpegError:
                self.damaged.append(time)
                continue
            for frame in frames:
                assert isinstance(frame, AudioFrame)
                if not 1000 <= frame.sample_rate <= 768000 or frame.layout.nb_channels > 64:
                    self.damaged.append(time)  # a header that cannot be true; ffmpeg's filters refuse it
                    continue
                yield frame, None if frame.pts is None else frame.pts * packet.time_base + shift

    def _packets(self, container: InputContainer) -> Iterator[tuple[Packet[Stream], Fraction]]:
        """Those that are needed, and by how much their times have to be moved."""
        if container.format.name.startswith(_INDEXED) and self.begin > 10:
            with contextlib.suppress(av.FFmpegError, OSError):  # without an index all is read
                container.seek(int((self.begin - _WARMING) * av.time_base))
        streams = container.streams
        pictures = [stream for stream in streams.video if not stream.disposition & stream.disposition.attached_pic]
        for packet, shift in packets(container, *pictures[:1], streams[self._stream]):
            if packet.stream.index != self._stream:
                continue
            time = None if packet.pts is None else packet.pts * packet.time_base + shift
            self.packets += packet.size > 0
            self.moved |= shift != 0
            if time is not None and time > self.end:
                self.beyond = time
                return
            if time is None or time >= self.begin - _WARMING:
                yield packet, shift


def _placed(told: Iterator[_Told], begin: Fraction, tick: Fraction) -> Iterator[Piece]:
    """When each frame is heard: where the last one ended, unless all that follow say otherwise too.

    Single times are not to be trusted: they are rounded to ticks, those of Vorbis are off where its blocks change in
    length, and within the packets of a joined transport stream they count with the rate of another part.
    """
    ahead: deque[_Told] = deque()
    span, last = Fraction(0), None
    for item in told:
        ahead.append(item)
        span += _length(item[0])
        while span > _AGREED:
            last = _next(ahead, last, begin, tick)
            yield last
            span -= _length(last.frame)
    while ahead:
        last = _next(ahead, last, begin, tick)
        yield last


def _next(ahead: deque[_Told], last: Piece | None, begin: Fraction, tick: Fraction) -> Piece:
    frame, time = ahead[0]
    if last is None:
        ahead.popleft()
        return Piece(frame, begin if time is None else time, 0)
    expected = chained = last.end
    step: Fraction | None = None
    for later, time in ahead:
        if time is not None and (step is None or abs(time - chained) < abs(step)):
            step = time - chained
            if abs(step) <= tick + Fraction(1, later.sample_rate):
                step = None
                break
        chained += _length(later)
    ahead.popleft()
    run = last.run + (_kind(frame) != _kind(last.frame) or (step is not None and abs(step) > STEP))
    return Piece(frame, expected + (step or 0), run)


def _length(frame: AudioFrame) -> Fraction:
    return _seconds(frame.samples, frame.sample_rate)


@lru_cache(maxsize=64)
def _seconds(samples: int, rate: int) -> Fraction:
    return Fraction(samples, rate)


def _kind(frame: AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


@dataclass(frozen=True, slots=True)
class TrackSamples:
    """The samples of a track from `begin` on; see types.Samples."""

    path: Path
    stream: int
    begin: Fraction

    def __call__(self, layout: str, rate: int, length: Fraction | None) -> Iterator[bytes]:
        reader = SoundReader(self.path, self.stream, self.begin, self.begin + (LONGEST if length is None else length))
        width = 4 * AudioLayout(layout).nb_channels
        if length is None:
            yield from _mixed(reader, layout, rate, width)
            return
        left = round(length * rate)
        for data in _mixed(reader, layout, rate, width):
            yield data[: left * width]
            left -= len(data) // width
            if left <= 0:
                return
        yield from _silence(left, rate, width)


def _mixed(reader: SoundReader, layout: str, rate: int, width: int) -> Iterator[bytes]:
    done = 0  # samples
    for _, run in groupby(reader, key=lambda piece: piece.run):
        first = next(run)
        place = round((first.time - reader.begin) * rate)
        yield from _silence(place - done, rate, width)
        done = max(done, place)
        for data in _resampled(chain((first,), run), reader.begin, layout, rate):
            rest = data[(done - place) * width :]  # without what overlaps
            place += len(data) // width
            done = max(done, place)
            if rest:
                yield rest


def _resampled(run: Iterator[Piece], begin: Fraction, layout: str, rate: int) -> Iterator[bytes]:
    """A run of alike frames as samples of one kind, from the beginning of the first."""
    width = 4 * AudioLayout(layout).nb_channels
    graph: Graph | None = None
    for piece in run:
        frame, tick = piece.frame, Fraction(1, piece.frame.sample_rate)
        frame.time_base, frame.pts = tick, round((piece.time - begin) / tick)
        graph = graph or _graph(frame, layout, rate)
        graph.push(frame)
        yield from _pull(graph, width)
    assert graph is not None  # no run is empty
    graph.push(None)
    yield from _pull(graph, width)


def _graph(frame: AudioFrame, layout: str, rate: int) -> Graph:
    """What makes samples of frames like this one, which is the first."""
    graph = Graph()
    kind = (frame.sample_rate, frame.format.name, frame.layout.name)
    parts = [graph.add_abuffer(None, *kind, time_base=frame.time_base)]
    mix = _mix(frame.layout)
    if mix is not None:
        parts.append(graph.add("pan", mix))
    wanted = f"osr={rate}:ochl={layout}:osf=flt:rematrix_maxval=1:first_pts={frame.pts}"  # in samples of the input
    parts += [graph.add("aresample", f"{wanted}:{_FOLLOW}"), graph.add("abuffersink")]
    graph.link_nodes(*parts).configure()
    return graph


def layout_name(layout: AudioLayout) -> str:
    """ffmpeg's name of a layout; the usual one for a number of channels where nothing else is known of them."""
    unknown = re.match(r"\d+ channels", layout.name) is not None
    return _USUAL.get(layout.nb_channels, layout.name) if unknown else layout.name


def _mix(layout: AudioLayout) -> str | None:
    """How channels become known ones if nothing says where they are heard, in the words of ffmpeg's filter `pan`.

    Four channels, and more than eight, are pairs of left and right, as recorders have them. Ambisonic sound is what two
    microphones hear that point left and right.
    """
    name, count = layout_name(layout), layout.nb_channels
    if name.startswith("ambisonic"):
        return "stereo|c0=0.5*c0+0.5*c1|c1=0.5*c0-0.5*c1"
    if name != layout.name:
        return "|".join([name, *(f"c{number}=c{number}" for number in range(count))])
    if "channels" not in name:
        return None
    gain = f"{(count / 2) ** -0.5:.4f}"
    sides = ("+".join(f"{gain}*c{number}" for number in range(side, count, 2)) for side in range(2))
    return "|".join(["stereo", *(f"c{side}={channels}" for side, channels in enumerate(sides))])


def _pull(graph: Graph, width: int) -> Iterator[bytes]:
    with contextlib.suppress(av.BlockingIOError, av.EOFError):
        while True:
            frame = graph.pull()
            assert isinstance(frame, AudioFrame)
            yield bytes(memoryview(frame.planes[0])[: frame.samples * width])


def _silence(samples: int, rate: int, width: int) -> Iterator[bytes]:
    """In pieces of at most a second."""
    for begin in range(0, samples, rate):
        yield bytes(min(rate, samples - begin) * width)
