"""How much of a render's work each frame is."""

from __future__ import annotations

from itertools import pairwise

from zoomdream.config import Config, VideoSource
from zoomdream.dream.dreamer import dreams
from zoomdream.timeline import dreamt_frames
from zoomdream.types import Plan


def effort(config: Config, planned: Plan) -> tuple[int, ...]:
    """How often the network dreams for each frame: 0 where a frame is only moved, more where a shot begins.

    With `dream.every` the next frame that is dreamt on is done first, for the frame after the one before: see
    pipeline.onward.
    """
    keys = dreamt_frames(config, planned.cuts)
    active = dreams(config, keys)
    begins = {0, *planned.cuts} if isinstance(config.source, VideoSource) else {0}
    found = [0] * config.frames
    for before, key in pairwise((-1, *keys)):
        if active[key]:
            found[before + 1] = 1 + (config.dream.warmup if key in begins else 0)
    return tuple(found)
