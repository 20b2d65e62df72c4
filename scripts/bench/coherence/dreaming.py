"""Dreaming on single pictures with a config's network, objective and recipe: what every rule has in common."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from zoomdream import assembly
from zoomdream.color import statistics as color
from zoomdream.config import Config, Schedule
from zoomdream.dream.objective import channel_weights, objective
from zoomdream.dream.octaves import Recipe, dream
from zoomdream.dream.terms import LayerTerm
from zoomdream.networks import catalog
from zoomdream.types import Network, Plan

Dream = Callable[[Tensor, int], Tensor]  # a picture (1, 3, H, W) and its frame's number in, a dreamt one in [0, 1] out


class Dreamer:
    """Dreams as a render of `config` does within one frame: its network, layers, octaves, steps, jitter and seed.

    What goes from frame to frame (carrying, holding the colours, warming up, fresh noise) is not in here: that is
    what the rules are about.
    """

    def __init__(self, config: Config, planned: Plan, network: Network) -> None:
        self._network, self._dtype = network, getattr(torch, planned.precision)
        if isinstance(network, nn.Module):
            network.to(device=planned.device, dtype=self._dtype)
        self._device, self._seed, self._fps = planned.device, config.seed, float(config.fps)
        self._layers, settings = assembly.layers(config, network), config.dream

        def schedule(chosen: Schedule) -> list[float]:
            return chosen.values(config.frames, config.fps, config.seed)

        self._variety, self._diversity = schedule(settings.variety), schedule(settings.diversity)
        self._weights = [schedule(term.weight) for term in config.objective]
        self._channels = [term.channels for term in config.objective]
        self.step_size = schedule(settings.step_size)[0]
        self._recipe = Recipe(
            octaves=settings.octaves,
            octave_scale=settings.octave_scale,
            steps=settings.steps,
            jitter=settings.jitter,
            normalization=settings.normalize,
            smallest=max(catalog.minimum_edge(layer) for layer in self._layers),
        )

    def at(self, step_size: float, sources: Sequence[Tensor], *, fixed_jitter: bool = False) -> Dream:
        """To dream with another step size. The look that is kept is that of the frame's own source.

        fixed_jitter: every frame is rolled as frame 0 is, which makes the dreams of equal pictures equal.
        """

        def dreamt(picture: Tensor, index: int) -> Tensor:
            look = color.measure(sources[index])
            recipe = replace(self._recipe, step_size=step_size, reference=look)
            terms = self._terms(index, emphasised=True)
            jitter_of = 0 if fixed_jitter else index
            climbing = dream(
                picture.to(self._device),
                lambda image: self._objective(image, terms),
                recipe,
                seed=self._seed,
                frame=jitter_of,
            )
            return climbing.clamp(0, 1).cpu()

        return dreamt

    def energy(self, picture: Tensor) -> float:
        """What is climbed, as a positive number; the emphasis that wanders among the channels is left out."""
        with torch.no_grad():
            return math.exp(float(self._objective(picture.to(self._device), self._terms(0, emphasised=False))))

    def _objective(self, image: Tensor, terms: tuple[LayerTerm, ...]) -> Tensor:
        return objective(self._network(image.to(self._dtype), frozenset(term.layer for term in terms)), terms)

    def _terms(self, index: int, *, emphasised: bool) -> tuple[LayerTerm, ...]:
        seconds, variety = index / self._fps, self._variety[index] if emphasised else 0.0
        return tuple(
            LayerTerm(
                layer.name,
                weights[index],
                channels,
                channel_weights(self._seed, layer, seconds, variety, self._device),
                self._diversity[index],
            )
            for layer, weights, channels in zip(self._layers, self._weights, self._channels, strict=True)
        )
