"""The product's dream step on single pictures: what every rule has in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from bench.judge import Judge, dream_stage
from torch import Tensor

from zoomdream.color.statistics import measure
from zoomdream.config import Config
from zoomdream.rendering.plan import make_plan
from zoomdream.types import Network

Dream = Callable[[Tensor, int], Tensor]  # a picture (1, 3, H, W) and its frame's number in, a dreamt one in [0, 1] out


class Dreamer:
    """Dreams as a render of `config` does within one frame, and judges with the same network (`energy`).

    What goes from frame to frame (carrying, holding the colours, warming up, fresh noise) is not in here: that is
    what the rules are about.
    """

    def __init__(self, config: Config, network: Network) -> None:
        self._stage, self._device = dream_stage(config, network), make_plan(config).device
        self.energy = Judge(config, network)
        self.step_size = self._stage.recipes[0].step_size

    def at(self, step_size: float, sources: Sequence[Tensor], *, fixed_jitter: bool = False) -> Dream:
        """To dream with another step size, towards the colours of the frame's own source.

        fixed_jitter: every frame is rolled as frame 0 is, which makes the dreams of equal pictures equal.
        """
        recipes = tuple(replace(recipe, step_size=step_size) for recipe in self._stage.recipes)
        active = (True,) * len(recipes)  # also with a step size of 0 in the config
        stage = replace(self._stage, recipes=recipes, active=active, shared_jitter=fixed_jitter)

        def dreamt(picture: Tensor, index: int) -> Tensor:
            return stage(picture.to(self._device), measure(sources[index]), index).clamp(0, 1).cpu()

        return dreamt
