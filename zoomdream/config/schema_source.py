"""What is dreamt on: noise, a picture, a clip, numbered pictures."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from zoomdream.config.fields import FilePath, Seconds, Section, setting

_KIND = "noise, image, video or frames"
_ABOUT = (
    "What is dreamt on: noise and an image are zoomed into; a video, or its frames as numbered pictures, is dreamt on "
    "as it runs."
)
_MOMENT = "seconds (2s), frames of the clip (150f) or hours:minutes:seconds"

Transfer = Literal["auto", "srgb", "linear"]
Missing = Literal["error", "hold"]
Fit = Literal["fill", "fit", "stretch"]


@dataclass(frozen=True, slots=True)
class Series:
    """Numbered pictures that are shown as a clip, `rate` of them per second; the rest as in FramesSource."""

    path: Path
    rate: Fraction
    missing: Missing = "error"
    transfer: Transfer = "auto"

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True, slots=True)
class Still:
    """A picture, which gives its size to a film that says none."""

    path: Path


Footage = Path | Series
"""What shows a clip: its file, or numbered pictures."""


def _fit(what: str) -> Any:
    return setting(
        "fill",
        f"How the {what} fills another shape: fill cuts off what stands over, fit leaves black bars, stretch distorts.",
        "fill, fit or stretch",
    )


class NoiseSource(Section):
    """The zoom starts from noise."""

    kind: Literal["noise"] = setting("noise", _ABOUT, _KIND)


class ImageSource(Section):
    """The zoom starts from a picture. `path` is absolute."""

    kind: Literal["image"] = setting(..., _ABOUT, _KIND)
    path: FilePath = setting(
        ...,
        "The picture, relative to the YAML file (after --set: to the working directory).",
        "the path of a picture",
        example="photo.jpg",
    )
    fit: Fit = _fit("picture")


class MovingSource(Section):
    """A clip is dreamt on. `path` is absolute; start and end are seconds from the clip's first frame, end None is its
    end. Frames at start <= t < end count.
    """

    kind: Literal["video", "frames"] = setting(..., _ABOUT, _KIND)
    path: FilePath = setting(
        ...,
        "The clip, relative to the YAML file (after --set: to the working directory).",
        "the path of a clip",
        example="holiday.mp4",
    )
    start: Seconds = setting(Fraction(0), "Where the render starts in the clip.", _MOMENT, example="2s")
    end: Seconds | None = setting(None, "Where the render ends in the clip; by default its end.", _MOMENT, example="9s")
    fit: Fit = _fit("clip")


class VideoSource(MovingSource):
    """The clip is a file."""

    kind: Literal["video"] = setting(..., _ABOUT, _KIND)

    def footage(self, fps: Fraction) -> Footage:
        """What shows the clip in a config of `fps` frames per second."""
        return self.path


class FramesSource(MovingSource):
    """The clip is numbered pictures, of which `fps` are shown per second."""

    kind: Literal["frames"] = setting(..., _ABOUT, _KIND)
    path: FilePath = setting(
        ...,
        "The numbered pictures, relative to the YAML file; the lowest number is the first frame.",
        'a pattern such as "shots/%05d.png" or "shots/####.png", or a folder with one series of numbered pictures',
        example="shots/%05d.png",
    )
    missing: Missing = setting(
        "error", "What gaps in the numbers are: an error, or the picture before held.", "error or hold"
    )
    transfer: Transfer = setting(
        "auto", "Whether the pictures hold sRGB or linear light; auto: what each file says.", "auto, srgb or linear"
    )

    def footage(self, fps: Fraction) -> Footage:
        """What shows the clip in a config of `fps` frames per second."""
        return Series(self.path, fps, self.missing, self.transfer)


Source = Annotated[NoiseSource | ImageSource | VideoSource | FramesSource, Field(discriminator="kind")]
