"""What a config amplifies, as a positive number for any picture: the product's own objective, without what wanders."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from zoomdream import assembly
from zoomdream.assembly.dream import make_dreamer
from zoomdream.config import Config
from zoomdream.config.schedule import constant
from zoomdream.dream.dreamer import Dreamer
from zoomdream.dream.objective import Objective
from zoomdream.rendering.plan import make_plan
from zoomdream.timeline import Timeline
from zoomdream.types import Network


def dream_stage(config: Config, network: Network | None = None) -> Dreamer:
    """The dream step of a render, without what it reads. network: the config's, where it is open already."""
    plan = make_plan(config)
    opened = assembly.network(config) if network is None else network
    return make_dreamer(config, plan, Timeline.of(config, plan.cuts), opened, [])


class Judge:
    """Energies of pictures (1, 3, H, W); of several terms the geometric mean by their weights at a frame.

    The drift among the channels is left out. dream: keys of `dream` that are others for the judge. The network becomes
    what the config's precision wants.
    """

    def __init__(self, config: Config, network: Network | None = None, **dream: float) -> None:
        values: dict[str, Any] = {name: constant(value) for name, value in {"variety": 0.0, **dream}.items()}
        still = config.model_copy(update={"dream": config.dream.model_copy(update=values)})
        self._dream, self._device = dream_stage(still, network), make_plan(still).device

    def __call__(self, picture: Tensor, frame: int = 0) -> float:
        groups = self._dream.objective(frame)
        if not groups:  # nothing counts at this frame
            return 1.0
        weights = sum(abs(term.weight) for _, terms in groups for term in terms)
        with torch.no_grad():
            return math.exp(float(Objective(groups)(picture.to(self._device))) / (weights or 1))
