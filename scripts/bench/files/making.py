"""Files and what is true of them: a case writes one, and knows its frames, times, rate, size and colours."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import av
from bench.files import drawing
from bench.files.drawing import COLORS, SIZE, Frames

from zoomdream import ffmpeg

FPS, COUNT = Fraction(25), 24
MILLISECOND = Fraction(1, 1000)


@dataclass(frozen=True)
class Truth:
    """starts: when each picture is shown, in seconds from the first; end: when the last one ends. rate: at which things
    move. numbers: which the pictures show. size: (height, width). colors: of the patches, 8 bit RGB, None where not
    known; alphas: their alpha, None of an opaque file. off: by which a colour may be off, of 255; late: by which a time
    may be off, in seconds. sound: seconds from the first picture to the beginning of the sound, None without sound.
    notes: words that must be among what people are told.
    """

    starts: tuple[Fraction, ...]
    end: Fraction
    rate: Fraction = FPS
    numbers: tuple[int, ...] = ()
    size: tuple[int, int] = SIZE
    colors: Sequence[Sequence[float]] | None = COLORS
    alphas: Sequence[float] | None = None
    off: float = 8
    late: Fraction = MILLISECOND
    sound: Fraction | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """A file: `write` makes it at a path whose name ends in `suffix`."""

    name: str
    suffix: str
    write: Callable[[Path], object] = field(repr=False)
    truth: Truth


def steady(count: int = COUNT, rate: Fraction = FPS, **facts: object) -> Truth:
    """Of `count` pictures, each shown for as long."""
    facts.setdefault("numbers", tuple(range(count)))
    starts = tuple(number / rate for number in range(count))
    return Truth(starts, count / rate, rate, **facts)  # type: ignore[arg-type]


def lasting(durations: Sequence[Fraction], rate: Fraction, **facts: object) -> Truth:
    """Of pictures that are shown for `durations`, in seconds."""
    ends = tuple(accumulate(durations, initial=Fraction(0)))
    facts.setdefault("numbers", tuple(range(len(durations))))
    return Truth(ends[:-1], ends[-1], rate, **facts)  # type: ignore[arg-type]


def run(*words: object, data: bytes = b"") -> None:
    """Run ffmpeg. RuntimeError with its words where it fails."""
    command = [str(ffmpeg.executable()), "-y", "-v", "error", *map(str, words)]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace").strip()[-500:])


def encode(path: Path, pictures: Frames, *options: object, fps: object = FPS, before: Sequence[object] = ()) -> Path:
    """Encode pictures by ffmpeg. before: what is said of them, or further inputs."""
    _, height, width, channels = pictures.shape
    kind = "rgba" if channels == 4 else "rgb24"
    raw = ["-f", "rawvideo", "-pix_fmt", kind, "-s", f"{width}x{height}", "-r", fps, "-i", "-"]
    run(*raw, *before, *options, path, data=pictures.tobytes())
    return path


def encode_at(
    path: Path, pictures: Frames, ticks: Sequence[int], tick: Fraction, rate: Fraction, codec: str, **options: str
) -> Path:
    """Encode pictures by PyAV, each shown from its tick on. rate: what the header states."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.height, stream.width = pictures.shape[1:3]
        stream.pix_fmt = "bgr0" if codec == "ffv1" else "yuv420p"
        stream.time_base = stream.codec_context.time_base = tick
        for picture, time in zip(pictures, ticks, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = time, tick
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def coded(name: str, suffix: str, options: str, truth: Truth | None = None, **facts: object) -> Case:
    """Steady pictures in a container by a codec, as ffmpeg's options say."""
    truth = truth or steady(**facts)  # type: ignore[arg-type]

    def write(path: Path) -> None:
        pictures = drawing.frames(len(truth.starts), truth.size)
        if truth.alphas is not None:
            pictures = drawing.transparent(pictures, tuple(round(alpha) for alpha in truth.alphas))
        encode(path, pictures, *options.split(), fps=truth.rate)

    return Case(name, suffix, write, truth)
