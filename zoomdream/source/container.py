"""Opening media files with FFmpeg's libraries (PyAV): local ones that name no others; one clock for all their parts."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

from zoomdream.config.fields import LARGEST_AREA, LARGEST_EDGE
from zoomdream.errors import InputError, require_file
from zoomdream.machine.media_log import silence_media_log

_OPEN_OTHERS = """alsa applehttp avisynth bluray concat dash fbdev hls image2 imf iec61883 kmsgrab lavfi mpsub oss pulse
rtp rtsp sap sdp smil tty v4l2 vapoursynth video4linux2,v4l2 vobsub webm_dash_manifest x11grab xcbgrab"""
"""Formats that read other files, servers, devices or scripts; image2 takes a % in a name for a pattern."""

_PLAYLISTS = (
    (b"#EXTM3U", "an HLS playlist"),
    (b"ffconcat", "a list of files (ffconcat)"),
    (b"[playlist]", "a playlist"),
)

_MOST_DECODED = LARGEST_AREA + 256 * LARGEST_EDGE  # pixels: decoders count whole blocks, of at most 128 pixels

_AHEAD = 10  # seconds by which times of a broadcast may jump on before that is another part, as in ffmpeg
_BACK = Fraction(1, 10)  # seconds by which they may go back

_DISCONTINUOUS = 0x0200  # AVFMT_TS_DISCONT

_PATIENCE = 500
"""Packets of a stream that wait for the leading one, which may reach the next part a little later."""


def open_container(path: Path, kind: str = "a video") -> InputContainer:
    """Open a local media file. InputError, with the reason, where there is none, or where it names other files. kind:
    what it should be.
    """
    require_file(path, kind)
    silence_media_log()
    head = _head(path)
    for mark, playlist in _PLAYLISTS:
        if head.startswith(mark):
            raise InputError(f"{path} is {playlist}, which names other files. Give one of those.")
    options = {"protocol_whitelist": "file", "format_whitelist": _formats(), "max_pixels": str(_MOST_DECODED)}
    options["merge_pmt_versions"] = "1"  # joined recordings of one programme may number its streams anew
    try:
        if not set("%*?[]{}") & set(str(path.absolute())):  # a pattern, to ffmpeg, in the name of a picture
            with contextlib.suppress(av.ArgumentError):  # by its name it would be of a format that is not allowed
                return av.open(f"file:{path.absolute()}", options=options, metadata_errors="replace")
        with path.open("rb") as file:
            options |= {"protocol_whitelist": "fd", "fd": str(file.fileno())}
            return av.open("fd:", options=options, metadata_errors="replace")
    except (FFmpegError, OSError, ValueError) as error:
        raise InputError(f"{path} is not {kind} that ffmpeg can read: {_reason(head)}.") from error


def packets(container: InputContainer, lead: Stream, *others: Stream) -> Iterator[tuple[Packet[Stream], Fraction]]:
    """The packets of the streams, each with the seconds by which its times must be moved so that they go on.

    What follows a jump of the leading stream goes on where that had ended; the others are moved alike where they reach
    it, so that they stay in step. Where they alone jump they are not moved. The last packet of a stream is empty; it
    makes the decoder give what it still holds. A file that cannot be read on ends.
    """
    broadcast, moves = bool(container.format.flags & _DISCONTINUOUS), [Fraction(0)]
    lines = {stream.index: _Line(stream.time_base or Fraction(1), broadcast) for stream in (lead, *others)}
    for packet in _demuxed(container, (lead, *others)):
        number = packet.stream.index  # of the packet itself, it is 0 in the last one
        lines[number].waiting.append(packet)
        if number == lead.index and (step := lines[number].jump()):
            moves.append(moves[-1] - step)
            for line in lines.values():
                yield from line.ready(moves, _PATIENCE)
        else:
            yield from lines[number].ready(moves, _PATIENCE)
    for line in lines.values():
        yield from line.ready(moves, 0)


@dataclass(slots=True)
class _Line:
    """A stream on its way: its packets that wait, the part of the file that it is in, and where that ends so far, in
    ticks. Fractions of every packet's times would take ten times as long.
    """

    tick: Fraction
    broadcast: bool
    waiting: deque[Packet[Stream]] = field(default_factory=deque)
    part: int = 0
    end: int | None = None

    def jump(self) -> Fraction:
        """By how many seconds the next packet misses the end of the last one, where that is a jump; else 0."""
        packet = self.waiting[0]
        if packet.dts is None or self.end is None:
            return Fraction(0)
        step = packet.dts - self.end
        if step >= 0 and not self.broadcast:
            return Fraction(0)
        seconds = step * self.tick
        back = -_BACK - (packet.duration or 0) * self.tick
        return seconds if seconds < back or (self.broadcast and seconds > _AHEAD) else Fraction(0)

    def ready(self, moves: list[Fraction], patience: int) -> Iterator[tuple[Packet[Stream], Fraction]]:
        """The packets of which is known by how much they are moved."""
        while self.waiting:
            if step := self.jump():
                following = self.part + 1 < len(moves)
                if following and abs(step + moves[self.part + 1] - moves[self.part]) < abs(step):
                    self.part, self.end = self.part + 1, None
                elif not following and len(self.waiting) < patience:
                    return
            packet = self.waiting.popleft()
            if packet.dts is not None:
                end = packet.dts + (packet.duration or 0)
                self.end = end if self.end is None else max(end, self.end)
                if self.broadcast and packet.pts is not None and (packet.pts - packet.dts) * self.tick > _AHEAD:
                    packet.pts = end  # FFmpeg took that of the part that follows
            yield packet, moves[self.part]  # no `opaque`: PyAV loses an object that several packets share


def _demuxed(container: InputContainer, streams: tuple[Stream, ...]) -> Iterator[Packet[Stream]]:
    source = container.demux(*streams)
    while True:
        try:
            yield next(source)
        except StopIteration:
            return
        except (FFmpegError, OSError, IndexError):  # the last is PyAV's, at the end, where streams appeared on the way
            yield from map(_empty, streams)  # as the demuxer does at its own end
            return


def _empty(stream: Stream) -> Packet[Stream]:
    packet: Packet[Stream] = Packet()
    packet.stream = stream
    return packet


@cache
def _formats() -> str:
    return ",".join(sorted(name for name in av.formats_available if name not in _OPEN_OTHERS.split()))


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(64)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error


def _reason(head: bytes) -> str:
    if not head:
        return "it is empty"
    if all(32 <= byte < 127 or byte in b"\t\r\n" for byte in head):
        return "it is a text file"
    if head[4:8] == b"ftyp":
        return "its index is missing (moov atom not found): it was cut off while it was written or copied"
    return "it is damaged, or of no known kind"
