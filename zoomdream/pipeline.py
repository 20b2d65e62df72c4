"""The journey of one frame, from the one before it. This screen is the whole of it.

source → camera → dream → color: the source gives the picture that the render starts from, the camera moves the last
dream (one resampling, whatever comes in over the border), the dream step climbs on it, and colour is pulled back to
where it belongs. Each stage is a plain function of a picture and the frame's number, so any frame can be made from
the state of the one before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import final

from torch import Tensor

from zoomdream.types import State

Stage = Callable[[Tensor, int], Tensor]  # picture (1, 3, H, W) and frame number in, a new picture out


@final
@dataclass(frozen=True, slots=True)
class Stages:
    """The parts of a render. `warmup` dreams come before frame 0, without the camera, so that it is already
    dreamt.
    """

    source: Callable[[], Tensor]
    camera: Stage
    dream: Stage
    color: Stage
    warmup: int


def step(state: State, stages: Stages) -> State:
    """One frame from the last: move, dream, hold the colours."""
    index = state.index + 1
    moved = stages.camera(state.picture, index)
    dreamt = stages.dream(moved, index)
    return State(index, stages.color(dreamt, index))


def first(stages: Stages) -> State:
    """Frame 0: the source's picture, dreamt on `warmup` times (numbered -warmup to -1, so that no two steps share
    their randomness) and once more as itself."""
    picture = stages.source()
    for index in range(-stages.warmup, 1):
        picture = stages.color(stages.dream(picture, index), index)
    return State(0, picture)


def frames(stages: Stages, start: State | None, count: int) -> Iterator[State]:
    """The states of the frames after `start` (from frame 0 if None) up to and with number `count` - 1."""
    state = start
    while state is None or state.index < count - 1:
        state = first(stages) if state is None else step(state, stages)
        yield state
