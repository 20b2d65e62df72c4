"""Opening media files with FFmpeg's libraries (PyAV): local ones that name no others; one clock for all their parts."""

from __future__ import annotations

from collections.abc import Iterator
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

_OPEN_OTHERS = """alsa applehttp avisynth bluray concat dash fbdev hls image2 imf iec61883 kmsgrab lavfi mpsub oss pulse
rtp rtsp sap sdp smil tty v4l2 vapoursynth video4linux2,v4l2 vobsub webm_dash_manifest x11grab xcbgrab"""
"""Formats that read other files, servers, devices or scripts; image2 takes a % in a name for a pattern."""

_PLAYLISTS = (
    (b"#EXTM3U", "an HLS playlist"),
    (b"ffconcat", "a list of files (ffconcat)"),
    (b"[playlist]", "a playlist"),
)

_MOST_DECODED = LARGEST_AREA + 256 * LARGEST_EDGE  # pixels: decoders count whole blocks, of at most 128 pixels

_JUMP = 10  # seconds by which times of a broadcast may jump on before that is another part, as in ffmpeg
_BACK = Fraction(1, 10)  # seconds by which they may go back

_DISCONTINUOUS = 0x0200  # AVFMT_TS_DISCONT


def open_container(path: Path) -> InputContainer:
    """Open a local media file. InputError, with the reason, where there is none, or where it names other files."""
    require_file(path, "a clip or a sound")
    head = _head(path)
    for mark, kind in _PLAYLISTS:
        if head.startswith(mark):
            raise InputError(f"{path} is {kind}, which names other files. Give the clip itself.")
    options = {"protocol_whitelist": "file", "format_whitelist": _formats(), "max_pixels": str(_MOST_DECODED)}
    try:
        if set("%*?[]{}") & set(str(path.absolute())):  # a pattern, to ffmpeg, in the name of a picture
            with path.open("rb") as file:
                options |= {"protocol_whitelist": "fd", "fd": str(file.fileno())}
                return av.open("fd:", options=options, metadata_errors="replace")
        return av.open(f"file:{path.absolute()}", options=options, metadata_errors="replace")
    except (FFmpegError, OSError, ValueError) as error:
        raise InputError(f"{path} is not a video that ffmpeg can read: {_reason(head)}.") from error


def packets(container: InputContainer, *streams: Stream) -> Iterator[tuple[Packet[Stream], Fraction]]:
    """The packets of the streams, each with the seconds by which its times must be moved so that they go on.

    Joined transport streams and the parts of a DVD begin their clocks anew, and a clock of 33 bits begins anew after 26
    hours: there, what follows goes on where its stream ended. All streams are moved alike, so that they stay in step.
    The last packet of a stream is empty; it makes the decoder give what it still holds. A file that cannot be read on
    ends.
    """
    broadcast = bool(container.format.flags & _DISCONTINUOUS)
    moved = Fraction(0)
    ends: dict[int, Fraction] = {}
    source = container.demux(*streams)
    while True:
        try:
            packet = next(source)
        except StopIteration:
            return
        except (FFmpegError, OSError):
            for stream in streams:  # as the demuxer does at its own end
                yield _empty(stream), moved
            return
        if packet.dts is not None and packet.time_base:
            begin = packet.dts * packet.time_base + moved
            expected = ends.get(packet.stream_index)
            if expected is not None:
                step = begin - expected
                if step < -_BACK - _span(packet) or (broadcast and step > _JUMP):
                    moved, begin = moved - step, expected
            ends[packet.stream_index] = max(begin + _span(packet), expected or begin)
        yield packet, moved


def _span(packet: Packet[Stream]) -> Fraction:
    return (packet.duration or 0) * packet.time_base


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
