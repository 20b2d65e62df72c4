"""The dream step: climb the objective over octaves, from coarse to fine, without losing the picture's own detail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from zoomdream.ops.ascent import Climbed, ascend
from zoomdream.ops.color import Look, missing
from zoomdream.ops.gradient import Normalization, normalize
from zoomdream.ops.noise import generator, jitter_offset
from zoomdream.ops.pyramid import octave_sizes, resize


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to dream. `step_size` is the mean change per step (1 is a pixel's full range), `jitter` and `smallest` are
    pixels.

    `look`: what the picture should come to look like; each octave then climbs more in the bands that it lacks and
    less in those that it has too much of. None: all bands alike.
    """

    octaves: int = 3
    octave_scale: float = 1.4
    steps: int = 4
    step_size: float = 0.006
    jitter: int = 16
    normalization: Normalization = "laplacian"
    smallest: int = 1
    look: Look | None = None


def dream(picture: Tensor, climbed: Climbed, recipe: Recipe, *, seed: int, frame: int) -> Tensor:
    """Dream on one picture (1, 3, H, W) in [0, 1]; returns a new one, not clamped.

    Per octave the picture is shrunk, what the coarser octave added is enlarged and laid on top, and the sum climbs;
    only the difference goes on, so that the picture keeps its own detail at every scale (DeepDream's detail
    re-injection, Mordvintsev 2015). Jitter depends on (seed, frame, octave, step) and nothing else.
    """
    if recipe.steps == 0 or recipe.step_size == 0:
        return picture
    added: Tensor | None = None
    height, width = picture.shape[-2:]
    for octave, size in enumerate(octave_sizes((height, width), recipe.octaves, recipe.octave_scale, recipe.smallest)):
        base = resize(picture, size)
        start = base if added is None else base + resize(added, size)
        climbed_picture = ascend(
            start,
            climbed,
            steps=recipe.steps,
            step_size=recipe.step_size,
            offsets=_offsets(recipe.jitter, size, seed, frame, octave),
            normalized=_normalized(start, recipe),
        )
        added = climbed_picture - base
    assert added is not None  # octave_sizes always ends with the full size
    return picture + added


def _normalized(start: Tensor, recipe: Recipe) -> Callable[[Tensor], Tensor]:
    # natural pictures have the same contrast in every band at every scale (Field 1987), so one look serves all
    # octaves
    favor = None if recipe.look is None else missing(start, recipe.look)
    return lambda gradient: normalize(gradient, recipe.normalization, favor)


def _offsets(reach: int, size: tuple[int, int], seed: int, frame: int, octave: int) -> Callable[[int], tuple[int, int]]:
    reach = min(reach, min(size) // 2)
    return lambda step: jitter_offset(reach, generator(seed, "jitter", frame, octave, step))
