"""A clip that is drawn, so that everything about it is known: its motion, what is hidden, its cut and its clicks.

Two scenes (scenes.py) with a moving camera and things that move by themselves, a hard cut between them, and a tone
with a click at every full second. The same arguments always give the same clip.

    clip = DrawnClip(size=(180, 320), fps=Fraction(24), seconds=6, cut=3.5)
    clip.picture(10)    # (1, 3, H, W) float32 RGB in [0, 1]
    clip.flow(10)       # (1, 2, H, W) pixels: picture(10)(p) is what picture(9)(p + flow(p)) was
    clip.visible(10)    # (1, 1, H, W) bool: that was inside the picture and not covered
    write(clip, Path("clip.mp4"))
"""

from __future__ import annotations

import functools
import math
import tempfile
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from synthetic.paintings import DENSITY
from synthetic.scenes import Layer, Place, Scene, coast, lake
from torch import Tensor

from zoomdream import ffmpeg

SAMPLE_RATE = 48000
H264 = ("-c:v", "libx264", "-preset", "slow", "-crf", "20", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "64k")
"""What `write` encodes with unless told otherwise. H.264 of 4:2:0 needs even sizes."""
LOSSLESS = ("-c:v", "ffv1", "-pix_fmt", "gbrp", "-c:a", "pcm_s16le")
"""For .mkv: exactly the pixels, rounded to 8 bit, of any size."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class DrawnClip:
    """size (height, width); cut: seconds at which the second scene begins, None: there is none."""

    size: tuple[int, int] = (180, 320)
    fps: Fraction = Fraction(24)
    seconds: float = 6.0
    cut: float | None = 3.5

    @property
    def frames(self) -> int:
        return round(self.seconds * self.fps)

    @property
    def shots(self) -> tuple[int, ...]:
        """The frames with which a scene begins: 0, and the first after the cut."""
        return (0,) if self.cut is None else (0, round(self.cut * self.fps))

    def picture(self, index: int) -> Tensor:
        """(1, 3, H, W) float32 RGB in [0, 1]."""
        canvas = torch.zeros(1, 3, *self.size)
        for painting, matrix in self._layers(index):
            color, opacity = painting.at(matrix, _pixels(self.size)).split((3, 1), dim=1)
            canvas = canvas * (1 - opacity) + color
        return canvas.clamp(0, 1)

    def flow(self, index: int) -> Tensor:
        """True backward flow (1, 2, H, W) in pixels, of what is in sight at each pixel's centre."""
        return self._before(index) - _pixels(self.size)

    def visible(self, index: int, within: float = 0.0) -> Tensor:
        """(1, 1, H, W) bool: what is in sight now was in sight one frame before, inside the picture and not covered.

        within: pixels by which it may have been covered or outside, as a flow may be wrong by so much. False everywhere
        at the beginning of a scene, when there was nothing before.
        """
        if index in self.shots:
            return torch.zeros(1, 1, *self.size, dtype=torch.bool)
        place, owner = self._before(index), self._owner(index)
        seen = self._in_sight(index - 1, place, owner)
        for turn in range(8 if within else 0):
            angle = turn * math.pi / 4
            aside = within * torch.tensor((math.cos(angle), math.sin(angle))).view(1, 2, 1, 1)
            seen |= self._in_sight(index - 1, place + aside, owner)
        return seen

    def _in_sight(self, index: int, place: Tensor, owner: Tensor) -> Tensor:
        """(1, 1, H, W) bool: the layer `owner` is not covered at that place of the frame, which is inside it."""
        height, width = self.size
        x, y = place[:, :1], place[:, 1:]
        seen = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
        for number, (painting, matrix) in enumerate(self._layers(index)):
            seen &= (painting.at(matrix, place)[:, 3:] < 0.5) | (owner >= number)
        return seen

    def _before(self, index: int) -> Tensor:
        """(1, 2, H, W): the pixel of the frame before that shows the same place of the same painting."""
        if index in self.shots:
            raise ValueError(f"there is nothing before frame {index}: a scene begins with it")
        pixels, owner = _pixels(self.size), self._owner(index)
        place = pixels.clone()
        for number, ((_, now), (_, before)) in enumerate(
            zip(self._layers(index), self._layers(index - 1), strict=True)
        ):
            place = torch.where(owner == number, _moved(before @ np.linalg.inv(now), pixels), place)
        return place

    def _owner(self, index: int) -> Tensor:
        """(1, 1, H, W): the number of the frontmost layer that covers more than half of the pixel's centre."""
        owner = torch.zeros(1, 1, *self.size, dtype=torch.int64)
        for number, (painting, matrix) in enumerate(self._layers(index)):
            owner[painting.at(matrix, _pixels(self.size))[:, 3:] >= 0.5] = number
        return owner

    def _layers(self, index: int) -> list[tuple[_Sheet, Matrix]]:
        """Each layer's painting, and the way from its places to pixels of the frame."""
        begin = max(shot for shot in self.shots if shot <= index)
        scene = lake() if begin == 0 else coast()
        seconds = float((index - begin) / self.fps)
        height, width = self.size
        unit = max(height, width * 9 / 16)  # pixels; the view is never wider than 16:9 of it
        middle = _similarity(((width - 1) / 2, (height - 1) / 2, unit, 0))
        ways = [middle @ _way(scene, layer, seconds) for layer in scene.layers]
        return list(zip(_sheets(scene, unit), ways, strict=True))


SAMPLE = DrawnClip(size=(180, 320), fps=Fraction(24), seconds=5, cut=3)
"""configs/clip_sample.mp4, which clip.yaml dreams on."""


def write(clip: DrawnClip, path: Path, *, sound: bool = True, encode: Sequence[str] = H264) -> Path:
    """Write the clip as a video file of the kind that the name says. Raises OutputError where ffmpeg fails."""
    height, width = clip.size
    with tempfile.TemporaryDirectory() as folder:
        tone = Path(folder) / "tone.wav"
        hear = ["-i", str(tone), "-map", "0:v", "-map", "1:a"] if sound else []
        if sound:
            _write_wave(tone, ticking_tone(clip.seconds))
        command = [
            str(ffmpeg.executable()), *ffmpeg.QUIET, "-y",
            "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-framerate", str(clip.fps), "-i", "-",
            *hear,
            "-vf", "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int,"
            "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv",
            *encode, str(path),
        ]  # fmt: skip
        with ffmpeg.Process(command, what=f"Writing {path}") as process:
            for index in range(clip.frames):
                pixels = clip.picture(index)[0].permute(1, 2, 0).mul(255).round().byte()
                process.write(pixels.numpy().tobytes())
            process.finish()
    return path


def ticking_tone(seconds: float) -> NDArray[np.float64]:
    """A soft chord with a click that begins with every full second, -1..1, one channel of SAMPLE_RATE."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    chord = sum(np.sin(2 * np.pi * pitch * time) for pitch in (220.0, 277.18, 329.63))
    sound: NDArray[np.float64] = 0.03 * chord * (1 - 0.6 * np.cos(2 * np.pi * time / 4))
    since = time % 1
    return sound + np.where(since < 0.05, 0.7 * np.exp(-since / 0.004) * np.sin(2 * np.pi * 2000 * since), 0)


def _write_wave(path: Path, sound: NDArray[np.float64]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.round(32767 * sound).astype("<i2").tobytes())


@dataclass(frozen=True)
class _Sheet:
    """A painting as dense as a frame needs it: (1, 4, h, w) RGB times opacity, and opacity. density: pixels to 1."""

    painting: Tensor
    density: float

    def at(self, matrix: Matrix, places: Tensor) -> Tensor:
        """(1, 4, H, W): the painting under the pixels `places` of a frame, where `matrix` leads from its own places to
        the frame's pixels."""
        height, width = self.painting.shape[-2:]
        own = _moved(np.linalg.inv(matrix), places) * (2 * self.density)
        grid = (own / torch.tensor((width, height)).view(1, 2, 1, 1)).permute(0, 2, 3, 1)
        return F.grid_sample(
            self.painting, grid.float(), mode="bicubic", padding_mode="border", align_corners=False
        ).clamp(0, 1)


@functools.lru_cache(maxsize=4)
def _sheets(scene: Scene, unit: float) -> tuple[_Sheet, ...]:
    density = min(1.0, 1.2 * unit / DENSITY)
    return tuple(_sheet(layer, density) for layer in scene.layers)


def _sheet(layer: Layer, density: float) -> _Sheet:
    full = torch.from_numpy(layer.painting.copy()).permute(2, 0, 1)[None].float() / 255
    full = torch.cat((full[:, :3] * full[:, 3:], full[:, 3:]), dim=1)
    size = [round(edge * density) for edge in full.shape[-2:]]
    smaller = F.interpolate(full, size=size, mode="bilinear", align_corners=False, antialias=True)
    return _Sheet(smaller, DENSITY * size[1] / full.shape[-1])


def _pixels(size: tuple[int, int]) -> Tensor:
    """(1, 2, H, W): the (x, y) of every pixel, float64."""
    height, width = size
    y, x = torch.meshgrid(torch.arange(height).double(), torch.arange(width).double(), indexing="ij")
    return torch.stack((x, y))[None]


def _moved(matrix: Matrix, places: Tensor) -> Tensor:
    """(1, 2, H, W): the places after an affine motion."""
    turn, shift = torch.from_numpy(matrix[:2, :2]), torch.from_numpy(matrix[:2, 2])
    return torch.einsum("ij,njhw->nihw", turn, places) + shift.view(1, 2, 1, 1)


def _similarity(place: Place) -> Matrix:
    """Turned clockwise by degrees, magnified, and then moved to (x, y)."""
    x, y, scale, degrees = place
    cosine, sine = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
    return np.array(((cosine, -sine, x), (sine, cosine, y), (0, 0, 1)))


def _way(scene: Scene, layer: Layer, seconds: float) -> Matrix:
    """From a painting's places to places of the view. What is near moves and grows more as the camera does."""
    x, y, zoom, roll = scene.camera(seconds)
    look = _similarity((0, 0, zoom ** (0.4 + 0.6 * layer.nearness), roll))
    aside = _similarity((-layer.nearness * x, -layer.nearness * y, 1, 0))
    own = np.eye(3) if layer.place is None else _similarity(layer.place(seconds))
    return look @ aside @ own
