"""The journey of one frame, from the one before it. This screen is the whole of it.

A zoom: the source gives the picture that it starts from, the camera moves the last dream (one resampling, whatever
comes in over the border), the dream step climbs on it, and colour is pulled back to where it belongs.

A clip: the source gives the frame that is seen now, flow says where everything in it was a moment ago, what the dream
had added to the frame before is carried along (one resampling), and the network dreams on the frame with that on it.

Each stage is a plain function of pictures and the frame's number, so any frame can be made from the state of the one
before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import final

from torch import Tensor, zeros_like

from zoomdream.ops.carry import Moved
from zoomdream.ops.color import Look
from zoomdream.types import State

Stage = Callable[[Tensor, int], Tensor]  # picture (1, 3, H, W) and frame number in, a new picture out


def _nothing() -> None:
    return None


@final
@dataclass(frozen=True, slots=True)
class ZoomStages:
    """The parts of a zoom. `warmup` dreams come before frame 0, without the camera, so that it is already dreamt."""

    source: Callable[[], Tensor]
    camera: Stage
    dream: Stage
    color: Stage
    warmup: int
    close: Callable[[], None] = _nothing


@final
@dataclass(frozen=True, slots=True)
class ClipStages:
    """The parts of a dreamt clip. At frame 0 and at the frames in `cuts` a shot begins, with `warmup` dreams on its
    first frame. `added` is what the dream adds to what is seen.
    """

    source: Callable[[int], Tensor]  # the frame of the clip with that number
    look: Callable[[Tensor], Look]  # what the dream of such a frame should look like
    flow: Callable[[Tensor, Tensor, int], Moved]  # the frame now and the one before, and the number of the one now
    carry: Callable[[Tensor, Moved, int], Tensor]  # added to the frame before → what of it is now where
    dream: Callable[[Tensor, Look, int, int], Tensor]  # the last number: how often it was dreamt on before
    color: Callable[[Tensor, Tensor, Look, int], Tensor]  # the dream and what is seen → added
    lasting: Callable[[Tensor, int], Tensor]  # where what is seen will also be seen in the next frame, 0..1
    show: Callable[[Tensor, Tensor, int], Tensor]  # what is seen and added → the picture
    cuts: frozenset[int]
    warmup: int
    close: Callable[[], None] = _nothing


Stages = ZoomStages | ClipStages


def step(state: State, stages: Stages) -> State:
    """One frame from the last."""
    index = state.index + 1
    if isinstance(stages, ZoomStages):  # move, dream, hold the colours
        moved = stages.camera(state.picture, index)
        dreamt = stages.dream(moved, index)
        return State(index, stages.color(dreamt, index))
    if index in stages.cuts:
        return begin_shot(stages, index)
    seen = stages.source(index)
    assert state.seen is not None
    assert state.added is not None
    carried = stages.carry(state.added, stages.flow(seen, state.seen, index), index)
    return _dream_on(seen, carried, stages, index)


def first(stages: Stages) -> State:
    """Frame 0. That of a zoom is dreamt on `warmup` times (numbered -warmup to -1, so that no two steps share their
    randomness) and once more as itself."""
    if isinstance(stages, ClipStages):
        return begin_shot(stages, 0)
    picture = stages.source()
    for index in range(-stages.warmup, 1):
        picture = stages.color(stages.dream(picture, index), index)
    return State(0, picture)


def begin_shot(stages: ClipStages, index: int) -> State:
    """The first frame of a shot, which knows nothing of the shot before."""
    seen = stages.source(index)
    added, lasting = zeros_like(seen), stages.lasting(seen, index)
    for again in range(1, stages.warmup + 1):
        dreamt = _dream_on(seen, added, stages, index, again).added
        assert dreamt is not None
        added = lasting * dreamt
    return _dream_on(seen, added, stages, index)


def _dream_on(seen: Tensor, carried: Tensor, stages: ClipStages, index: int, again: int = 0) -> State:
    look = stages.look(seen)
    dreamt = stages.dream(seen + carried, look, index, again)
    added = stages.color(dreamt, seen, look, index)
    return State(index, stages.show(seen, added, index), seen, added)


def frames(stages: Stages, start: State | None, count: int) -> Iterator[State]:
    """The states of the frames after `start` (from frame 0 if None) up to and with number `count` - 1."""
    state = start
    while state is None or state.index < count - 1:
        state = first(stages) if state is None else step(state, stages)
        yield state
