"""The dream step: climb the objective over octaves, from coarse to fine, without losing the picture's own detail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from zoomdream.color.pyramid import octave_sizes, resize
from zoomdream.color.statistics import ColorGains, ColorStatistics, color_gains
from zoomdream.dream.ascent import AnyObjective, View, ascend
from zoomdream.dream.fourier import ascend_frequencies
from zoomdream.dream.gradient import Normalization, normalize
from zoomdream.dream.regularizers import Regularizers, natural_hues, random_transform
from zoomdream.randomness import generator, jitter_offset

WRAP = 48
"""Pixels of the opposite side that the network sees around a wrapped picture, and the pyramid of its gradient: 64
are as good as no edge, to the last bit; with 32 the dream is off by up to 0.09 here and there, with 48 by 0.0001 on
average.
"""

Parameters = Literal["pixels", "fourier", "phase"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to dream. `step_size` is the mean change per step (1 is a pixel's full range), `jitter` and `smallest` are
    pixels. `steps`: one number for all octaves, or one each from coarse to fine; where octaves are too small for the
    network and left out, the first of these are left out too. `detailing`: so many of the finest octaves change only
    what the octave before them cannot hold. `finest`: a factor on the step size of the finest octave.

    `reference`: the colour statistics that the picture should come to; each octave then climbs more in the bands that
    it lacks and less in those that it has too much of. None: all bands alike.

    wrapped: the picture's edges meet their opposites; each step sees it from another place, so that nothing stays of
    where the network's own borders were.

    parameters: what is optimised; `normalization`, `reference` and `natural` (hues that are rare in photographs change
    less) are for pixels. The rest keeps noise from winning, see `priors`: turn (degrees) and stretch (share) are the
    reach of random views, blur (pixels) is Gaussian, smooth is how much of a step goes against total variation, decay
    the share of the way to grey, the last three after each step.
    """

    octaves: int = 3
    octave_scale: float = 1.4
    steps: int | tuple[int, ...] = 4
    detailing: int = 0
    finest: float = 1.0
    step_size: float = 0.006
    jitter: int = 16
    normalization: Normalization = "laplacian"
    smallest: int = 1
    wrapped: bool = False
    reference: ColorStatistics | None = None
    parameters: Parameters = "pixels"
    natural: bool = False
    turn: float = 0.0
    stretch: float = 0.0
    blur: float = 0.0
    smooth: float = 0.0
    decay: float = 0.0


def dream(picture: Tensor, objective: AnyObjective, recipe: Recipe, *, seed: int, frame: int) -> Tensor:
    """Dream on one picture (1, 3, H, W) in [0, 1]; returns a new one, not clamped.

    Per octave the picture is shrunk, what the coarser octave added is enlarged and laid on top, and the sum climbs;
    only the difference goes on, so that the picture keeps its own detail at every scale (DeepDream's detail
    re-injection, Mordvintsev 2015). Jitter and views depend on (seed, frame, octave, step) and nothing else.
    """
    height, width = picture.shape[-2:]
    work = octave_work((height, width), recipe)
    regularizers = Regularizers(recipe.blur, recipe.smooth, recipe.decay)
    if recipe.step_size == 0 or not any(steps for _, steps in work):
        return picture
    added: Tensor | None = None
    for octave, (size, steps) in enumerate(work):
        if steps == 0:
            continue
        base = resize(picture, size)
        start = base if added is None else base + resize(added, size)
        views = partial(draw_view, recipe, size, (seed, frame, octave))
        step_size = recipe.step_size * (recipe.finest if octave == len(work) - 1 else 1)
        climbed = _ascent(start, recipe)(
            start,
            objective,
            steps=steps,
            step_size=step_size,
            views=views,
            regularized=regularizers.of(step_size),
        )
        if octave and octave >= len(work) - recipe.detailing:
            climbed = climbed - resize(resize(climbed - start, work[octave - 1][0]), size)
        added = climbed - base
    assert added is not None
    return picture + resize(added, (height, width))


def octave_work(size: tuple[int, int], recipe: Recipe) -> tuple[tuple[tuple[int, int], int], ...]:
    """(height, width) and gradient steps of each octave of a picture of `size`, the coarsest first."""
    sizes = octave_sizes(size, recipe.octaves, recipe.octave_scale, recipe.smallest)
    steps = (recipe.steps,) * len(sizes) if isinstance(recipe.steps, int) else recipe.steps[-len(sizes) :]
    return tuple(zip(sizes, steps, strict=True))


def _ascent(start: Tensor, recipe: Recipe) -> Callable[..., Tensor]:
    if recipe.parameters != "pixels":
        return partial(ascend_frequencies, phases_only=recipe.parameters == "phase")
    # natural pictures have the same contrast in every band at every scale (Field 1987), so one reference serves all
    # octaves
    gains = None if recipe.reference is None else color_gains(start, recipe.reference)
    return partial(ascend, normalized=GradientNormalization(recipe.normalization, gains, recipe.natural))


@dataclass(frozen=True, slots=True)
class GradientNormalization:
    """Normalises a gradient before a step. A value, so that a CUDA graph knows equal ones as equal."""

    how: Normalization
    gains: ColorGains | None
    natural: bool

    def __call__(self, gradient: Tensor) -> Tensor:
        return normalize(natural_hues(gradient) if self.natural else gradient, self.how, self.gains)


def draw_view(recipe: Recipe, size: tuple[int, int], place: tuple[int, int, int], step: int) -> View:
    """How the network sees an octave of `size` in a step. place: seed, frame and octave."""
    seed, *rest = *place, step
    reach = max(size) if recipe.wrapped else min(recipe.jitter, min(size) // 2)
    offset = jitter_offset(reach, generator(seed, "jitter", *rest))
    wrap = min(WRAP, *size) if recipe.wrapped else 0
    x, y = (2 * torch.rand(2, generator=generator(seed, "tiles", *rest)) - 1).tolist()
    if recipe.turn == 0 and recipe.stretch == 0:
        return View(offset, shifts=(x, y), wrap=wrap)
    turned = random_transform(recipe.turn, recipe.stretch, generator(seed, "view", *rest))
    return View(offset, turned, (x, y), wrap)
