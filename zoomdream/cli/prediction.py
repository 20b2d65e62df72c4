"""How long a render will take, measured on a few of its frames: a second's worth, or two frames where one is long."""

from __future__ import annotations

import itertools
import math
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from zoomdream import assembly, pipeline, pipeline_droste
from zoomdream.color.alpha import unmultiplied
from zoomdream.config import Config
from zoomdream.encode.segment import EncodeSettings, SegmentWriter
from zoomdream.machine.startup import keep_freed_memory
from zoomdream.rendering.eta import Eta
from zoomdream.stages import DrosteStages, Stages
from zoomdream.timeline import Timeline
from zoomdream.types import Network, Plan, State

_BUDGET = 1.0  # seconds of frames after the first, which only warms up
_LONG = 3.0  # seconds; a first frame that took longer is measure enough
_ENOUGH = 30  # frames
_ENCODED = 3e6  # pixels that are encoded to see how long that takes
_KEPT = 4  # pictures that are encoded, over and over: neighbours, so that the encoder finds motion


@dataclass(frozen=True, slots=True)
class Prediction:
    """frame: seconds for one like most; total: for all of them, encoded and joined."""

    frame: float
    total: float


def predict(config: Config, planned: Plan, settings: EncodeSettings, opened: Network) -> Prediction:
    """Dream and encode a few frames. Raises what a render raises."""
    keep_freed_memory()  # as `zoomdream render` does
    brief = config.model_copy(update={"dream": config.dream.model_copy(update={"warmup": 0}), "loop": False})
    brief = brief.between(None, None)  # what comes before would take as long as another render
    passes = Timeline.of(config, planned.cuts).passes
    begun = time.perf_counter()
    timeline = Timeline.of(brief, planned.cuts)
    eta = Eta(timeline.passes, 0, begun)
    pictures: list[Tensor] = []
    with closing(assembly.open_stages(brief, planned, opened, timeline=timeline)) as stages:
        if isinstance(stages, DrosteStages):
            stages, eta = _small(stages, config.frames)
        for state in _some(stages, config.frames, eta):
            pictures = [*pictures, unmultiplied(state.shown((settings.height, settings.width))).cpu()][-_KEPT:]
    once, encoding = _encoding(settings, pictures)
    dreaming = eta.seconds(sum(passes), len(passes))
    alone = eta.seconds(sum(min(1, count) for count in passes), len(passes))
    assert dreaming is not None
    assert alone is not None
    if planned.device == "cpu":  # the encoder takes its part of the same cores
        dreaming, alone = dreaming + len(passes) * encoding, alone + len(passes) * encoding
    else:
        dreaming, alone = max(dreaming, len(passes) * encoding), max(alone, len(passes) * encoding)
    return Prediction(alone / len(passes), dreaming + 2 * once)  # the last segment, and joining


def _small(droste: DrosteStages, frames: int) -> tuple[DrosteStages, Eta]:
    """The same with one dream on the smallest strip, of which large ones take up to a hundred times as long."""
    small = droste.growth[0]
    stages = replace(droste, growth=(small,))
    pipeline_droste.begin_droste(stages)  # the first makes everything ready
    share = math.prod(small) / math.prod(droste.growth[-1])
    return stages, Eta([share, *[0.0] * (frames - 1)], 0, time.perf_counter())


def _some(stages: Stages, frames: int, eta: Eta) -> Iterator[State]:
    """A few frames from the first on, each of which the ETA counts."""
    begun, at_once = time.perf_counter(), isinstance(stages, DrosteStages)
    enough = 0.0
    for count, state in enumerate(pipeline.frames(stages, None, frames), start=1):
        state.picture.sum().item()  # a number, so that a GPU has to have finished
        now = time.perf_counter()
        eta.frame_done(now)
        yield state
        if count == 1:
            if now - begun > _LONG and not at_once:
                return
            enough = now + _BUDGET
        elif (state.key is None or at_once or state.key.index == state.index) and (now > enough or count >= _ENOUGH):
            return  # never between two frames that are dreamt on, most of whose time the first between them took


def _encoding(settings: EncodeSettings, pictures: list[Tensor]) -> tuple[float, float]:
    """Seconds for a segment of one frame, and for each further frame."""
    count = max(3, min(_ENOUGH, round(_ENCODED / (settings.width * settings.height))))
    with tempfile.TemporaryDirectory(prefix="zoomdream_") as folder:
        once = _segment(settings, Path(folder), pictures, 1)
        many = _segment(settings, Path(folder), pictures, count)
    return once, max(0.0, many - once) / (count - 1)


def _segment(settings: EncodeSettings, folder: Path, pictures: list[Tensor], count: int) -> float:
    begun = time.perf_counter()
    with SegmentWriter(settings, folder, count) as writer:
        for picture in itertools.islice(itertools.cycle(pictures), count):
            writer.write(picture)
        writer.close()
    return time.perf_counter() - begun
