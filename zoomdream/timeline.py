"""Every schedule of a render, evaluated once: what changes over time, as values per frame.

Nobody else evaluates a schedule. Stages are given plain tuples of numbers, one for each frame, and know no schedules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from zoomdream.camera.droste import Size, Torus, closed, path
from zoomdream.camera.motion import Motion, ease, integrate
from zoomdream.config import Config, Schedule
from zoomdream.config.fields import schedules
from zoomdream.config.octaves import beginning_work
from zoomdream.config.origin import dotted
from zoomdream.config.signals import Signals

REFERENCE_RATE = 24
"""Frames per second for which `dream.step_size` and `flow.carry` are meant; at others the film is as strong."""

_NEARLY_ALL = Fraction(5, 4)
"""Frames from one dream to the next, on average, up to which all are dreamed on: one left out here and there shows."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The schedules of a config by their dotted keys, and what follows from them for each frame.

    interval: frames from one dream to the next, on average; None with `dream.every`, which counts in frames and not in
    seconds. curves: the value of each key at every frame. motions: of the camera, from the frame before to each frame.
    key_frames: the frames that are dreamed on, in order; of each shot the first and the last are among them. shots: the
    frames with which a shot begins, in order, from 0. active: whether a frame is dreamed on or only moved, if it is a
    key frame. passes: how often the network dreams for each frame, 0 where it is only moved, more where a shot begins;
    a dream at half the size counts as a quarter. closing: of a loop, the key frames in which its end becomes its
    beginning, and the number of frames, which is frame 0 again; of a film that ends in the beginning of a loop, those
    of its own in which it does; else empty. looped: whether it is a loop. growth: in the
    Droste space, the sizes of the dreams before the first frame.
    """

    frames: int
    fps: Fraction
    seed: int
    interval: Fraction | None
    curves: Mapping[str, tuple[float, ...]]
    motions: tuple[Motion, ...]
    key_frames: tuple[int, ...]
    shots: tuple[int, ...]
    active: tuple[bool, ...]
    passes: tuple[float, ...]
    schedules: Mapping[str, Schedule]
    closing: tuple[int, ...] = ()
    growth: tuple[Size, ...] = ()
    looped: bool = False

    @classmethod
    def of(cls, config: Config, cuts: Sequence[int] = ()) -> Timeline:
        """cuts: the frames with which a new shot begins, without 0. Raises ConfigError that names the key and the time
        where a schedule has no value that is allowed.
        """
        written = {dotted(key): schedule for key, schedule in schedules(config)}
        known = tuple((key, one, one.timeline, one.closing, one.signals) for key, one in written.items())
        curves = _evaluate(known, config.frames, config.fps, config.seed)
        shots = (0, *(cut for cut in cuts if 0 < cut < config.frames))
        interval = _interval(config)
        gap = interval or Fraction(config.dream.every or 1)
        key_frames, closing = _closing(config, gap) if config.closing else (_key_frames(shots, config.frames, gap), ())
        if config.after is not None:
            curves = _eased(curves, cls.of(config.after), closing)
        active = _active(config, curves, key_frames)
        found = cls(
            frames=config.frames,
            fps=config.fps,
            seed=config.seed,
            interval=interval,
            curves=curves,
            motions=_motions(config, curves),
            key_frames=key_frames,
            shots=shots,
            active=active,
            passes=_passes(
                key_frames,
                active,
                shots,
                config.dream.warmup * (1 if config.is_clip else beginning_work(config.size)),
                closing,
            ),
            schedules=written,
            closing=closing,
            looped=bool(config.loop),
        )
        return _droste(config, found) if config.camera.contains_itself else found

    def curve(self, key: str) -> tuple[float, ...]:
        """The value of a key, such as "dream.noise", at every frame."""
        return self.curves[key]

    def at(self, key: str, frame: float) -> float:
        """The value of a key at a moment, also between two frames (2.5 is in the middle of frames 2 and 3)."""
        return self.schedules[key].at(frame, self.frames, self.fps, self.seed)

    def step_sizes(self) -> tuple[float, ...]:
        """The step size at each key frame, for all the time since the last one: a film is as strong at any rate.

        With `dream.every` the sum of its values there and at the frames left out before it.
        """
        found = _combined(self.curve("dream.step_size"), self.key_frames, sum, looped=self.looped)
        if self.interval is None:
            return found
        scale = REFERENCE_RATE / float(self.fps)
        if self.growth:  # a picture that nothing moves needs no more where it is dreamt on less often
            return tuple(scale * float(self.interval) * value for value in self.curve("dream.step_size"))
        return tuple(scale * value * self._first(frame) for frame, value in enumerate(found))

    def hold_shares(self) -> tuple[float, ...]:
        """The share of the way by which colour is pulled back at each key frame, from `color.hold` per second."""
        left = [(1 - share) ** (1 / float(self.fps)) for share in self.curve("color.hold")]
        found = _combined(left, self.key_frames, math.prod, looped=self.looped)
        return tuple(1 - share ** self._first(frame) for frame, share in enumerate(found))

    def _first(self, frame: int) -> float:
        """For how many frames the dream of a frame counts that has none before it; 1 of all others."""
        begins = frame in self.shots and not self.looped
        return float(self.interval) if begins and self.interval is not None else 1.0

    def carry_shares(self) -> tuple[float, ...]:
        """The share of a clip's dream that is carried from each frame's predecessor to it."""
        power = 1.0 if self.interval is None else REFERENCE_RATE / float(self.fps)
        return tuple(share**power for share in self.curve("flow.carry"))


def torus(config: Config) -> Torus:
    """What repeats in the Droste space of a config."""
    droste = config.camera.droste
    return Torus(droste.period, droste.arms, droste.twist)


def dreamt_size(config: Config) -> Size:
    """(height, width) of the picture that is dreamt: of a frame, or of what frames are views of."""
    width, height = config.size
    return torus(config).strip((height, width)) if config.camera.contains_itself else (height, width)


def _droste(config: Config, found: Timeline) -> Timeline:
    """The timeline of the same film in the Droste space, where not frames are dreamed but what they are views of."""
    alive, size = config.camera.droste.alive, dreamt_size(config)
    growth = torus(config).growth(size, config.dream.warmup)
    interval = max(Fraction(1), config.fps / Fraction(alive).limit_denominator(1000)) if alive else None
    key_frames = _key_frames((0,), found.frames, interval or Fraction(found.frames))
    active = tuple(now and (alive > 0 or frame == 0) for frame, now in enumerate(found.active))
    before = sum(math.prod(one) for one in growth[:-1]) / math.prod(size)
    passes = _passes(key_frames, active, (0,), before, ())
    return replace(found, key_frames=key_frames, active=active, passes=passes, closing=(), looped=False, growth=growth)


def droste_path(config: Config, found: Timeline) -> tuple[complex, ...]:
    """Logarithm of the zoom and the angle, in radians, since frame 0, at each frame; of a loop, and of the frame after
    the last, changed so that it ends after whole periods.
    """
    moved = path(found.motions)
    return closed(torus(config), moved) if config.closing else moved


def droste_note(config: Config) -> str:
    """What becomes of the camera's speeds so that a loop in the Droste space closes; "" where nothing does."""
    if not (config.camera.contains_itself and config.closing):
        return ""
    found = Timeline.of(config)
    wanted, moved = path(found.motions)[-1], droste_path(config, found)[-1]
    seconds = float(config.frames / config.fps)
    (zoom, turn), (first_zoom, first_turn) = (
        (math.exp(place.real / seconds), math.degrees(place.imag) / seconds) for place in (moved, wanted)
    )
    return (
        f"the loop closes with a zoom of {zoom:.4g} times and a turn of {turn:.4g} degrees per second, on average, "
        f"instead of {first_zoom:.4g} and {first_turn:.4g}"
    )


@lru_cache(maxsize=2)  # plan and stages of one render ask alike
def _evaluate(
    written: tuple[tuple[str, Schedule, int | None, int, Signals | None], ...], frames: int, fps: Fraction, seed: int
) -> Mapping[str, tuple[float, ...]]:
    """The values of each key's schedule. With it stand its lengths and its music: schedules compare without."""
    return {key: tuple(schedule.values(frames, fps, seed)) for key, schedule, *_ in written}


def _combined(
    values: Sequence[float],
    key_frames: Sequence[int],
    combine: Callable[[Sequence[float]], float],
    *,
    looped: bool,
) -> tuple[float, ...]:
    """At each key frame, its value and those of the frames left out before it in one. Other frames keep their own.
    looped: the last frames are before the first.
    """
    found = list(values)
    for before, now in pairwise((-1, *key_frames)):
        found[now] = combine(values[before + 1 : now + 1])
    if looped:
        found[0] = combine((*values[key_frames[-1] + 1 :], values[0]))
    return tuple(found)


def _interval(config: Config) -> Fraction | None:
    """Frames from one dream to the next by `dream.rate`; None where `dream.every` counts instead."""
    if config.dream.every is not None:
        return None
    interval = config.fps / Fraction(config.dream.rate).limit_denominator(1000)
    return interval if interval > _NEARLY_ALL else Fraction(1)


def _key_frames(shots: Sequence[int], frames: int, interval: Fraction) -> tuple[int, ...]:
    """Of each shot the first frame, one every so many after it, and the last."""
    found: list[int] = []
    for begin, end in pairwise((*shots, frames)):
        count = int((end - 1 - begin) / interval) + 1
        found += sorted({*(begin + int(number * interval + Fraction(1, 2)) for number in range(count)), end - 1})
    return tuple(found)


def _evenly(frames: int, interval: Fraction) -> tuple[int, ...]:
    """Frames about so far apart, of which the first comes again as far after the last, in a film of `frames`."""
    count = max(round(frames / interval), 1)
    return tuple(int(Fraction(number * frames, count) + Fraction(1, 2)) for number in range(count))


def _closing(config: Config, interval: Fraction) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The key frames of a film that ends in a loop, and those in which it closes, with the number of frames."""
    key_frames = _evenly(config.frames, interval)
    if config.after is None:
        closing = [key for key in key_frames if key >= max(config.frames - config.closing, 1)]
        return key_frames, (*(closing or key_frames[-1:]), config.frames)
    later = config.frames - config.after.frames  # what leads into the loop is dreamed at its own key frames
    closing = [key + later for key in Timeline.of(config.after).closing]
    own = (key for key in key_frames if key == 0 or closing[0] - key >= interval / 2)
    return (*own, *closing[:-1]), tuple(closing)


def _eased(
    curves: Mapping[str, tuple[float, ...]], loop: Timeline, closing: Sequence[int]
) -> Mapping[str, tuple[float, ...]]:
    """The curves with a camera that comes to move as that of the loop while the film closes."""
    begin, found = closing[0], dict(curves)
    for key in (key for key in curves if key.startswith("camera.")):
        its = loop.curve(key)[begin - closing[-1] :]
        found[key] = (*curves[key][:begin], *ease(curves[key][begin:], its, log=key == "camera.zoom"))
    return found


def _motions(config: Config, curves: Mapping[str, tuple[float, ...]]) -> tuple[Motion, ...]:
    """From the frame before to each frame; of a film that closes there is one more, to the first of the loop."""
    if config.closing:
        first = curves if config.after is None else Timeline.of(config.after).curves
        curves = {key: (*values, first[key][0]) for key, values in curves.items() if key.startswith("camera.")}
    return integrate(
        zoom=curves["camera.zoom"],
        rotate=curves["camera.rotate"],
        pan=list(zip(curves["camera.pan.0"], curves["camera.pan.1"], strict=True)),
        pivot=list(zip(curves["camera.pivot.0"], curves["camera.pivot.1"], strict=True)),
        frames_per_second=float(config.fps),
    )


def _active(config: Config, curves: Mapping[str, tuple[float, ...]], key_frames: Sequence[int]) -> tuple[bool, ...]:
    """A frame is dreamed on if there are steps, the step size is not 0 there or where frames were left out before it,
    and any term counts.
    """
    weights = [curves[f"objective.{number}.weight"] for number in range(len(config.objective))]
    step_sizes = _combined(curves["dream.step_size"], key_frames, sum, looped=bool(config.loop))
    return tuple(
        any(config.octaves.steps) and step_size > 0 and any(now)
        for step_size, now in zip(step_sizes, zip(*weights, strict=True), strict=True)
    )


def _passes(
    key_frames: Sequence[int], active: Sequence[bool], shots: Sequence[int], warmup: float, closing: Sequence[int]
) -> tuple[float, ...]:
    """The next key frame is done first, for the frame after the one before: see pipeline. What leads into a loop is
    dreamed before its first frame, and beside its end.
    """
    found = [0.0] * len(active)
    for before, key_frame in pairwise((-1, *key_frames)):
        if active[key_frame]:
            found[before + 1] = 1 + (warmup if key_frame in shots else 0) + (key_frame in closing)
    found[0] += sum(active[key_frame] for key_frame in closing[:-1])
    return tuple(found)
