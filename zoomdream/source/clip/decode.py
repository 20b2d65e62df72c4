"""A clip's frames as pictures, decoded in a thread that runs ahead of the dream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from types import TracebackType

import torch
from av.video.frame import VideoFrame
from torch import Tensor

from zoomdream.config.fields import LARGEST_AREA
from zoomdream.config.schema_source import Fit
from zoomdream.errors import InputError
from zoomdream.machine.workers import BackgroundIterator
from zoomdream.source.clip.clip import Clip
from zoomdream.source.clip.fields import Picture, deinterlace, weave
from zoomdream.source.clip.frames import NO_TIME, DecodedFrame, checksum, decode_frames
from zoomdream.source.clip.picture import FrameReader, fitted, scaled_size, turned

AHEAD = 4
"""Decoded frames that wait, at most."""

_SKIP = 48  # frames that are rather decoded and skipped than sought past
_PREROLL = Fraction(10)  # seconds by which a second attempt seeks earlier
_MOST_SOUGHT = 600  # frames in which the wanted one must come after a jump


class ClipReader:
    """The pictures of a clip for the frames of an output. A context manager; `close` ends the decoding.

    numbers: the clip's frame for each output frame (see clip.frame_numbers). size: (height, width). fit: `fill` covers
    it and crops the middle, `fit` shows all of the clip on black, `stretch` distorts.
    Every frame is compared with the time and checksum that the scan of the clip noted. So a jump, which starts decoding
    at an earlier key frame, gives the pixels that reading from the beginning gives: where a container's index or an
    open group of pictures misleads the decoder, it is started earlier, at last at the beginning.
    """

    def __init__(
        self, clip: Clip, numbers: Sequence[int], size: tuple[int, int], fit: Fit, *, keep_alpha: bool = False
    ) -> None:
        self._clip, self._numbers, self._size, self._keep_alpha = clip, numbers, size, keep_alpha
        self._scaled = scaled_size(clip.size, size, fit)
        if self._scaled[0] * self._scaled[1] > LARGEST_AREA:
            raise InputError(
                f"{clip.footage} is {clip.size[1]}x{clip.size[0]} and cannot sensibly fill {size[1]}x{size[0]}; "
                "set `source.fit` to `fit` or `stretch`."
            )
        self._reader = FrameReader(sited_left=clip.header.sited_left)
        self._stream: _Stream | None = None
        self._cached: tuple[int, Tensor] | None = None

    def __enter__(self) -> ClipReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._numbers)

    def frame(self, index: int) -> Tensor:
        """The picture of an output frame, (1, C, H, W) float32 RGB in [0, 1]. In order is quick, any order is right.

        Transparent parts are over black; with keep_alpha there is a fourth channel, as color.alpha has it. InputError
        if the clip ends before the frame or is no longer what it was.
        """
        wanted = self._numbers[index]
        if self._cached is None or self._cached[0] != wanted:
            self._cached = wanted, self._picture(wanted)
        return self._cached[1]

    def close(self) -> None:
        """End the decoding. Raises nothing; may be called twice."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _picture(self, wanted: int) -> Tensor:
        turn = self._clip.scan.turn
        size = self._scaled[::-1] if turn[0] % 2 else self._scaled
        picture, alpha = self._reader.read(self._decoded(wanted), size)
        if self._keep_alpha:
            picture = torch.cat([picture, torch.ones_like(picture[:, :1]) if alpha is None else alpha], 1)
        return fitted(turned(picture, turn), self._size)

    def _decoded(self, wanted: int) -> VideoFrame:
        if self._stream is not None and self._stream.next <= wanted < self._stream.next + _SKIP:
            picture = self._stream.take(wanted)
            if picture is not None:
                return picture
        complaints: list[str] = []
        for seek, threads in self._attempts(wanted):
            self.close()
            complaints.clear()
            self._stream = _Stream(_pictures(self._clip, wanted, seek, threads, complaints), wanted)
            picture = self._stream.take(wanted)
            if picture is not None:
                return picture
        reason = f": {complaints[0]}" if complaints else ""
        raise InputError(f"{self._clip.footage}: frame {wanted} cannot be decoded again{reason}.")

    def _attempts(self, wanted: int) -> Iterator[tuple[int | None, int]]:
        """Where to start decoding for a frame, best first: ticks, None is the beginning; and in how many threads."""
        scan, tick = self._clip.scan, self._clip.header.tick
        lead = _needed(self._clip, wanted)[0]
        time, first = scan.raw[lead], scan.raw[0]
        if NO_TIME not in (time, first):
            for early in (Fraction(0), _PREROLL):
                seek = time - int(early / tick)
                if scan.parts or seek * tick > first * tick + 1:
                    yield seek, 1
        yield None, 1
        if scan.threads > 1:
            yield None, scan.threads


class _Stream:
    """Pictures from number `first` on, decoded in a background thread."""

    def __init__(self, pictures: Iterator[VideoFrame], first: int) -> None:
        self.next = first
        self._pictures = BackgroundIterator(pictures, AHEAD, "zoomdream-decoding")

    def take(self, wanted: int) -> VideoFrame | None:
        """Picture `wanted`; None if the stream ends before it or does not match the scan."""
        picture = None
        while self.next <= wanted:
            picture = next(self._pictures, None)
            if picture is None:
                return None
            self.next += 1
        return picture

    def close(self) -> None:
        """End the thread."""
        self._pictures.close()


def _needed(clip: Clip, number: int) -> tuple[int, int]:
    """The first and the last of the frames that a picture is made of."""
    if clip.scan.pictures is None:
        return number, number
    picture = clip.scan.pictures[number]
    beside = 1 if picture.deinterlace else 0
    lowest, highest = sorted((picture.first, picture.second))
    return max(0, lowest - beside), min(len(clip.scan.raw) - 1, highest + beside)


def _pictures(clip: Clip, first: int, seek: int | None, threads: int, complaints: list[str]) -> Iterator[VideoFrame]:
    """The pictures from number `first` on, up to the first that does not match the scan."""
    pictures = clip.scan.pictures
    frames = _frames(clip, _needed(clip, first)[0], seek, threads, complaints)
    if pictures is None:
        yield from (frame for _, frame in frames)
        return
    held: dict[int, VideoFrame] = {}
    for number in range(first, len(pictures)):
        lowest, highest = _needed(clip, number)
        held = {frame: picture for frame, picture in held.items() if frame >= lowest - 1}
        while highest not in held:
            following = next(frames, None)
            if following is None:
                return
            held[following[0]] = following[1]
        yield _made(pictures[number], held)


def _made(picture: Picture, frames: dict[int, VideoFrame]) -> VideoFrame:
    frame, other = frames[picture.first], frames[picture.second]
    if picture.deinterlace:
        return deinterlace(frames.get(picture.first - 1), frame, frames.get(picture.first + 1))
    same = (frame.width, frame.height, frame.format.name) == (other.width, other.height, other.format.name)
    return frame if picture.first == picture.second or not same else weave(frame, other)


def _frames(
    clip: Clip, first: int, seek: int | None, threads: int, complaints: list[str]
) -> Iterator[tuple[int, VideoFrame]]:
    """The decoded frames from number `first` on, with their numbers, up to the first that the scan did not see."""
    scan = clip.scan
    number = 0 if seek is None else first
    found = seek is None
    decoded = decode_frames(clip.footage, clip.header, threads=threads, seek=seek, complaints=complaints)
    for frame in decoded if found else _until(decoded, scan.raw[first], scan.checksums[first], ahead=not scan.in_order):
        if number >= len(scan.raw) or (frame.ticks, checksum(frame.picture)) != (
            scan.raw[number],
            scan.checksums[number],
        ):
            return
        if number >= first:
            yield number, frame.picture
        number += 1


def _until(decoded: Iterator[DecodedFrame], ticks: int, wanted: int, *, ahead: bool) -> Iterator[DecodedFrame]:
    """The frames from the one with this time and checksum on; none if it is missing. ahead: times may jump back."""
    for frame in islice(decoded, _MOST_SOUGHT):
        if frame.ticks == ticks and checksum(frame.picture) == wanted:
            yield frame
            yield from decoded
            return
        if frame.ticks >= ticks and not ahead:
            return
