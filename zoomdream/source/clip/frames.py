"""A clip's frames one after the other, as its decoder gives them, from the beginning or from a key frame on."""

from __future__ import annotations

import contextlib
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.codec.context import CodecContext
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.stream import VideoStream

from zoomdream.config.schema_source import Footage, Series
from zoomdream.source.clip.header import Header
from zoomdream.source.clip.webp import decode_webp
from zoomdream.source.container import open_container, packets
from zoomdream.source.picture import read_channels
from zoomdream.source.series import files_of

Rows = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]

NO_TIME = -(2**62)
"""The ticks of a frame without a time."""

CUT_OFF = "it cannot be read to its end"

_GIF_REST = 64  # bytes that may follow the last picture: its end, and remarks

_MOST_WAITING = 1000  # packets whose frames are still to come

_TRANSPARENT = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""Decoders that show transparency which ffmpeg's own leave out."""


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """picture: as decoded. ticks: its time in the file, or NO_TIME. moved: the seconds by which that must be moved on
    the clip's clock (see container.packets). duration: in ticks, 0 where the file says none.
    """

    picture: VideoFrame
    ticks: int
    moved: Fraction
    duration: int


def decode_frames(
    footage: Footage, header: Header, *, threads: int, seek: int | None = None, complaints: list[str] | None = None
) -> Iterator[DecodedFrame]:
    """The frames in the order in which they are shown. What is damaged is left out, the reasons go to `complaints`.

    seek: ticks; decoding begins at the key frame before them, or earlier. InputError if the file cannot be opened.
    """
    if isinstance(footage, Series):
        yield from _read_series(footage, seek or 0)
        return
    said = complaints if complaints is not None else []
    if header.webp:
        for picture, ticks, duration in decode_webp(footage, said) if seek is None else ():
            yield DecodedFrame(picture, ticks, Fraction(0), duration)
        return
    with open_container(footage) as container:
        stream = container.streams[header.stream]
        assert isinstance(stream, VideoStream)
        if seek is not None:
            try:
                container.seek(seek, stream=stream)
            except (FFmpegError, OSError):
                return
        decoder: VideoCodecContext | None = None
        moves, end = _Moves(), 0
        for packet, moved in packets(container, stream):
            moves.note(packet.pts, moved)
            if packet.is_corrupt:
                said.append("a packet is corrupt")
            if packet.size:
                end = max(end, (packet.pos or 0) + packet.size)
            if decoder is None:
                decoder = _decoder(stream, packet, threads)
            try:
                pictures = [*_flushed(decoder, packet), *decoder.decode(packet if packet.size else None)]
            except (FFmpegError, ValueError, MemoryError) as error:
                said.append(getattr(error, "strerror", None) or str(error))
                continue
            for picture in pictures:
                if not isinstance(picture, VideoFrame):
                    continue
                if picture.is_corrupt:
                    said.append("a frame is damaged")
                ticks = NO_TIME if picture.pts is None else picture.pts
                yield DecodedFrame(picture, ticks, moves.of(picture.pts), picture.duration or 0)
        if _is_cut_off(Path(footage), container.format.name, end):
            said.append(CUT_OFF)


class _Moves:
    """By how much each frame is moved, from what was noted of the packet with its time.

    Not as PyAV's `opaque` of packets: a decoder that is closed early lets go of those in its threads, which then wait
    for the interpreter that waits for them.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, deque[Fraction]] = {}
        self._last = Fraction(0)

    def note(self, ticks: int | None, moved: Fraction) -> None:
        if ticks is not None:
            self._waiting.setdefault(ticks, deque()).append(moved)
            if len(self._waiting) > _MOST_WAITING:  # the second fields of frames, and what could not be decoded
                del self._waiting[next(iter(self._waiting))]
        else:
            self._last = moved

    def of(self, ticks: int | None) -> Fraction:
        """That of the next frame with this time; of one that no packet had, that of the frame before."""
        noted = self._waiting.get(ticks) if ticks is not None else None
        if noted:
            self._last = noted.popleft()
        if ticks is not None and not noted:
            self._waiting.pop(ticks, None)
        return self._last


def _read_series(series: Series, first: int) -> Iterator[DecodedFrame]:
    """Numbered pictures as frames of 16 bits, from frame `first` on; a tick is a frame. InputError for damaged ones.

    Such frames hold what 8 and 16 bits of a channel can be, exactly, and alpha apart from the colours.
    """
    for number, path in enumerate(files_of(series)[first:], first):
        channels = read_channels(path, series.transfer)[0].clamp(0, 1)
        if channels.shape[0] == 1:
            channels = channels.expand(3, -1, -1)
        levels = (channels * 65535).round().permute(1, 2, 0).contiguous().numpy().astype(np.uint16)
        picture = VideoFrame.from_ndarray(levels, format="gbrp16le" if levels.shape[2] == 3 else "gbrap16le")
        yield DecodedFrame(picture, number, Fraction(0), 1)


def checksum(picture: VideoFrame) -> int:
    """CRC-32 of all pixels of a decoded frame."""
    found = 0
    for index, plane in enumerate(picture.planes):
        found = zlib.crc32(np.ascontiguousarray(plane_bytes(picture, plane, index)).data, found)
    return found


def plane_bytes(picture: VideoFrame, plane: VideoPlane, index: int) -> Rows:
    """(rows, bytes of a row) of a plane, without what pads its rows."""
    rows: Rows = np.frombuffer(memoryview(plane), np.uint8)
    if picture.format.has_palette and index == 1:
        return rows[:1024].reshape(1, -1)
    if picture.format.is_planar:
        parts = [part for part in picture.format.components if part.plane == index]
        used = plane.width * len(parts) * -(-parts[0].bits // 8)
    else:
        used = -(-plane.width * picture.format.padded_bits_per_pixel // 8)
    return rows[: plane.line_size * plane.height].reshape(plane.height, -1)[:, :used]


def _decoder(stream: VideoStream, first: Packet[Stream], threads: int) -> VideoCodecContext:
    """The stream's own decoder, or one that shows its transparency."""
    name = _TRANSPARENT.get(stream.codec_context.name)
    if name is not None and (
        first.has_sidedata("matroska_block_additional") or stream.metadata.get("alpha_mode") == "1"
    ):
        with contextlib.suppress(FFmpegError, ValueError):  # built without it: shown as if opaque
            decoder = CodecContext.create(name, "r")
            assert isinstance(decoder, VideoCodecContext)
            decoder.extradata = stream.codec_context.extradata
            decoder.thread_count = threads
            return decoder
    decoder = stream.codec_context
    decoder.thread_type = "AUTO"
    decoder.thread_count = threads
    return decoder


def _is_cut_off(path: Path, kind: str, end: int) -> bool:
    """Whether a file ends before what it says, or cannot be read after byte `end`: of kinds that tell no length."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        file.seek(max(0, size - 64))
        tail = file.read().rstrip(b"\0")
    if kind == "gif":
        return size - end > _GIF_REST or not tail.endswith(b";")
    if kind == "mpegts":
        return size % 188 != 0 and size % 192 != 0 and size % 204 != 0
    return head.startswith(b"RIFF") and 8 + int.from_bytes(head[4:], "little") > size


def _flushed(decoder: VideoCodecContext, packet: Packet[Stream]) -> list[VideoFrame]:
    """The frames that a decoder of MPEG-2 holds when a packet begins a sequence of another size; it would lose them."""
    if decoder.name not in ("mpeg1video", "mpeg2video") or not packet.size:
        return []
    head = bytes(memoryview(packet)[:1024])
    place = head.find(b"\0\0\1\xb3") + 4
    if place < 4 or len(head) < place + 3 or not decoder.width:
        return []
    across, down = int.from_bytes(head[place : place + 2]) >> 4, int.from_bytes(head[place + 1 : place + 3]) & 0xFFF
    if (across, down) == (decoder.width, decoder.height):
        return []
    held = decoder.decode(None)
    decoder.flush_buffers()
    return held
