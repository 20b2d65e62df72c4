"""The dream step of a config: objective, recipe and everything about them that changes over time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from zoomdream.build.networks import layers
from zoomdream.build.timing import values
from zoomdream.config import Config, VideoSource
from zoomdream.nets import catalog
from zoomdream.ops.color import Look
from zoomdream.ops.dream import Recipe, dream
from zoomdream.ops.noise import generator, wandering, white_noise
from zoomdream.ops.objective import Term, objective
from zoomdream.plan import Plan
from zoomdream.types import Layer, Network

EMPHASIS_SECONDS = 4.0  # how long a channel stays in favour; see `dream.variety`

Dream = Callable[[Tensor, Look, int], Tensor]
"""A picture, the look it should come to have, and the frame's number in; a new picture out."""


def dreamer(config: Config, planned: Plan, opened: Network) -> Dream:
    """The dream step as a function. Moves the network to its device."""
    used = layers(config, opened)
    dtype: torch.dtype = getattr(torch, planned.precision)
    if isinstance(opened, nn.Module):
        opened.to(device=planned.device, dtype=dtype)
    settings = config.dream
    step_size, fresh, variety, diversity = (
        values(config, schedule)
        for schedule in (settings.step_size, settings.noise, settings.variety, settings.diversity)
    )
    weights = [values(config, term.weight) for term in config.objective]
    active = dreams(config)
    # On a clip all frames share their jitter. Then the gradients of neighbouring frames agree, and a still camera sees
    # a still dream: with a jitter of its own for each frame the error (see ops/carry.py) of the flower is three times
    # as high. A zoom must not do that: there the same places would get the same things for ever.
    moving = not isinstance(config.source, VideoSource)
    # float16 has no numbers for GoogLeNet's small gradients (mixed3b at 1080p: 44 % are 0); normalising removes this
    loss_scale = 2.0**14 if dtype == torch.float16 else 1.0
    recipe = Recipe(
        octaves=settings.octaves,
        octave_scale=settings.octave_scale,
        steps=settings.steps,
        jitter=settings.jitter,
        normalization=settings.normalize,
        smallest=max(catalog.minimum_edge(layer) for layer in used),
    )

    def terms(now: int) -> tuple[Term, ...]:
        return tuple(
            Term(
                layer.name,
                weight[now],
                term.channels,
                emphasis(config.seed, layer, now / float(config.fps), variety[now], planned.device),
                diversity[now],
            )
            for term, layer, weight in zip(config.objective, used, weights, strict=True)
            if weight[now] != 0
        )

    def dreamt(picture: Tensor, look: Look, index: int) -> Tensor:
        now = max(index, 0)  # the warm-up dreams as frame 0 does
        if not active[now]:
            return picture
        wishes = terms(now)
        if fresh[now] > 0:
            height, width = picture.shape[-2:]
            noise = white_noise((height, width), generator(config.seed, "fresh", index))
            picture = picture + fresh[now] * noise.to(picture.device)
        wanted = frozenset(wish.layer for wish in wishes)

        def climbed(image: Tensor) -> Tensor:
            return loss_scale * objective(opened(image.to(dtype), wanted), wishes)

        chosen = replace(recipe, step_size=step_size[now], look=look)
        return dream(picture, climbed, chosen, seed=config.seed, frame=index if moving else 0)

    return dreamt


def masked(dreamt: Dream, mask: Callable[[int], Tensor]) -> Dream:
    """The same dream where the mask (1, 1, H, W) of the frame is 1, and none where it is 0."""

    def within(picture: Tensor, look: Look, index: int) -> Tensor:
        return torch.lerp(picture, dreamt(picture, look, index), mask(max(index, 0)))

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
    return (factors / factors.mean()).to(device)


def dreams(config: Config) -> list[bool]:
    """Whether each frame is dreamt on at all, or only moved."""
    weights = [values(config, term.weight) for term in config.objective]
    step_size = values(config, config.dream.step_size)
    return [
        config.dream.steps > 0 and step > 0 and any(now)
        for step, now in zip(step_size, zip(*weights, strict=True), strict=True)
    ]
