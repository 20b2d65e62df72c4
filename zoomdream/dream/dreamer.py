"""The dream step of a config: objective, recipe and everything about them that changes over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from zoomdream.autodiff.cuda_graphs import Captured, plainly
from zoomdream.color.statistics import ColorStatistics
from zoomdream.config import Config, VideoSource
from zoomdream.dream.aims import Aim, aims
from zoomdream.dream.guides import guide
from zoomdream.dream.noise_prefetch import Drawn
from zoomdream.dream.objective import ClassTerm, Groups, Height, Pick, Rank, Term, Wish
from zoomdream.dream.octaves import Recipe, dream
from zoomdream.dream.tiling import tiling
from zoomdream.machine.devices import to_device
from zoomdream.networks import catalog
from zoomdream.randomness import generator, wandering, white_noise
from zoomdream.timeline import gathered, values
from zoomdream.types import Layer, Network, Plan

EMPHASIS_SECONDS = 4.0  # how long a channel stays in favour; see `dream.variety`

Dream = Callable[[Tensor, ColorStatistics, int, int], Tensor]
"""A picture, the look it should come to have, the frame's number and how often it was dreamt on before in; a new
picture out.
"""


def dreamer(config: Config, planned: Plan, opened: Network, keys: Sequence[int], closing: ExitStack) -> Dream:
    """The dream step as a function. Moves the networks to their device. `closing` gets what ends the reading of guides.

    opened: the config's network; see `aims` for those of terms. keys: the frames that are dreamt on.
    """
    aimed = aims(config, opened)
    dtype: torch.dtype = getattr(torch, planned.precision)
    for network in (opened, *(aim.network for aim in aimed)):
        if isinstance(network, nn.Module):
            network.to(device=planned.device, dtype=dtype)
    active = dreams(config, keys)
    wishes = _wishes(config, planned, aimed, closing)
    recipes = frame_recipes(config, aimed, keys)
    fresh = values(config, config.dream.noise)
    draw = partial(_noise, config, planned)
    ahead: Callable[[tuple[int, int], int], Tensor] = draw
    if planned.device != "cpu" and any(fresh):
        ahead = Drawn(draw, (*range(-config.dream.warmup, 0), *keys), closing)
    # On a clip all frames share their jitter. Then the gradients of neighbouring frames agree, and a still camera sees
    # a still dream: with a jitter of its own for each frame the error (see ops/carry.py) of the flower is three times
    # as high. A zoom must not do that: there the same places would get the same things for ever.
    moving = not isinstance(config.source, VideoSource)
    # float16 has no numbers for GoogLeNet's small gradients (mixed3b at 1080p: 44 % are 0); normalising removes this
    loss_scale = 2.0**14 if dtype == torch.float16 else 1.0
    tiled = tiling(planned, aimed, _calls(config, planned))

    def dreamt(picture: Tensor, look: ColorStatistics, index: int, again: int) -> Tensor:
        now = max(index, 0)  # the warm-up dreams as frame 0 does
        if not active[now]:
            return picture
        groups = wishes(now)
        if fresh[now] > 0:
            height, width = picture.shape[-2:]
            noise = ahead((height, width), index) if again == 0 else draw((height, width), index, again)
            picture = picture + fresh[now] * to_device(noise, planned.device)

        whole = Height(groups, loss_scale)
        recipe = replace(recipes[now], look=look)
        climbed = whole if tiled is None else tiled(groups, whole, loss_scale)
        return dream(picture, climbed, recipe, seed=config.seed, frame=index if moving else 0)

    return dreamt


def _calls(config: Config, planned: Plan) -> Callable[..., Tensor]:
    """How the gradients of whole pictures are asked for: of NVIDIA's GPUs by graphs, unless memory is scarce."""
    nvidia = planned.device.startswith("cuda") and torch.version.hip is None
    scarce = planned.tile != 0 or config.performance.memory != "auto"
    return Captured() if nvidia and not scarce else plainly


def _noise(config: Config, planned: Plan, size: tuple[int, int], index: int, *again: int) -> Tensor:
    random = generator(config.seed, "fresh", index, *again)
    return white_noise(size, random, pinned=planned.device.startswith("cuda"))


def _wishes(config: Config, planned: Plan, aimed: tuple[Aim, ...], closing: ExitStack) -> Callable[[int], Groups]:
    """The terms of the objective at a frame, those of weight 0 left out, by network."""
    variety, diversity = values(config, config.dream.variety), values(config, config.dream.diversity)
    weights = [values(config, term.weight) for term in config.objective]
    guides = {
        number: guide(config, number, aim, planned, closing)
        for number, (term, aim) in enumerate(zip(config.objective, aimed, strict=True))
        if term.guide is not None and any(weights[number])
    }

    def wish(number: int, now: int) -> Wish:
        term, aim, weight = config.objective[number], aimed[number], weights[number][now]
        if aim.classes:
            return ClassTerm(aim.layer.name, aim.classes, weight)
        if number in guides:
            return guides[number](now, weight)
        return Term(
            aim.layer.name,
            weight,
            term.channels,
            emphasis(config.seed, aim.layer, now / float(config.fps), variety[now], planned.device),
            diversity[now],
            _pick(term.pick),
            term.at,
        )

    def wishes(now: int) -> Groups:
        groups: dict[int, tuple[Network, list[Wish]]] = {}
        for number, aim in enumerate(aimed):
            if weights[number][now] != 0:
                groups.setdefault(id(aim.network), (aim.network, []))[1].append(wish(number, now))
        return list(groups.values())

    return wishes


def _pick(text: str | None) -> Pick | None:
    if text is None:
        return None
    rank, count = text.split()
    return Pick(cast(Rank, rank), int(count))


def frame_recipes(config: Config, aimed: tuple[Aim, ...], keys: Sequence[int]) -> list[Recipe]:
    """How each frame is dreamt."""
    settings = config.dream
    recipe = Recipe(
        octaves=settings.octaves,
        octave_scale=settings.octave_scale,
        steps=settings.steps,
        jitter=settings.jitter,
        normalization=settings.normalize,
        smallest=max(catalog.minimum_edge(aim.layer) for aim in aimed),
        parameters=settings.parameters,
        natural=settings.hues == "natural",
    )
    names = ("step_size", "turn", "stretch", "blur", "smooth", "decay")
    step_sizes, *others = (values(config, getattr(settings, name)) for name in names)
    changing = zip(gathered(step_sizes, keys, sum), *others, strict=True)
    return [replace(recipe, **dict(zip(names, now, strict=True))) for now in changing]


def masked(dreamt: Dream, mask: Callable[[int], Tensor]) -> Dream:
    """The same dream where the mask (1, 1, H, W) of the frame is 1, and none where it is 0."""

    def within(picture: Tensor, look: ColorStatistics, index: int, again: int) -> Tensor:
        return torch.lerp(picture, dreamt(picture, look, index, again), mask(max(index, 0)))

    return within


def emphasis(seed: int, layer: Layer, seconds: float, variety: float, device: str) -> Tensor | None:
    """Factors on the energy of each channel of `layer` that wander smoothly over time, mean 1; None where `variety`
    is 0.

    Each channel's logarithm has the deviation `variety`. So what is born now is not what was born a while ago: with
    all channels alike for ever, a zoom finds the same few creatures again and again, at the same places.
    """
    if variety == 0:
        return None
    factors = torch.exp(
        variety * wandering(layer.channels, seconds / EMPHASIS_SECONDS, generator(seed, "emphasis", layer.name))
    )
    return to_device(factors / factors.mean(), device)


def dreams(config: Config, keys: Sequence[int] = ()) -> list[bool]:
    """Whether each frame is dreamt on at all, or only moved; those in `keys` also for the frames left out before."""
    weights = [values(config, term.weight) for term in config.objective]
    step_size = gathered(values(config, config.dream.step_size), keys, sum)
    return [
        any(config.dream.counts) and step > 0 and any(now)
        for step, now in zip(step_size, zip(*weights, strict=True), strict=True)
    ]
