"""The journey of a picture that contains itself (`camera.space: droste`), which `pipeline` leads to.

The network dreams on a strip of the picture before the film, small first and then finer, and perhaps slowly on while
that runs. Every frame is a view of the strip, which the camera takes: one resampling.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from zoomdream.camera.droste import Levels, edges, resampled
from zoomdream.color.statistics import soft_limit
from zoomdream.machine.startup import give_back_memory
from zoomdream.stages import DrosteStages
from zoomdream.types import State

Report = Callable[[float], None]
"""Is told the share that is done of what is dreamed before the first frame."""


def unheard(share: float) -> None:
    """The report that nobody wants."""


def begin_droste(droste: DrosteStages, report: Report = unheard) -> State:
    """Frame 0: a view of the source's strip, which is dreamed on small first, and then finer and finer.

    report: is called before each dream; its share is one of texels.
    """
    texels = [math.prod(size) for size in droste.growth]
    whole = droste.source(0)
    strip = begun = resampled(whole, droste.growth[0])
    for frame, size in enumerate(droste.growth, start=1 - len(droste.growth)):
        report(sum(texels[: frame - 1 + len(texels)]) / sum(texels))
        if strip.shape[-2:] != size:
            added, begun = strip - begun, resampled(whole, size)
            strip = resampled(added, size).add_(begun)  # in place: nothing else of this size stays beside the dream
        strip = dream_on_strip(strip, droste, frame)
    return State(0, droste.camera(Levels.of(strip), 0), key=State(0, strip))


def droste_on(key: State, droste: DrosteStages, following: int, done: int) -> Iterator[State]:
    """Views of a strip, which meanwhile becomes the following one, from the frame after `done`."""
    last = State(following, dream_on_strip(key.picture, droste, following))
    alive = last.picture is not key.picture
    before = after = Levels.of(key.picture)
    if alive:
        after = Levels.of(last.picture)
    else:
        give_back_memory()  # the film needs little of what dreaming on the finest strip has taken
    for frame in range(done + 1, following + 1):
        shown = droste.camera(before, frame)
        if alive:
            shown = torch.lerp(shown, droste.camera(after, frame), (frame - key.index) / (following - key.index))
        yield State(frame, shown, key=last if frame == following else key)


def dream_on_strip(strip: Tensor, droste: DrosteStages, frame: int) -> Tensor:
    """Noise, dream, colour; what all of these do at edges is each time somewhere else."""
    if not droste.dream.dreams_on(frame):
        return strip
    down, across = edges(strip, droste.seed, frame)
    rolled = strip.roll((down, across), dims=(2, 3))
    reference = droste.color.reference_of(rolled)
    dreamed = droste.dream(droste.noise(rolled, frame), reference, frame)
    return soft_limit(droste.color(dreamed, reference, frame)).roll((-down, -across), dims=(2, 3))
