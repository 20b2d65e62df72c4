"""What a clip is and what its dream became, each read by decoding, with nothing of zoomdream's own readers."""

from __future__ import annotations

import itertools
import math
import re
import statistics
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from bench.clips import sync as clips_sync

from zoomdream import ffmpeg
from zoomdream.ffmpeg import probe

_READ = [str(ffmpeg.executable()), *ffmpeg.QUIET, "-copyts"]
_RATE = 16000  # samples per second at which two sounds are compared
_FARTHEST = 0.75  # seconds by which they may be apart
_EDGE = 24  # pixels of the small pictures that are compared
_SILENT = 1e-4  # root mean square of a sound, full scale 1


@dataclass(frozen=True)
class Facts:
    """size: (width, height) as shown, square pixels; times, end: of the frames and of the end of the last, in seconds
    on the file's clock; rate: as the file says; pictures: each frame, grey and small, (N, 24, 24) in 0..1; heard: the
    codec of its sound; silent: that nothing is to be heard in it.
    """

    path: Path
    size: tuple[int, int]
    times: list[Fraction]
    end: Fraction
    rate: Fraction
    pictures: np.ndarray
    heard: str | None

    @property
    def seconds(self) -> Fraction:
        return self.end - self.times[0]

    @property
    def steady(self) -> bool:
        """Whether all frames are equally long, to a millisecond of rounding each."""
        steps = [float(after - before) for before, after in itertools.pairwise(self.times)]
        return not steps or max(steps) - min(steps) < 0.0025


def read(path: Path) -> Facts:
    """All facts of a file. RuntimeError where ffmpeg cannot decode it."""
    frames = _frames(path)
    command = [
        *_READ, "-i", str(path), "-map", "0:v:0", "-fps_mode", "passthrough", "-enc_time_base", "demux",
        "-vf", f"scale={_EDGE}:{_EDGE}:flags=area", "-f", "rawvideo", "-pix_fmt", "gray", "-",
    ]  # fmt: skip
    data = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    facts = probe.probe(ffmpeg.executable(), path)
    last = frames[-1]
    return Facts(
        path=path,
        size=_shown_size(path),
        times=[begin for begin, _ in frames],
        end=last[0] + (last[1] or _usual_step(frames)),
        rate=facts.fps or Fraction(0),
        pictures=np.frombuffer(data, np.uint8).reshape(-1, _EDGE, _EDGE) / 255,
        heard=facts.audio,
    )


def _frames(path: Path) -> list[tuple[Fraction, Fraction]]:
    """Begin and duration of each decoded frame."""
    command = [*_READ, "-i", str(path), "-map", "0:v:0", "-vf", "scale=16:16", "-fps_mode", "passthrough",
               "-enc_time_base", "demux", "-f", "framecrc", "-"]  # fmt: skip
    lines = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
    tick = next(Fraction(line.split()[-1]) for line in lines if line.startswith("#tb"))
    fields = [line.split(",") for line in lines if not line.startswith("#")]
    return sorted((int(field[2]) * tick, int(field[3]) * tick) for field in fields)


def _usual_step(frames: list[tuple[Fraction, Fraction]]) -> Fraction:
    steps = [after[0] - before[0] for before, after in itertools.pairwise(frames)]
    return statistics.median(steps) if steps else Fraction(0)


def _shown_size(path: Path) -> tuple[int, int]:
    """Turned as a player turns it, with square pixels, none of them lost."""
    aspect = "if(gt(sar\\,0)\\,sar\\,1)"
    square = f"scale=round(iw*max({aspect}\\,1)):round(ih/min({aspect}\\,1)),setsar=1"
    command = [*_READ, "-i", str(path), "-map", "0:v:0", "-vf", square, "-frames:v", "1", "-f", "framecrc", "-"]
    said = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    found = re.search(r"^#dimensions 0: (\d+)x(\d+)", said, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{path}: ffmpeg prints no size")
    return int(found[1]), int(found[2])


def upright(source: Facts, start: Fraction, output: Facts) -> tuple[str, float]:
    """How the output's middle picture lies against the source's at the same time, and how alike they are (-1 to 1)."""
    middle = len(output.times) // 2
    moment = source.times[0] + start + output.times[middle] - output.times[0]
    on_screen = max(
        number for number, time in enumerate(source.times) if time <= moment + Fraction(1, 500) or not number
    )
    wanted, found = source.pictures[on_screen], output.pictures[middle]
    ways = {}
    for turns in range(4):
        for name, picture in (("", found), (" and mirrored", found[:, ::-1])):
            ways[f"turned by {90 * turns}°{name}"] = _likeness(wanted, np.rot90(picture, turns))
    best = max(ways, key=lambda name: ways[name])
    return ("upright" if best == "turned by 0°" else best), ways[best]


def _likeness(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(), other - other.mean()
    return float((one * other).sum() / (math.sqrt((one**2).sum() * (other**2).sum()) or 1))


def sound_late(source: Facts, start: Fraction, output: Facts) -> tuple[float, float, str]:
    """Seconds by which the output's sound comes late against its picture, compared with the source's: over the first
    and the second half; and what it was told from.

    Told from what is heard: the shift at which both sounds agree best. Silence is told from when the sound begins.
    """
    length = float(output.seconds)
    wanted, begins = _timeline(source.path, source.times[0] + start, length)
    found, begins_here = _timeline(output.path, output.times[0], length)
    halves = [slice(0, len(wanted) // 2), slice(len(wanted) // 2, None)]
    if any(min(_loudness(wanted[half]), _loudness(found[half])) < _SILENT for half in halves):
        late = begins_here - max(begins, 0.0)
        return late, late, "its beginning"
    first, second = (_lag(wanted[half], found[half]) for half in halves)
    return first, second, "what is heard"


def _loudness(samples: np.ndarray) -> float:
    return math.sqrt(float((samples**2).mean())) if len(samples) else 0.0


def _timeline(path: Path, first: Fraction, length: float) -> tuple[np.ndarray, float]:
    """The samples from `first` on for so many seconds, silence where there are none; when the sound begins."""
    begin, samples = clips_sync.sound(path, _RATE)
    offset = round(float(begin - first) * _RATE)
    line = np.zeros(round(length * _RATE))
    here = samples[max(-offset, 0) :][: max(len(line) - max(offset, 0), 0)]
    line[max(offset, 0) : max(offset, 0) + len(here)] = here
    return line, float(begin - first)


def _lag(wanted: np.ndarray, found: np.ndarray) -> float:
    """Seconds by which `found` must come earlier to agree best with `wanted`."""
    size = 2 ** math.ceil(math.log2(2 * len(wanted)))
    product = np.fft.rfft(found, size) * np.conj(np.fft.rfft(wanted, size))
    agreement = np.fft.irfft(product, size)
    reach = min(round(_FARTHEST * _RATE), len(wanted) - 1)
    lags = np.concatenate([np.arange(0, reach + 1), np.arange(-reach, 0)])
    return float(lags[int(np.argmax(agreement[lags]))]) / _RATE
