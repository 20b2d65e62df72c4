"""The journey of one frame, from the one before it. This screen is the whole of it.

A zoom: the source gives the picture that it starts from, the camera moves the last dream (one resampling, whatever
comes in over the border), the dream step climbs on it, and colour is pulled back to where it belongs.

A clip: the source gives the frame that is seen now, flow says where everything in it was a moment ago, what the dream
had added to the frame before is carried along (one resampling), and the network dreams on the frame with that on it.

Where only every so many frames are dreamt on (`keys`), the frames between have what the last of them had, moved to
where it is now, and what the dream changed in the next one, moved back to where that was and faded in.

Each stage is a plain function of pictures and the frame's number, so any frame can be made from the state of the one
before.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import final

from torch import Tensor, zeros_like

from zoomdream.color.statistics import ColorStatistics
from zoomdream.flow.bidirectional import BidirectionalFlow, ConfidentFlow
from zoomdream.flow.inbetween import KeyInterval, blend_by_visibility, interpolate_added
from zoomdream.types import State

Stage = Callable[[Tensor, int], Tensor]  # picture (1, 3, H, W) and frame number in, a new picture out


def _nothing() -> None:
    return None


@final
@dataclass(frozen=True, slots=True)
class ZoomStages:
    """The parts of a zoom. `warmup` dreams come before frame 0, without the camera, so that it is already dreamt."""

    source: Callable[[], Tensor]
    camera: Callable[[Tensor, int, int], Tensor]  # from one frame to a later one
    dream: Stage
    color: Stage
    between: Callable[[KeyInterval, int], Tensor]  # a frame between two that are dreamt on, by its number
    keys: tuple[int, ...]  # the frames that are dreamt on, in order; the first and the last are among them
    warmup: int
    close: Callable[[], None] = _nothing


@final
@dataclass(frozen=True, slots=True)
class ClipStages:
    """The parts of a dreamt clip. At frame 0 and at the frames in `cuts` a shot begins, with `warmup` dreams on its
    first frame. `added` is what the dream adds to what is seen.
    """

    source: Callable[[int], Tensor]  # the frame of the clip with that number
    look: Callable[[Tensor], ColorStatistics]  # what the dream of such a frame should look like
    flow: Callable[
        [Tensor, Tensor, int], BidirectionalFlow
    ]  # the frame now and the one before, and the number of the one now
    carry: Callable[[Tensor, ConfidentFlow, int], Tensor]  # added to the frame before → what of it is now where
    dream: Callable[[Tensor, ColorStatistics, int, int], Tensor]  # the last number: how often it was dreamt on before
    color: Callable[[Tensor, Tensor, ColorStatistics, int], Tensor]  # the dream and what is seen → added
    within: Callable[[Tensor, Tensor, int], Tensor]  # what is seen and added → what of that may be
    lasting: Callable[[Tensor, int], Tensor]  # where what is seen will also be seen in the next frame, 0..1
    show: Callable[[Tensor, Tensor, int], Tensor]  # what is seen and added → the picture
    cuts: frozenset[int]
    keys: tuple[int, ...]  # as for zooms; the first and the last frame of each shot are among them
    warmup: int
    close: Callable[[], None] = _nothing


Stages = ZoomStages | ClipStages


def frames(stages: Stages, start: State | None, count: int) -> Iterator[State]:
    """The states of the frames after `start` (from frame 0 if None) up to and with number `count` - 1."""
    key = first(stages) if start is None else start.key or start
    if start is None:
        yield key
    done = key.index if start is None else start.index
    while key.index < count - 1:
        for state in onward(key, stages):
            if done < state.index < count:  # after a start between two dreamt frames, what led there is done again
                yield state
        key = state


def first(stages: Stages) -> State:
    """Frame 0. That of a zoom is dreamt on `warmup` times (numbered -warmup to -1, so that no two steps share their
    randomness) and once more as itself."""
    if isinstance(stages, ClipStages):
        return begin_shot(stages, 0)
    picture = stages.source()
    for index in range(-stages.warmup, 1):
        picture = stages.color(stages.dream(picture, index), index)
    return State(0, picture)


def onward(key: State, stages: Stages) -> Iterator[State]:
    """The frames after a dreamt one, up to and with the next one that is dreamt on."""
    ahead = stages.keys[bisect_right(stages.keys, key.index)]
    if isinstance(stages, ZoomStages):
        return _zoom(key, stages, ahead)
    if ahead in stages.cuts:
        return iter((begin_shot(stages, ahead),))
    return _clip(key, stages, ahead)


def _zoom(key: State, stages: ZoomStages, ahead: int) -> Iterator[State]:
    """Move, dream, hold the colours."""
    moved = stages.camera(key.picture, key.index, ahead)
    dreamt = stages.color(stages.dream(moved, ahead), ahead)
    interval = KeyInterval(key.index, ahead, key.picture, moved, dreamt)
    for index in range(key.index + 1, ahead):
        yield State(index, stages.between(interval, index), key=key)
    yield State(ahead, dreamt)


def _clip(key: State, stages: ClipStages, ahead: int) -> Iterator[State]:
    """Carry what was added from frame to frame, dream on the last one, and let those between have their share of it."""
    assert key.seen is not None
    assert key.added is not None
    seen, carried, motions = [key.seen], [key.added], []
    for index in range(key.index + 1, ahead + 1):
        seen.append(stages.source(index))
        motions.append(stages.flow(seen[-1], seen[-2], index))
        carried.append(stages.carry(carried[-1], motions[-1].backward, index))
    last = _dream_on(seen[-1], carried[-1], stages, ahead, motions)
    assert last.added is not None
    for index, now, added in zip(
        range(key.index + 1, ahead), seen[1:], interpolate_added(carried, motions, last.added), strict=False
    ):
        kept = stages.within(now, added, index)
        yield State(index, stages.show(now, kept, index), now, kept, key)
    yield last


def begin_shot(stages: ClipStages, index: int) -> State:
    """The first frame of a shot, which knows nothing of the shot before."""
    seen = stages.source(index)
    added, lasting = zeros_like(seen), stages.lasting(seen, index)
    for again in range(1, stages.warmup + 1):
        dreamt = _dream_on(seen, added, stages, index, again=again).added
        assert dreamt is not None
        added = lasting * dreamt
    return _dream_on(seen, added, stages, index)


def _dream_on(
    seen: Tensor,
    carried: Tensor,
    stages: ClipStages,
    index: int,
    motions: Sequence[BidirectionalFlow] = (),
    again: int = 0,
) -> State:
    look = stages.look(seen)
    dreamt = stages.dream(seen + carried, look, index, again)
    added = stages.within(seen, blend_by_visibility(carried, stages.color(dreamt, seen, look, index), motions), index)
    return State(index, stages.show(seen, added, index), seen, added)
