"""Fields of two moments, of film in 3:2 pulldown, and of both."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from bench.files import drawing
from bench.files.kinds import FILM, NTSC
from bench.files.making import COUNT, Case, Truth, encode, lasting, steady
from bench.files.structure import MPEG2, join, plain
from bench.files.timing import H264

_TFF, _BFF = ["-vf", "setfield=tff", "-flags", "+ildct+ilme"], ["-vf", "setfield=bff", "-flags", "+ildct+ilme"]


_FIELDS = tuple(number ^ number >> 1 for number in range(2 * COUNT))
"""Numbers of fields, in Gray's code: a bar that changes with every field would look like rows that stand still."""

_MIXED = (*range(12), *_FIELDS[12:36:2], *range(36, 48))


def fields() -> Iterator[Case]:
    """Fields of two moments, of film, and of both."""
    for name, codec, suffix in (("MPEG-2", MPEG2, "ts"), ("MPEG-2", MPEG2, "vob"), ("FFV1", ["-c:v", "ffv1"], "mkv"),
                                ("ProRes", ["-c:v", "prores_ks"], "mov"), ("H.264", H264, "mp4"),
                                ("rawvideo", ["-c:v", "rawvideo", "-pix_fmt", "uyvy422"], "mov")):  # fmt: skip
        for first, options in (("top", _TFF), ("bottom", _BFF)):
            yield _interlaced(f"{first} field first {name} {suffix}", suffix, [*codec, *options], first == "top")
    flagged = steady(notes=("interlaced",))
    yield Case("whole frames that say they are interlaced ts", "ts", plain(*MPEG2, *_TFF), flagged)
    yield Case("fake interlaced H.264 mp4", "mp4", plain(*H264, "-x264-params", "fake-interlaced=1"), steady())
    for suffix in ("m2v", "ts", "vob", "mkv"):
        film = lasting([(3, 2)[number % 2] / NTSC / 2 for number in range(40)], FILM, late=Fraction(1, 40))
        yield Case(f"soft telecine {suffix}", suffix, _soft_telecine, film)
    film = replace(steady(40, FILM, notes=("film",)), late=Fraction(1, 40))
    for first, options in (("top", _TFF), ("bottom", _BFF)):
        for phase in range(5):
            skipped = _skipped(phase)
            truth = replace(
                film, numbers=tuple(range(skipped, 40)), starts=film.starts[: 40 - skipped], end=(40 - skipped) / FILM
            )
            yield _hard_telecine(
                f"film in 3:2 fields, {first} first, frame {phase}", truth, options, first == "top", [(phase, 50)]
            )
    shown = (*range(26), *range(27, 51))
    cut = replace(
        film,
        starts=tuple(place / FILM for place in shown),
        end=51 / FILM,
        numbers=(*range(26), *range(2, 26)),
        colors=None,
    )
    yield _hard_telecine("film in 3:2 fields, cut", cut, _TFF, True, [(0, 33), (2, 33)])
    yield Case("whole, interlaced, whole ts", "ts", _mixed_fields, steady(36, numbers=_MIXED, notes=("interlaced",)))


def _interlaced(name: str, suffix: str, options: Sequence[str], even_first: bool) -> Case:
    def write(path: Path) -> None:
        pictures = drawing.numbered(_FIELDS)
        more = ["-x264-params", f"{'tff' if even_first else 'bff'}=1"] if "libx264" in options else []
        encode(path, drawing.fields(pictures[::2], pictures[1::2], even_first=even_first), *options, *more)

    return Case(name, suffix, write, steady(numbers=_FIELDS[::2], notes=("interlaced",)))


def _soft_telecine(path: Path) -> None:
    """Film whose MPEG-2 headers tell to show every second picture for three fields (ISO/IEC 13818-2, 6.3.10)."""
    raw = encode(path.with_name("raw.m2v"), drawing.frames(40), *MPEG2, "-flags", "+ildct+ilme", fps=NTSC)
    data = bytearray(raw.read_bytes())
    for shown, found in enumerate(re.finditer(rb"\x00\x00\x01\xb5[\x80-\x8f]", bytes(data))):
        flags = found.start() + 7
        repeat, top_first = shown % 2 == 0, shown % 4 in (0, 3)
        data[flags] = data[flags] & 0b01111100 | top_first << 7 | repeat << 1 | 1
        data[flags + 1] |= 0x80  # progressive_frame
    raw.write_bytes(data)
    if path.suffix == ".m2v":
        raw.replace(path)
        return
    with av.open(str(raw)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        fields = 0
        for number, packet in enumerate(packet for packet in source.demux(video=0) if packet.size):
            packet.stream, packet.time_base = stream, 1 / NTSC / 2
            packet.pts = packet.dts = fields
            packet.duration = (3, 2)[number % 2]
            fields += packet.duration
            target.mux(packet)
    raw.unlink()


def _telecined(film: drawing.Frames, even_first: bool) -> drawing.Frames:
    """Five frames of each four pictures: A, B, B and C, C and D, D."""
    a, b, c, d = (film[place::4] for place in range(4))
    third, fourth = (drawing.fields(one, other, even_first=even_first) for one, other in ((b, c), (c, d)))
    return np.stack([a, b, third, fourth, d], 1).reshape(-1, *film.shape[1:])


def _skipped(phase: int) -> int:
    """The film pictures that are missing where the first `phase` of five frames are cut away."""
    return (0, 1, 2, 3, 3)[phase]


def _hard_telecine(
    name: str, truth: Truth, options: Sequence[str], even_first: bool, parts: Sequence[tuple[int, int]]
) -> Case:
    """parts: of each part the first frame and the frame before which it ends."""

    def write(path: Path) -> None:
        whole = _telecined(drawing.frames(40), even_first)
        shown = [whole[first:end].copy() for first, end in parts]
        for later in shown[1:]:  # another scene
            later[:, : later.shape[1] // 2] = later[:, : later.shape[1] // 2, ::-1] // 2
        encode(path, np.concatenate(shown), *MPEG2, *options, fps=NTSC)

    return Case(name, "ts", write, truth)


def _mixed_fields(path: Path) -> None:
    pictures = drawing.frames(48)
    moments = drawing.numbered(_FIELDS)
    woven = drawing.fields(moments[12:36:2], moments[13:36:2], even_first=True)
    join(path, [(pictures[:12], MPEG2), (woven, [*MPEG2, *_TFF]), (pictures[36:], MPEG2)])
