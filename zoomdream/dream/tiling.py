"""Tiles of a plan: how the objective of a picture of any size is climbed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from torch import Tensor

from zoomdream.autodiff.cuda_graphs import plainly
from zoomdream.dream.aims import Aim
from zoomdream.dream.objective import Groups
from zoomdream.dream.tiles import Room, Tiled, reach
from zoomdream.types import Plan

Tiling = Callable[[Groups, Callable[[Tensor], Tensor], float], Tiled]
"""What is wished, the objective of a picture that is looked at as a whole and its scale in → the slope of a frame."""


def tiling(planned: Plan, aimed: tuple[Aim, ...], call: Callable[..., Tensor] = plainly) -> Tiling | None:
    """How frames are climbed in tiles; None where they are not. The networks are on their device already.

    Memory that runs out on a GPU makes tiles smaller for all frames that follow, so there even a render without tiles
    is ready for them. (On a CPU the system ends the process instead.)
    """
    if planned.tile == 0 and planned.device == "cpu":
        return None

    @cache
    def context() -> int:
        return max(reach(aim.network, frozenset({aim.layer.name}), planned.device) for aim in aimed)

    room = Room(planned.tile or None)

    def tiled(groups: Groups, whole: Callable[[Tensor], Tensor], scale: float) -> Tiled:
        return Tiled(groups, whole, room, context, scale, call)

    return tiled
