"""Sound against picture: clips that flash and click at the same moments, and the moments read back from a file.

All times are on the file's own clock, as a player sees it: what a container says of a late start, of a skipped
beginning or of a decoder that must warm up counts, because it is read by decoding.
"""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from zoomdream import ffmpeg

CLOCK = 48000  # samples per second
_APART = CLOCK // 10  # clicks nearer to each other are one
_QUIET = [str(ffmpeg.executable()), *ffmpeg.QUIET]


@dataclass(frozen=True)
class Sync:
    """How well clicks meet flashes. errors: seconds by which each click is late; start, end: those of the sound,
    seconds after the first frame; frames: times of all frames."""

    errors: list[float]
    start: float
    end: float
    frames: list[Fraction]

    @property
    def worst(self) -> float:
        """The largest error in seconds, either way."""
        return max(abs(error) for error in self.errors)


def flash_numbers(fps: Fraction, frames: int) -> list[int]:
    """The frames that flash: one at every whole second, but the first."""
    return [round(second * fps) for second in range(1, frames) if round(second * fps) < frames]


def write_clip(
    path: Path,
    *,
    fps: Fraction = Fraction(30000, 1001),
    seconds: int = 4,
    size: tuple[int, int] = (64, 48),
    late: Fraction = Fraction(0),
    shorter: float = 0.0,
    audio: str = "aac",
    sound_filter: str = "anull",
) -> None:
    """A clip that flashes white for one frame each second and clicks as that frame appears.

    size is (width, height); late: seconds by which the sound begins after the picture, negative where it begins before;
    shorter: seconds by which it ends before the picture; audio: ffmpeg's encoder for it.
    """
    count = round(seconds * fps)
    flashing = set(flash_numbers(fps, count))
    pixels = size[0] * size[1]
    gradient = np.linspace(30, 90, pixels).astype(np.uint8).tobytes()
    length = count / fps - late - Fraction(shorter)
    with tempfile.TemporaryDirectory(prefix="clips_sync_") as folder:
        silent = Path(folder, f"silent{'.webm' if path.suffix == '.webm' else '.mp4'}")
        raw = [silent.with_name(name) for name in ("pictures", "samples")]
        raw[0].write_bytes(b"".join(b"\xff" * pixels if number in flashing else gradient for number in range(count)))
        raw[1].write_bytes(_tone(length, [number / fps - late for number in sorted(flashing)]))
        ffmpeg.run(
            [
                *_QUIET, "-f", "rawvideo", "-pixel_format", "gray", "-video_size", f"{size[0]}x{size[1]}",
                "-framerate", str(fps), "-i", str(raw[0]), *_video_options(path.suffix), str(silent),
            ],
            what=f"Drawing {path}",
        )  # fmt: skip
        ffmpeg.run(
            [
                *_QUIET, "-y", "-itsoffset", str(float(max(-late, 0))), "-i", str(silent),
                "-f", "s16le", "-ar", str(CLOCK), "-ac", "1", "-i", str(raw[1]), "-map", "0:v", "-map", "1:a",
                "-c:v", "copy", "-af", f"{sound_filter},asetpts=PTS+{float(max(late, 0))}/TB", "-c:a", audio,
                "-strict", "experimental", str(path),
            ],
            what=f"Drawing {path}",
        )  # fmt: skip


def _video_options(suffix: str) -> list[str]:
    if suffix == ".webm":
        return ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt", "yuv420p"]
    return ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]


def _tone(length: Fraction, clicks: list[Fraction]) -> bytes:
    """A quiet tone with clicks, 16 bits."""
    samples = np.sin(np.arange(round(length * CLOCK)) * 2 * np.pi * 220 / CLOCK) * 0.02
    for moment in clicks:
        begin = round(moment * CLOCK)
        if begin >= 0:
            samples[begin : begin + 20] += 0.8
    return bytes((samples * 32767).astype("<i2").tobytes())


def measure(path: Path) -> Sync:
    """Read a file's flashes and clicks. ValueError unless there are as many of the one as of the other."""
    heard, start, end = clicks(path)
    seen, frames = flashes(path)
    if len(heard) != len(seen):
        raise ValueError(f"{path} has {len(seen)} flashes and {len(heard)} clicks")
    errors = [float(click - flash) for click, flash in zip(heard, seen, strict=True)]
    return Sync(errors, float(start - frames[0]), float(end - frames[0]), frames)


def clicks(path: Path) -> tuple[list[Fraction], Fraction, Fraction]:
    """When each click begins, and when the sound begins and ends, in seconds on the file's clock."""
    start, samples = sound(path)
    moments: list[int] = []
    for place in np.flatnonzero(np.abs(samples) > 0.35):
        if not moments or place - moments[-1] > _APART:
            moments.append(int(place))
    return [start + Fraction(moment, CLOCK) for moment in moments], start, start + Fraction(len(samples), CLOCK)


def sound(path: Path, rate: int = CLOCK) -> tuple[Fraction, np.ndarray]:
    """When a file's sound begins on the file's clock, in seconds; its samples, mono, with silence in its holes."""
    begin = _times(path, "0:a:0", "-frames:a", "1")
    if not begin:
        return Fraction(0), np.zeros(0, np.float32)
    holes = ["-af", "aresample=async=1:min_hard_comp=0.002"]
    command = [*_QUIET, "-i", str(path), "-map", "0:a:0", *holes, "-ac", "1", "-ar", str(rate), "-f", "f32le", "-"]
    data = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return begin[0], np.frombuffer(data, "<f4")


def flashes(path: Path) -> tuple[list[Fraction], list[Fraction]]:
    """When each flash appears, and all frames, in seconds on the file's clock.

    A flash is a frame that is brighter by half of the range between the darkest and the brightest frame.
    """
    frames = sorted(_times(path, "0:v:0", "-fps_mode", "passthrough", "-enc_time_base", "demux"))
    command = [
        *_QUIET, "-i", str(path), "-map", "0:v:0", "-fps_mode", "passthrough", "-enc_time_base", "demux",
        "-vf", "scale=4:4:flags=area", "-f", "rawvideo", "-pix_fmt", "gray", "-",
    ]  # fmt: skip
    data = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    brightness = np.frombuffer(data, np.uint8).reshape(-1, 16).mean(1)
    middle = (brightness.min() + brightness.max()) / 2
    return [frames[number] for number in np.flatnonzero(brightness > middle)], frames


def _times(path: Path, stream: str, *options: str) -> list[Fraction]:
    """The presentation times of the packets or frames of a stream, on the file's own clock."""
    command = [*_QUIET, "-copyts", "-i", str(path), "-map", stream, *options, "-f", "framecrc", "-"]
    lines = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
    tick = next((Fraction(line.split()[-1]) for line in lines if line.startswith("#tb")), Fraction(1))
    return [int(line.split(",")[2]) * tick for line in lines if not line.startswith("#")]
