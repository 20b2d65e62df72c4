"""The journey of one frame, from the one before it: source → camera → flow → dream → encode.

A zoom: the camera moves the last picture (one resampling, with what comes in over the border), fresh noise falls on it,
the network dreams on it, the mask keeps the dream where it belongs, and colour is pulled back to its reference.

A clip: the source shows the next frame, optical flow tells where everything in it was a moment ago, what the dream had
added there is carried along (one resampling), and the network dreams on the frame with that on it.

A picture that contains itself goes another way: see `pipeline_droste`.

Of a transparent source, whose pictures have a fourth channel, only what is opaque is dreamed on; the camera moves alpha
along, and a clip's own stays as it is.

Only key frames are dreamed on (`dream.rate`). The frames in between have what the last key frame had, moved to where
it is now, and what the dream changed in the next one, moved back and faded in. So the next key frame is made first.

Stages are frozen values, called with tensors and frame numbers; `assembly` makes them from a config. What one frame
remembers for the next is its `State`: a render can stop at any frame and go on. `encode` is given the states.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from zoomdream.color.alpha import is_transparent, over_black, over_mean, plus, settled, straight, where_opaque
from zoomdream.color.pyramid import blend, halved, resize
from zoomdream.color.statistics import between, hold, measure, soft_limit
from zoomdream.flow.bidirectional import BidirectionalFlow
from zoomdream.flow.carry import limit
from zoomdream.flow.closing import Closing
from zoomdream.flow.inbetween import KeyInterval, blend_by_visibility, interpolate_added, match_detail, zoom_in_between
from zoomdream.pipeline_droste import Report, begin_droste, droste_on, unheard
from zoomdream.stages import ClipStages, DrosteStages, Stages, ZoomStages
from zoomdream.types import State


def frames(stages: Stages, start: State | None, count: int, report: Report = unheard) -> Iterator[State]:
    """The states of the frames after `start` (from frame 0 if None) up to and with number `count` - 1. report: see
    `begin_droste`.
    """
    state = first(stages, report) if start is None else start
    if start is None:
        yield state
    done, key = state.index, state.key or state
    while key.index < count - 1:
        for state in onward(key, stages, done):
            if done < state.index < count:  # after a start between two key frames, what led there is done again
                yield state
        key = state.key or state


def first(stages: Stages, report: Report) -> State:
    match stages:
        case ZoomStages():
            return begin_zoom(stages)
        case DrosteStages():
            return begin_droste(stages, report)
        case ClipStages():
            return begin_shot(stages, 0)


def onward(key: State, stages: Stages, done: int) -> Iterator[State]:
    """The frames after a key frame, up to and with the next one; those up to `done` are there already."""
    following = stages.schedule.following(key.index)
    if isinstance(stages, ZoomStages):
        return zoom_on(key, stages, following)
    if isinstance(stages, DrosteStages):
        return droste_on(key, stages, following, max(done, key.index))
    if following in stages.schedule.shots:
        return iter((begin_shot(stages, following),))
    return clip_on(key, stages, following)


def begin_zoom(zoom: ZoomStages) -> State:
    """Frame 0; of a loop, what leads into it is dreamed before."""
    if zoom.before is not None:
        return State(0, dream_on_zoom(zoom.camera.fitted(moved_on(zoom.before)), zoom, 0))
    if zoom.closing is None or zoom.after is not None:
        return begin_at(zoom, 0)
    last = lead_in(zoom, zoom.closing)
    return State(0, dream_on(last, zoom, zoom.closing.end).picture)


def lead_in(loop: ZoomStages, closing: Closing) -> State:
    """The last key frame of what leads into a loop, which is that of the loop too."""
    first, *rest = closing.key_frames[:-1]
    state = begin_at(loop, first)
    for following in rest:
        state = dream_on(state, loop, following)
    return state


def moved_on(film: ZoomStages) -> Tensor:
    """The last picture of a film, moved by its camera to the frame after its end."""
    end = film.schedule.key_frames[-1]
    if film.closing is not None:
        last = lead_in(film, film.closing)
    else:
        found = film.ended
        for state in () if found else frames(film, None, end):
            found = state
        assert found is not None
        last = found.key or found
    return settled(film.camera(last.picture, last.index, end))


def begin_at(zoom: ZoomStages, frame: int) -> State:
    """The source's picture with the camera's margin, dreamed on `warmup` times at half the size at which films of all
    sizes begin, which finds large things quickly and the same ones at any size, and once as itself.
    """
    early = zoom.beginning or zoom
    small = begun = halved(early.camera.with_margin(early.source(0)))
    for again in range(-zoom.schedule.warmup, 0):
        small = dream_on_zoom(small, early, again)
    picture = zoom.camera.with_margin(zoom.source(0))
    height, width = picture.shape[-2:]
    begun = settled(plus(picture, resize(over_black(small - begun), (height, width))))
    return State(frame, dream_on_zoom(begun, zoom, frame))


def zoom_on(key: State, zoom: ZoomStages, following: int) -> Iterator[State]:
    """From a key frame to the following one, and all in between."""
    moved = settled(zoom.camera(key.picture, key.index, following))
    if zoom.closing is not None and following >= zoom.closing.begin:
        last = close_on(key, moved, zoom, zoom.closing, following)
    else:
        last = State(following, dream_on_zoom(moved, zoom, following))
    interval = KeyInterval(key.index, following, key.picture, moved, last.picture)
    for frame in range(key.index + 1, following):
        yield State(frame, settled(zoom_in_between(interval, frame, zoom.camera)), key=key)
    shown = zoom.camera.shown(last.picture, following)
    if shown is last.picture:
        yield last
    else:  # what the network sees next is not what is shown: see camera.LATTICES
        shown = match_detail(shown, last.picture, last.picture, 1).clamp(*last.picture.aminmax())
        yield State(following, settled(shown), key=last)


def dream_on(key: State, zoom: ZoomStages, following: int) -> State:
    """The key frame after another. The number of frames of a loop is frame 0."""
    moved = settled(zoom.camera(key.picture, key.index, following))
    closed = zoom.closing is not None and following == zoom.closing.end
    return State(following, dream_on_zoom(moved, zoom, 0 if closed else following))


def close_on(key: State, moved: Tensor, zoom: ZoomStages, closing: Closing, following: int) -> State:
    """A key frame of the end of a film that closes: what leads into the beginning grows into the old picture, `moved`,
    before that is dreamed on, and where it had grown a key frame earlier it stays as it was without the old.
    """
    loop = zoom.after or zoom
    assert loop.closing is not None
    later = loop.closing.end - closing.end  # than here is it there
    if key.lead is None or key.grown is None:
        lead = begin_at(loop, closing.begin + later)
        before = torch.zeros_like(moved[:, :1])
        new = lead.picture
        if following != closing.begin:  # a film with one key frame
            lead = dream_on(lead, loop, following + later)
    else:
        lead = dream_on(key.lead, loop, following + later)
        before = zoom.camera.moved_mask(key.grown, key.index, following)
        new = settled(loop.camera(key.lead.picture, key.lead.index, following + later))
    its, new = zoom.camera.fitted(lead.picture), zoom.camera.fitted(new)
    if following == closing.end:
        return State(following, its)
    grown = closing.grown(before, moved, new, following)
    dreamed = dream_on_zoom(settled(blend(moved, new, grown)), zoom, following)
    return State(following, settled(joined(dreamed, its, before)), lead=lead, grown=grown)


def joined(old: Tensor, new: Tensor, share: Tensor) -> Tensor:
    """The new picture where `share` is 1, the old where it is 0, with as much contrast and colour as they have."""
    mixed = blend(old, new, share)
    if is_transparent(mixed):
        return mixed
    return hold(mixed, between(measure(old), measure(new), float(share.mean())), 1)


def dream_on_zoom(moved: Tensor, zoom: ZoomStages, frame: int) -> Tensor:
    """Noise, dream, mask, colour."""
    if is_transparent(moved):
        seen = over_mean(moved)
        return settled(plus(moved, where_opaque(moved, dream_on_zoom(seen, zoom, frame) - seen)))
    reference = zoom.color.reference_of(moved)
    if not zoom.dream.dreams_on(frame):  # a picture that is only moved keeps its whites
        return zoom.color(moved, reference, frame)
    noisy = zoom.noise(moved, frame)
    dreamed = zoom.dream(noisy, reference, frame)
    if zoom.mask is not None:
        mask = zoom.camera.with_margin(zoom.mask(max(frame, 0)))
        dreamed = torch.lerp(moved, dreamed, mask if mask.shape[-1] == moved.shape[-1] else halved(mask))
    return soft_limit(zoom.color(dreamed, reference, frame))


def begin_shot(clip: ClipStages, frame: int) -> State:
    """The first frame of a shot, which knows nothing of the shot before."""
    seen = clip.footage.source(frame)
    added, lasting = torch.zeros_like(over_black(seen)), clip.footage.lasting(frame)
    for again in range(1, clip.schedule.warmup + 1):
        added = lasting * dream_on_clip(seen, added, clip, frame, again=again).of_clip()[1]
    return dream_on_clip(seen, added, clip, frame)


def clip_on(key: State, clip: ClipStages, following: int) -> Iterator[State]:
    """From a key frame to the following one, or to the first to which the flow leads nothing: carry what was added to
    it, dream, and let those in between share.
    """
    seen_before, added_before = key.of_clip()
    seen, carried, flows = [seen_before], [added_before], list[BidirectionalFlow]()
    for frame in range(key.index + 1, following + 1):
        seen.append(clip.footage.source(frame))
        flows.append(clip.footage.flow(frame))
        carried.append(clip.carry(carried[-1], flows[-1].backward, frame))
        if clip.schedule.adaptive and not flows[-1].followed:
            break
    share = clip.schedule.share(key.index, frame)
    last = dream_on_clip(seen[-1], carried[-1], clip, frame, flows, share=share)
    for number, added in enumerate(interpolate_added(carried, flows, last.of_clip()[1]), start=1):
        yield show_clip(seen[number], added, clip, key.index + number, key)
    yield last


def dream_on_clip(
    seen: Tensor,
    carried: Tensor,
    clip: ClipStages,
    frame: int,
    flows: Sequence[BidirectionalFlow] = (),
    again: int = 0,
    share: float = 1,
) -> State:
    """Noise, dream, colour; what the dream adds is new where flow has just brought things into sight. share: see
    DreamSchedule.
    """
    shown = over_mean(seen)
    reference = clip.color.reference_of(shown)
    noisy = clip.noise(shown + carried, frame, again)
    dreamed = clip.dream(noisy, reference, frame, share)
    held = clip.color(dreamed, reference, frame, share)
    return show_clip(seen, blend_by_visibility(carried, held - shown, flows), clip, frame)


def show_clip(seen: Tensor, added: Tensor, clip: ClipStages, frame: int, key: State | None = None) -> State:
    """A frame of the clip with as much of the dream as range, alpha, mask and opacity let through."""
    kept = where_opaque(seen, limit(straight(seen), added))
    if clip.mask is not None:
        kept = clip.mask(frame) * kept
    return State(frame, plus(seen, clip.opacity[frame] * kept), seen, kept, key)
