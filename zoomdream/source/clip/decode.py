"""A clip's frames as pictures, decoded by an ffmpeg process that runs ahead of the dream."""

from __future__ import annotations

import queue
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np
import torch
from torch import Tensor

from zoomdream import ffmpeg
from zoomdream.errors import InputError
from zoomdream.machine.workers import BackgroundIterator
from zoomdream.source.clip.clip import Clip
from zoomdream.source.clip.filters import Fit, filters
from zoomdream.source.clip.header import input_options
from zoomdream.source.clip.scan import FrameLog, LoggedFrame

AHEAD = 4
"""Decoded frames that wait, at most."""

_SKIP = 48  # frames that are rather decoded and skipped than sought past by another ffmpeg
_PREROLL = Fraction(10)  # seconds by which a second attempt seeks earlier


class ClipReader:
    """The pictures of a clip for the frames of an output. A context manager; `close` ends ffmpeg.

    numbers: the clip's frame for each output frame (see clip.frame_numbers). size: (height, width). fit: `fill` covers
    it and crops the middle, `fit` shows all of the clip on black, `stretch` distorts.
    Every frame is compared with the time and checksum that the scan of the clip noted. So a jump, which starts ffmpeg
    at an earlier key frame, gives the pixels that reading from the beginning gives: where a container's index or an
    open group of pictures misleads ffmpeg, it is started earlier, at last at the beginning.
    """

    def __init__(
        self, program: Path, clip: Clip, numbers: Sequence[int], size: tuple[int, int], fit: Fit, threads: int = 1
    ) -> None:
        self._program, self._clip, self._numbers = program, clip, numbers
        self._size, self._fit = size, fit
        self._threads = 1 if clip.scan.damaged else threads  # see scan_clip
        filters(clip, size, fit, "1")  # refuses what cannot be, before the first frame
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
        """The picture of an output frame, (1, 3, H, W) float32 RGB in [0, 1]. In order is quick, any order is right.

        InputError if the clip ends before the frame or is no longer what it was.
        """
        wanted = self._numbers[index]
        if self._cached is None or self._cached[0] != wanted:
            self._cached = wanted, _picture(self._data(wanted), self._size)
        return self._cached[1]

    def close(self) -> None:
        """End ffmpeg. Raises nothing; may be called twice."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _data(self, wanted: int) -> bytes:
        if self._stream is not None and self._stream.next <= wanted < self._stream.next + _SKIP:
            data = self._stream.take(wanted)
            if data is not None:
                return data
        for seek in self._seek_points(wanted):
            self.close()
            self._stream = _Stream(self._command(wanted, seek), self._clip, wanted, self._size)
            data = self._stream.take(wanted)
            if data is not None:
                return data
        assert self._stream is not None
        raise InputError(f"{self._clip.path}: frame {wanted} cannot be decoded again{self._stream.reason()}.")

    def _seek_points(self, wanted: int) -> list[str | None]:
        """Where to start decoding for a frame, best first: seconds on the container's clock; None is the beginning."""
        time, first = self._clip.times[wanted], self._clip.times[0]
        return [f"{float(before):.6f}" for before in (time, time - _PREROLL) if before > first + 1] + [None]

    def _command(self, wanted: int, seek: str | None) -> list[str]:
        chosen = f"gte(n,{wanted})" if seek is None else f"gte(pts,{self._clip.scan.ticks[wanted]})"
        return [
            *input_options(self._program, self._clip.path, threads=self._threads, seek=seek),
            "-loglevel", "repeat+level+info", "-filter_threads", "1", "-map", f"0:{self._clip.header.stream}",
            "-vf", filters(self._clip, self._size, self._fit, chosen), "-fps_mode", "passthrough",
            "-f", "rawvideo", "-pix_fmt", "rgb48le", "pipe:1",
        ]  # fmt: skip


class _Stream:
    """One ffmpeg process, whose frames from number `first` on are read in a background thread."""

    def __init__(self, command: Sequence[str], clip: Clip, first: int, size: tuple[int, int]) -> None:
        self.next = first
        self._clip, self._size = clip, size
        self._log = FrameLog()
        self._logged: queue.SimpleQueue[LoggedFrame] = queue.SimpleQueue()
        self._end: tuple[int, list[str]] | None = None
        self._process = ffmpeg.Process(command, what=f"Reading {clip.path}", feed=False, stream=True, hear=self._listen)
        self._frames = BackgroundIterator(self._read(first), AHEAD, "zoomdream-decoding")

    def take(self, wanted: int) -> bytes | None:
        """The data of frame `wanted`; None if the stream ends before it or does not match the scan."""
        data = None
        while self.next <= wanted:
            data = next(self._frames, None)
            if data is None:
                return None
            self.next += 1
        return data

    def reason(self) -> str:
        """Why ffmpeg failed, if it has ended."""
        return f": {ffmpeg.explain(self._end[1], self._end[0])}" if self._end and self._end[0] else ""

    def close(self) -> None:
        """End ffmpeg and the thread."""
        self._process.stop()
        self._frames.close()
        self._process.kill()

    def _listen(self, line: str) -> bool:
        logged = self._log.feed(line)
        if logged is not None:
            self._logged.put(logged)
        return re.search(r"\[(error|fatal)\]", line) is None

    def _read(self, number: int) -> Iterator[bytes]:
        """The data of frames, up to the first that does not match the scan."""
        count = self._size[0] * self._size[1] * 6
        while len(data := self._process.read(count)) == count:
            if not self._matches_scan(number):
                return
            yield data
            number += 1
        self._end = self._process.end()

    def _matches_scan(self, number: int) -> bool:
        """Whether the next frame has the time and checksum of the scan. `showinfo` prints it earlier."""
        try:
            logged = self._logged.get(timeout=60)
        except queue.Empty:
            return False
        scan = self._clip.scan
        if number >= len(scan.ticks):
            return False
        return (logged.ticks, logged.checksum) == (scan.ticks[number], scan.checksums[number])


def _picture(data: bytes, size: tuple[int, int]) -> Tensor:
    values = np.frombuffer(data, "<u2").astype(np.float32).reshape(*size, 3)
    return torch.from_numpy(values).permute(2, 0, 1)[None].contiguous().div_(65535)
