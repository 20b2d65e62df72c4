"""The whole YAML as one frozen value: `Config`. What a key means, its unit, range and default stand on its field."""

from __future__ import annotations

from contextlib import AbstractContextManager
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PrivateAttr

from zoomdream.config import write
from zoomdream.config.fields import (
    LARGEST_EDGE,
    SMALLEST_EDGE,
    FilePath,
    Flag,
    Rate,
    Seconds,
    Section,
    Whole,
    rebuilt,
    setting,
)
from zoomdream.config.octaves import Octaves, octaves_for
from zoomdream.config.origin import KeyPath, Origin, Place, dotted, steps
from zoomdream.config.schedule import Schedule
from zoomdream.config.schema_encode import Encode, Performance
from zoomdream.config.schema_music import Music
from zoomdream.config.schema_objective import Network, Term
from zoomdream.config.schema_render import Camera, Color, Dream, Flow
from zoomdream.config.schema_source import MovingSource, NoiseSource, Source
from zoomdream.config.signals import Signals
from zoomdream.errors import error_context

LONGEST_CLOSING = Fraction(4)
"""Seconds in which a loop closes by itself, at most."""
MOST_FRAMES = 1_000_000
LARGEST_SEED = 2**63 - 1


class Config(Section):
    """A render, resolved: every key has its value, times are frames, inputs are absolute paths. Made by `load_config`.

    size is (width, height) in pixels; `output` stays relative to the working directory.
    """

    output: FilePath = setting(
        Path("zoomdream.mp4"),
        "The file to make, relative to the working directory, not to the YAML file. A .png is the last frame, "
        "frames/%05d.png are all of them.",
        "a path that ends in .mp4, .mkv, .mov, .webm, .gif, .webp or .png",
        example="frames/%05d.png",
    )
    size: tuple[
        Annotated[Whole, Field(ge=SMALLEST_EDGE, le=LARGEST_EDGE)],
        Annotated[Whole, Field(ge=SMALLEST_EDGE, le=LARGEST_EDGE)],
    ] = setting(
        (960, 540),
        "Width and height in pixels; by default a clip's own, or a picture's, smaller if that is over 960x540.",
        "a list of two, or 1280x720, each 16 to 16384 pixels, at most 64 megapixels",
        example="1280x720",
    )
    fps: Rate = setting(
        Fraction(30),
        "Frames per second, kept exact; by default a clip's own.",
        '1 to 240, a number or a fraction such as "30000/1001"',
        example="30000/1001",
    )
    frames: Whole = setting(
        360,
        "Number of frames, instead of duration; by default all of a clip.",
        f"a whole number from 1 to {MOST_FRAMES}",
        ge=1,
        le=MOST_FRAMES,
        example=240,
    )
    timeline: Whole | None = setting(
        None,
        "Number of frames that u, frames and 80% in schedules refer to, where that is more than this render.",
        f"a whole number from frames to {MOST_FRAMES}",
        ge=1,
        le=MOST_FRAMES,
        example=1200,
    )
    loop: Flag | Seconds = setting(
        False,
        "Whether the last frame leads back to the first, and how long the end of the film takes to become its "
        "beginning; true: a quarter of the film, at most 4 s.",
        "true, false or seconds (3s), at most the length of the film",
        example="3s",
    )
    start: FilePath | None = setting(
        None,
        "Another render that this one goes on from, so that both play one after the other without a seam; of one "
        "that neither is a loop nor ends in one, all frames are dreamed once more.",
        "the path of a config, or of a video made by zoomdream, with the same shape and fps",
        example="first.yaml",
    )
    end: FilePath | None = setting(
        None,
        "A loop into whose beginning the end of this render turns, in the time that the loop takes to close.",
        "the path of the config of a loop, or of a loop made by zoomdream, with the same shape and fps",
        example="loop.yaml",
    )
    seed: Whole = setting(
        7,
        "Seed of all randomness: another one is another film of the same kind.",
        f"a whole number from 0 to {LARGEST_SEED}",
        ge=0,
        le=LARGEST_SEED,
        example=8,
    )
    source: Source = setting(NoiseSource(kind="noise"), "What is dreamt on.", "a section with the key kind")
    network: Network = setting(Network(), "What dreams.", "a section")
    objective: tuple[Term, ...] = setting(
        (Term(layer="mixed4c"),),
        "What is amplified: one term or several, mixed by their weights.",
        "a list of 1 to 64 terms, each with a layer or a class",
        min_length=1,
        max_length=64,
    )
    dream: Dream = setting(Dream(), "How strongly, how finely and how often is dreamt.", "a section")
    camera: Camera = setting(Camera(), "How the camera moves.", "a section")
    flow: Flow = setting(Flow(), "Clips only: how the dream follows what moves.", "a section")
    color: Color = setting(Color(), "How light and colour are kept from drifting.", "a section")
    music: Music | None = setting(None, "The music that schedules follow.", "a section; {} follows the soundtrack")
    encode: Encode = setting(Encode(), "What the file is: codec, quality, sound.", "a section")
    performance: Performance = setting(Performance(), "Device, precision, tiles, memory, threads.", "a section")

    _origin: Origin = PrivateAttr(default=Origin(Place("the config", None, Path()), {}))
    _signals: Signals | None = PrivateAttr(default=None)
    _neighbors: tuple[Config | None, Config | None] = PrivateAttr(default=(None, None))

    @property
    def is_clip(self) -> bool:
        """Whether each frame shows another picture."""
        return isinstance(self.source, MovingSource)

    @property
    def closing(self) -> int:
        """The frames in which the end becomes the beginning of a loop, or of this; 0 where it does not."""
        if self.loop is False:
            return 0 if self.after is None else self.after.closing
        seconds = min(self.frames / self.fps / 4, LONGEST_CLOSING) if self.loop is True else Fraction(self.loop)
        return max(round(seconds * self.fps), 1)

    @property
    def before(self) -> Config | None:
        """The config of the render that `start` names."""
        return self._neighbors[0]

    @property
    def after(self) -> Config | None:
        """The config of the loop that `end` names."""
        return self._neighbors[1]

    def between(self, before: Config | None, after: Config | None) -> Config:
        """The same config, with those of the renders that `start` and `end` name."""
        copy = self.model_copy()
        copy._neighbors = (before, after)
        return bound(copy)

    @property
    def octaves(self) -> Octaves:
        """Those of the render's frames, `auto` made plain values."""
        dream = self.dream
        return octaves_for(min(self.size), dream.octaves, dream.octave_scale, dream.coarsest, dream.steps)

    @property
    def origin(self) -> Origin:
        """Where each key was written; never compared."""
        return self._origin

    def place(self, key: str) -> str:
        """The file and the line of a dotted key, for errors: "spiral.yaml, line 12"."""
        return str(self._origin.find(steps(key)))

    def error_context(self, key: str = "") -> AbstractContextManager[None]:
        """Errors from in here name the file, the line and their own key, or the dotted `key` where they have none."""
        return error_context(key, self.place)

    def replace(self, **changes: Any) -> Config:
        """A copy in which keys have other values, as in YAML: config.replace(seed=3, **{"camera.zoom": 1.2}).

        All else stays as it is, but an output of another kind of file takes that kind's codec. Raises ConfigError.
        """
        from zoomdream.config.replace import replaced  # which loads configs, and so knows this class

        return replaced(self, changes)

    def placed(self, origin: Origin) -> Config:
        """The same config, with the places of its keys."""
        copy = self.model_copy()
        copy._origin = origin
        return copy

    @property
    def signals(self) -> Signals | None:
        """The music, as far as schedules ask for it."""
        return self._signals

    def hearing(self, signals: Signals) -> Config:
        """The same config, whose schedules follow this music."""
        copy = self.model_copy()
        copy._signals = signals
        return bound(copy)

    def to_yaml(self) -> str:
        """The resolved config, every key explicit, paths absolute; loads again to an equal Config."""
        return write.to_yaml(self.tree())

    def fingerprint_text(self) -> str:
        """Canonical text of all that decides about the frames and the file, without `output`.

        Input files stand there by their names: their content is hashed elsewhere, and folders differ between machines.
        Keys that came later only stand there where they are set: renders from before them go on.
        """
        tree = self.tree()
        for key, usual in (("hardware", "off"), ("audio_track", "auto"), ("keep_ends", False)):
            if tree["encode"][key] == usual:
                del tree["encode"][key]
        if not self.loop:
            del tree["loop"]
        if not self.camera.contains_itself:
            del tree["camera"]["space"]
        if tree["source"]["kind"] == "image" and tree["source"]["fit"] == "fill":
            del tree["source"]["fit"]
        return write.fingerprint(tree)

    def tree(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and text, in the order of the YAML; keys that are not set (None) are left out,
        and so is what does not belong to the kind of source.
        """
        tree: dict[str, Any] = self.model_dump(mode="python", exclude_none=True)
        if not isinstance(self.source, MovingSource):
            del tree["flow"]
        if not self.camera.contains_itself:
            del tree["camera"]["droste"]
        return tree


def bound(config: Config) -> Config:
    """The config in which every schedule knows its key, the timeline and the loop that it belongs to, and the music."""
    closing = config.closing if config.loop else 0

    def bind(at: KeyPath, value: Any) -> Any:
        if not isinstance(value, Schedule):
            return value
        return value.bound(dotted(at), config.timeline, closing, config.signals)

    return rebuilt(config, bind)
