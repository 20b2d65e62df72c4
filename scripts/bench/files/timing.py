"""Pictures at odd times: durations of animations, holds, cuts, late and broken clocks, rates that vary."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from bench.files import drawing
from bench.files.drawing import COLORS
from bench.files.kinds import FILM
from bench.files.making import COUNT, FPS, MILLISECOND, Case, Truth, encode, encode_at, lasting, run, steady
from PIL import Image

H264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p"]
SIMPLE = [*H264, "-bf", "0", "-g", "8"]
_OPAQUE_OR_NOT = (255, 255, 255, 0)
_WRAP = Fraction(2**33, 90000)
"""Seconds after which the clock of MPEG streams begins anew."""


def animations() -> Iterator[Case]:
    """GIF, APNG and WebP whose pictures last for different times, opaque and transparent."""
    hundredths = [10, 50, 10, 30, 200, 10, 10, 40]
    durations = [Fraction(value, 100) for value in hundredths]
    for suffix, more in (("gif", {}), ("png", {}), ("webp", {"lossless": True})):
        for transparent in (False, True):
            seen = {"colors": (*COLORS[:3], (0, 0, 0)), "alphas": _OPAQUE_OR_NOT} if transparent else {}

            def write(path: Path, transparent: bool = transparent, more: dict[str, bool] = more) -> None:
                pictures = drawing.frames(len(hundredths))
                if transparent:
                    pictures = drawing.transparent(pictures, _OPAQUE_OR_NOT)
                first, *others = map(Image.fromarray, pictures)
                times = [10 * value for value in hundredths]
                more = {"disposal": 2} if path.suffix == ".gif" else more
                first.save(path, save_all=True, append_images=others, duration=times, loop=0, **more)

            truth = lasting(durations, Fraction(10), **seen)
            yield Case(f"{'transparent ' if transparent else ''}animation {suffix}", suffix, write, truth)
    late = lasting([Fraction(1, 10)] * 5 + [Fraction(3)], Fraction(10))

    def held(path: Path) -> None:
        first, *others = map(Image.fromarray, drawing.frames(6))
        first.save(path, save_all=True, append_images=others, duration=[100] * 5 + [3000], loop=0)

    yield Case("held at the end gif", "gif", held, late)
    yield Case("held at the end webp", "webp", held, late)


def holds_and_cuts() -> Iterator[Case]:
    """A last picture that stays, edit lists, streams cut out of others, single pictures, long gaps."""
    for suffix in ("mp4", "mov", "mkv"):
        truth = lasting([1 / FPS] * 23 + [Fraction(1)], FPS)
        yield _encoded(
            f"held at the end {suffix}", suffix, truth, [*SIMPLE, *_packets("duration=if(eq(N\\,23)\\,25\\,1)")]
        )
        yield _encoded(f"one picture {suffix}", suffix, steady(1), SIMPLE)
    trimmed = steady(16, numbers=tuple(range(8, 24)))
    yield _remuxed("cut by an edit list mp4", "mp4", trimmed, ["-ss", "0.32"], [*SIMPLE[:-1], "100"])
    yield _remuxed("cut by an edit list mov", "mov", trimmed, ["-ss", "0.32"], [*SIMPLE[:-1], "100"])
    yield _remuxed("cut with B-frames mp4", "mp4", trimmed, ["-ss", "0.32"], [*H264, "-bf", "3", "-g", "100"])
    for suffix in ("ts", "h264", "mkv", "flv"):
        drop = ["-bsf:v", "noise=drop=lt(n\\,3)"]
        yield _remuxed(f"begins between key frames {suffix}", suffix, trimmed, [], SIMPLE, drop)
    hour = [Fraction(number, 25) for number in range(6)] + [36000 + Fraction(number, 25) for number in range(6)]
    yield _timed("gap of ten hours", "mkv", [int(1000 * time) for time in hour], Fraction(1, 1000), FPS)
    yield _timed("gap of ten hours", "mp4", [int(12800 * time) for time in hour], Fraction(1, 12800), FPS)


def clocks() -> Iterator[Case]:
    """Late and early starts, clocks that begin anew, wrap, go back or are missing."""
    for suffix in ("mp4", "mkv", "ts", "flv", "avi", "mpg"):
        codec = ["-c:v", "mpeg2video", "-q:v", "2"] if suffix == "mpg" else SIMPLE
        yield _encoded(f"late start {suffix}", suffix, steady(), [*codec, "-output_ts_offset", "5.2"])
    early = ["-output_ts_offset", "-0.2", "-avoid_negative_ts", "disabled"]
    hidden = steady(19, numbers=tuple(range(5, COUNT)))
    yield Case(
        "start before zero mp4", "mp4", lambda path: encode(path, drawing.frames(COUNT), *SIMPLE, *early), hidden
    )
    mpeg2 = ["-c:v", "mpeg2video", "-q:v", "2"]
    for name, codec, suffix in (
        ("H.264", H264, "ts"),
        ("MPEG-2", [*mpeg2, "-bf", "2"], "ts"),
        ("MPEG-2", mpeg2, "vob"),
    ):
        wrapping = ["-output_ts_offset", str(float(_WRAP) - 1.9), "-muxdelay", "0"]
        yield _encoded(f"clock of 33 bits wraps {name} {suffix}", suffix, steady(100), [*codec, *wrapping])
        for starts, words in (((0, 0), "joined, clock begins anew"), ((7000, 12), "joined, clock jumps back"),
                              ((10, 7000), "joined, clock jumps on")):  # fmt: skip
            yield _joined(f"{words} {name} {suffix}", suffix, codec, starts)
    held = steady(120)
    starts = tuple(
        sorted(start - Fraction(9, 100) if number in (9, 14) else start for number, start in enumerate(held.starts))
    )
    yield Case("times that go back flv", "flv", _going_back, replace(held, starts=starts))
    for late in (Fraction(1, 2), Fraction(-3, 10)):
        for suffix, sound in (
            ("mp4", "aac"),
            ("mkv", "libopus"),
            ("mov", "pcm_s16le"),
            ("ts", "mp2"),
            ("webm", "libopus"),
        ):
            yield _with_sound(suffix, sound, late)


def rates() -> Iterator[Case]:
    """Rates that vary: phones, screen recordings, removed duplicates; frames in milliseconds."""
    ninety = Fraction(1, 90000)
    jitter = [0, 400, -350, 120, -80, 300, -420, 50, 210, -130]
    phone = [3000 * number + jitter[number * 7 % 10] + 420 for number in range(60)]
    yield _timed("phone with a jittery clock", "mp4", phone, ninety, Fraction(30))
    dropping = [3000 * number + jitter[number * 3 % 10] // 8 + 420 for number in range(90) if number % 9 != 4]
    yield _timed("phone that leaves out frames", "mp4", dropping, ninety, Fraction(30))
    moving = [number for start in (0, 90, 210, 420) for number in range(start, start + 12)]
    for suffix in ("webm", "mkv", "mp4"):
        ticks = [round(1000 * number / Fraction(30)) for number in moving]
        codec = "libvpx" if suffix == "webm" else "libx264"
        yield _timed("screen recording that stands still", suffix, ticks, Fraction(1, 1000), Fraction(30), codec=codec)
    sparse = [number for number in range(120) if number % 5 in (0, 1, 3) or number < 20]
    film = [round(number / FILM * 1000) for number in sparse]
    yield _timed("duplicates removed", "mkv", film, Fraction(1, 1000), FILM)
    slow = [number * 40 for number in range(20)] + [800 + number * 20 for number in range(40)]
    yield _timed("25 and then 50 per second", "mkv", slow, Fraction(1, 1000), Fraction(50))


def _packets(rule: str) -> list[str]:
    return ["-bsf:v", f"setts={rule}"]


def _encoded(name: str, suffix: str, truth: Truth, options: Sequence[object]) -> Case:
    return Case(name, suffix, lambda path: encode(path, drawing.frames(len(truth.starts)), *options), truth)


def _remuxed(
    name: str, suffix: str, truth: Truth, before: Sequence[str], codec: Sequence[str], after: Sequence[str] = ()
) -> Case:
    """COUNT pictures, of which a copy by ffmpeg keeps some."""

    def write(path: Path) -> None:
        whole = encode(path.with_name("whole.mkv"), drawing.frames(COUNT), *codec)
        run(*before, "-i", whole, "-c", "copy", *after, path)
        whole.unlink()

    return Case(name, suffix, write, truth)


def _timed(
    name: str, suffix: str, ticks: Sequence[int], tick: Fraction, rate: Fraction, codec: str = "libx264"
) -> Case:
    starts = tuple((number - ticks[0]) * tick for number in ticks)
    truth = Truth(starts, starts[-1] + 1 / rate, rate, tuple(range(len(ticks))), late=MILLISECOND)
    options = {"bf": "0"} if codec == "libx264" else {"crf": "5", "b": "2M"}

    def write(path: Path) -> None:
        encode_at(path, drawing.frames(len(ticks)), ticks, tick, rate, codec, **options)

    return Case(f"{name} {suffix}", suffix, write, truth)


def _joined(name: str, suffix: str, codec: Sequence[str], starts: Sequence[int]) -> Case:
    """Two streams one after the other in one file, as `cat` joins them, each with a clock of its own."""

    def write(path: Path) -> None:
        parts = []
        for number, start in enumerate(starts):
            part = path.with_name(f"part{number}.{suffix}")
            offset = ["-output_ts_offset", start, "-muxdelay", "0"]
            encode(part, drawing.frames(COUNT // 2, first=number * COUNT // 2), *codec, *offset)
            parts.append(part.read_bytes())
            part.unlink()
        path.write_bytes(b"".join(parts))

    return Case(name, suffix, write, steady(late=Fraction(1, 40)))


def _going_back(path: Path) -> None:
    """Two pictures of an FLV file say that they are shown before the ones before them."""
    encode(path, drawing.frames(120), "-c:v", "flv", "-q:v", "2")
    data, place, number = bytearray(path.read_bytes()), 13, 0
    while place < len(data):
        kind, length, time = data[place], int.from_bytes(data[place + 1 : place + 4]), data[place + 4 : place + 7]
        if kind == 9:
            number += 1
            if number in (10, 15):
                data[place + 4 : place + 7] = struct.pack(">I", int.from_bytes(time) - 90)[1:]
        place += 11 + length + 4
    path.write_bytes(data)


def _with_sound(suffix: str, sound: str, late: Fraction) -> Case:
    """A tone that begins `late` after the first picture."""
    shift = ["-itsoffset", str(float(late))] if late > 0 else []
    early = float(-late) if late < 0 else 0
    tone = [*shift, "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=1.5"]
    picture = ["-vf", f"setpts=PTS+{early}/TB"]

    def write(path: Path) -> None:
        codec = SIMPLE if suffix != "webm" else ["-c:v", "libvpx", "-b:v", "2M", "-pix_fmt", "yuv420p"]
        options = [*picture, *codec, "-c:a", sound, "-fps_mode", "passthrough"]
        encode(path, drawing.frames(COUNT), "-map", "0:v", "-map", "1:a", *options, before=tone)

    return Case(f"sound {float(late):+g} s {suffix}", suffix, write, steady(sound=late))
