"""A draft of a film that looks like it: the same film, smaller by whole octaves, and, where that is not enough, dreamed
less often, or only its beginning.

The finest octaves are left out and the picture is as much smaller, so that the network sees in the others what it sees
in the film, and things keep their size in the frame. (A quarter of the edges with all octaves shows one bear where the
film has a dozen animals.) What is left out next was chosen by looking: half the dreams burn colours a little, half the
steps more so, one octave alone loses all small things.
"""

from __future__ import annotations

import math
from pathlib import Path

from zoomdream.config.codecs import is_numbered
from zoomdream.config.origin import OUTPUT_OPTION
from zoomdream.config.schema import Config
from zoomdream.config.schema_render import Dream
from zoomdream.config.units import seconds_text

_SECONDS = 32.0  # of one core, for all but the start of the program: two cores are done in 18
_STEP = 0.45  # seconds of dreamnet, to mixed4d, for a gradient step on a megapixel: of two threads that share a core
_CLASSES = 1.8  # times that, where terms are classes, which are at the network's very end
_FRAME = 0.11  # seconds to move a megapixel and encode it
_AREAS = (150_000, 75_000)  # pixels above which octaves are left out; fewer where half the dreams would not do
_SHORTEST = 144  # pixels of an edge below which none is: classifiers see little in less
_FEWEST = 2  # octaves that are kept
_SLOWEST = 4.0  # dreams per second that are kept
_MOST_EVERY = 12
_NEAR = 0.08  # by which a draft may be smaller or larger than its octaves ask for, to have just the film's shape
_SLIGHTLY = 1.1  # times as long as it should take: then nothing more is left out


def preview(config: Config) -> Config:
    """The draft of a film. Its `timeline` is the whole film, so that `80%` and `u` mean what they mean there."""
    for area in _AREAS:
        draft = _smaller(config, area)
        dreams, frames = _seconds(draft)
        times = dreams / max(1.0, _SECONDS - frames)
        if times <= 2:
            break
    if times > 1:
        draft = draft.model_copy(update={"dream": _rarer(draft.dream, times)})
    over = sum(_seconds(draft)) / _SECONDS
    length = config.frames if over < _SLIGHTLY else math.ceil(config.frames / over)
    timeline = config.timeline or config.frames
    whole = length == timeline
    chosen = config.origin.find(("output",)).name == OUTPUT_OPTION  # for the draft itself
    update = {
        "frames": length,
        "timeline": None if whole else timeline,
        "loop": config.loop if whole else False,
        "end": config.end if whole else None,
        "output": config.output if chosen else _output(config.output),
    }
    return draft.model_copy(update=update).between(config.before, config.after if whole else None)


def left_out(film: Config, draft: Config) -> str:
    """What a draft lacks of its film, for people."""
    parts = []
    if draft.size != film.size:
        finer = film.octaves.count - draft.octaves.count
        (width, height), (wide, high) = draft.size, film.size
        without = f" without the {'finest octave' if finer == 1 else f'{finer} finest octaves'}" if finer else ""
        parts.append(f"{width}x{height} instead of {wide}x{high}{without}")
    if draft.dream.every != film.dream.every:
        parts.append(f"a dream every {draft.dream.every} frames instead of {film.dream.every}")
    elif draft.dream.rate != film.dream.rate:
        parts.append(f"{draft.dream.rate:g} dreams a second instead of {film.dream.rate:g}")
    if draft.frames < film.frames:
        part, whole = (seconds_text(round(frames / film.fps, 1)) for frames in (draft.frames, film.frames))
        parts.append(f"the first {part} of {whole}")
    return "; ".join(parts) or "nothing is left out"


def _smaller(config: Config, area: int) -> Config:
    """The film without as many of the finest octaves as it takes to come down to so many pixels."""
    dream, octaves, (width, height) = config.dream, config.octaves, config.size
    dropped, factor = 0, 1.0
    while (
        width * height / factor**2 > area
        and octaves.count - dropped > _FEWEST
        and min(width, height) / (factor * octaves.scale) >= _SHORTEST
    ):
        dropped, factor = dropped + 1, factor * octaves.scale
    if not dropped:
        return config
    if dream.octaves != "auto":  # which finds the others for a smaller picture by itself
        steps = dream.steps if isinstance(dream.steps, int) else dream.steps[:-dropped]
        dream = dream.model_copy(update={"octaves": dream.octaves - dropped, "steps": steps})
    return config.model_copy(update={"size": _shrunk(config.size, factor), "dream": dream})


def _shrunk(size: tuple[int, int], factor: float) -> tuple[int, int]:
    """Even edges, which fit every codec, about that much smaller: of just the same shape where that is near, because
    then noise is the same, and so things are at the same places.
    """
    width, height = size
    shape = math.gcd(width, height)
    across, down = 2 * width // shape, 2 * height // shape
    times = max(1, round(width / factor / across))
    if abs(times * across * factor / width - 1) < _NEAR:
        return times * across, times * down
    return 2 * round(width / factor / 2), 2 * round(height / factor / 2)


def _rarer(dream: Dream, times: float) -> Dream:
    """The dream step done so many times less often, as far as that is still the same dream."""
    if dream.every is not None:
        return dream.model_copy(update={"every": min(_MOST_EVERY, math.ceil(dream.every * times))})
    return dream.model_copy(update={"rate": min(dream.rate, max(_SLOWEST, round(dream.rate / times, 1)))})


def _seconds(config: Config) -> tuple[float, float]:
    """About how long a core dreams, and how long it moves and encodes."""
    dream, octaves, area = config.dream, config.octaves, config.size[0] * config.size[1] / 1e6
    numbered = enumerate(reversed(octaves.steps))
    once = _STEP * sum(steps * area / octaves.scale ** (2 * number) for number, steps in numbered)
    if any(term.classes for term in config.objective):
        once *= _CLASSES
    rate = dream.rate if dream.every is None else config.fps / dream.every
    if config.camera.contains_itself:  # one picture is dreamed on, of which the frames are views
        rate = config.camera.droste.alive
    times = config.frames * min(1.0, float(rate / config.fps)) + 1 + dream.warmup / (1 if config.is_clip else 4)
    return once * times, _FRAME * area * config.frames


def _output(output: Path) -> Path:
    if is_numbered(output):  # numbered pictures go into a folder of their own
        return output.parent.with_name(f"{output.parent.name}_preview") / output.name
    return output.with_name(f"{output.stem}_preview{output.suffix}")
