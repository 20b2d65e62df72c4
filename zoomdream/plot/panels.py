"""The curves of a film: every schedule that moves, those that belong together in one panel, and the marks in time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from zoomdream.config import Config, Schedule
from zoomdream.config.keyframes import Keyframes
from zoomdream.timeline import Timeline

_MOST_BEATS = 2000
_OF_BEATS = {"beat", "beats", "bar"}
_OF_CLIPS = ("flow.carry", "dream.opacity")


@dataclass(frozen=True, slots=True)
class Curve:
    """One schedule. name: its key, of a weight with what it weighs; values: at every frame; keyframes: (frame, value)
    of those that are within the film.
    """

    name: str
    values: tuple[float, ...]
    keyframes: tuple[tuple[float, float], ...]

    @property
    def range(self) -> tuple[float, float]:
        return min(self.values), max(self.values)


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves of one unit that are seen together, such as the weights of all terms."""

    name: str
    unit: str
    curves: tuple[Curve, ...]

    @property
    def range(self) -> tuple[float, float]:
        return min(curve.range[0] for curve in self.curves), max(curve.range[1] for curve in self.curves)


@dataclass(frozen=True, slots=True)
class Marks:
    """Moments that concern all curves, by frame: the cuts of a clip, the beats of a piece of music."""

    name: str
    frames: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """What is seen over all of the time, such as the pitches of a song. data: a PNG."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Plot:
    """All that a plot shows. constants: what does something and does not move, as "key value". notes: more to read.
    pictures stand above the panels.
    """

    title: str
    frames: int
    fps: float
    panels: tuple[Panel, ...]
    marks: tuple[Marks, ...]
    constants: tuple[str, ...]
    notes: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()

    @property
    def seconds(self) -> float:
        return self.frames / self.fps

    @property
    def length(self) -> str:
        frames = "1 frame" if self.frames == 1 else f"{self.frames} frames"
        return f"{self.seconds:g} s, {frames} at {self.fps:g} per second"


def plot_of(config: Config, title: str, cuts: Sequence[int] = ()) -> Plot:
    """The plot of a config. cuts: the frames with which a new shot begins. Raises ConfigError as `Timeline.of`."""
    timeline = Timeline.of(config, cuts)
    panels: dict[str, Panel] = {}
    constants = []
    for key, schedule in timeline.schedules.items():
        values = timeline.curve(key)
        if min(values) == max(values):
            if values[0] and (config.is_clip or key not in _OF_CLIPS):
                constants.append(f"{_name(config, key)} {values[0]:.4g}")
            continue
        curve = Curve(_name(config, key), values, tuple(_keyframes(schedule, timeline)))
        name = _together(key)
        before = panels[name].curves if name in panels else ()
        panels[name] = Panel(name, schedule.limits.unit, (*before, curve))
    marks = tuple(
        found for found in (Marks("cuts", timeline.shots[1:]), Marks("beats", _beats(timeline))) if found.frames
    )
    return Plot(title, config.frames, float(config.fps), tuple(panels.values()), marks, tuple(constants))


def _beats(timeline: Timeline) -> tuple[float, ...]:
    """The frames of the music's beats, where any schedule asks for them."""
    asking = [one for one in timeline.schedules.values() if one.signals is not None and one.asks() & _OF_BEATS]
    found: list[float] = []
    for number in range(_MOST_BEATS if asking else 0):
        frame = float(asking[0].signals.moment(Fraction(number), "b") * timeline.fps)  # type: ignore[union-attr]
        if frame > timeline.frames - 1:
            break
        found.append(frame)
    return tuple(dict.fromkeys(found))


def _together(key: str) -> str:
    """The panel of a key: objective.0.weight and objective.1.weight have one, and so have camera.pan.0 and .1."""
    return ".".join(part for part in key.split(".") if not part.isdecimal())


def _name(config: Config, key: str) -> str:
    """The key; a weight says what it is of, and a pair x or y."""
    section, *rest = key.split(".")
    if section == "objective":
        term = config.objective[int(rest[0])]
        return f"{key} ({', '.join(map(str, term.classes)) or term.layer})"
    return f"{key} ({'xy'[int(rest[-1])]})" if rest[-1:] in (["0"], ["1"]) else key


def _keyframes(schedule: Schedule, timeline: Timeline) -> Iterator[tuple[float, float]]:
    if not isinstance(schedule.source, Keyframes):
        return
    for moment, _ in schedule.source.points:
        frame = float(moment.frame(schedule.timeline or timeline.frames, timeline.fps, schedule.signals))
        if frame <= timeline.frames:  # 100% is the end of the last frame, which shows what it begins with
            shown = min(frame, timeline.frames - 1)
            yield shown, timeline.at(schedule.key, shown)


def thinned(values: Sequence[float], count: int) -> list[tuple[float, float]]:
    """The lowest and the highest value in each of `count` equal parts of the film, which touch those beside them; of a
    short film some parts are within one frame, and on the line to the next.
    """
    last = len(values) - 1
    found = []
    for number in range(count):
        begin, end = number * last / count, (number + 1) * last / count
        inside = values[int(begin) + 1 : int(end) + 1]
        part = (_between(values, begin), *inside, _between(values, end))
        found.append((min(part), max(part)))
    return found


def _between(values: Sequence[float], at: float) -> float:
    left = min(int(at), len(values) - 1)
    right = min(left + 1, len(values) - 1)
    return values[left] + (values[right] - values[left]) * (at - left)
