"""What is dreamt on: noise, a picture or a clip."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field

from zoomdream.config.fields import FilePath, Seconds, Section, setting

_KIND = "noise, image or video"
_ABOUT = "What is dreamt on: noise and an image are zoomed into, a video is dreamt on as it runs."


class NoiseSource(Section):
    """The zoom starts from noise."""

    kind: Literal["noise"] = setting("noise", _ABOUT, _KIND)


class ImageSource(Section):
    """The zoom starts from a picture. `path` is absolute."""

    kind: Literal["image"] = setting(..., _ABOUT, _KIND)
    path: FilePath = setting(..., "The picture, relative to the YAML file.", "the path of a picture")


class VideoSource(Section):
    """A clip is dreamt on. `path` is absolute; start and end are seconds from the clip's first frame, end None is its
    end. Frames at start <= t < end count.
    """

    kind: Literal["video"] = setting(..., _ABOUT, _KIND)
    path: FilePath = setting(..., "The clip, relative to the YAML file.", "the path of a clip")
    start: Seconds = setting(
        Fraction(0),
        "Where the render starts in the clip.",
        "seconds (2s), frames of the clip (150f) or hours:minutes:seconds",
    )
    end: Seconds | None = setting(
        None,
        "Where the render ends in the clip; by default its end.",
        "seconds (9s), frames of the clip (150f) or hours:minutes:seconds",
    )
    fit: Literal["fill", "fit", "stretch"] = setting(
        "fill",
        "How the clip fills another shape: fill cuts off what stands over, fit leaves black bars, stretch distorts.",
        "fill, fit or stretch",
    )


Source = Annotated[NoiseSource | ImageSource | VideoSource, Field(discriminator="kind")]
