"""What the dream room does to a frame: fresh noise, then a climb up the frame's objective by the frame's recipe.

Frames are numbered from 0; the warm-up dreams before frame 0 have negative numbers, dream as frame 0 does, and share
their randomness with no other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from zoomdream.autodiff.cuda_graphs import eager
from zoomdream.color.statistics import ColorStatistics
from zoomdream.dream.ascent import AnyObjective
from zoomdream.dream.objective import Objective, ObjectiveOverTime
from zoomdream.dream.octaves import Recipe, dream
from zoomdream.dream.tile_size import TileSize
from zoomdream.dream.tiles import TiledObjective
from zoomdream.machine.devices import to_device
from zoomdream.randomness import generator, white_noise

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class WhiteNoise:
    """White noise (1, 3, *size) of a frame, on the CPU. pinned: in memory from which a GPU copies by itself."""

    seed: int
    pinned: bool = False

    def __call__(self, size: Size, frame: int, *again: int) -> Tensor:
        """again: numbers the dreams on one frame after the first."""
        return white_noise(size, generator(self.seed, "fresh", frame, *again), pinned=self.pinned)


@dataclass(frozen=True, slots=True)
class FreshNoise:
    """Noise on a picture before it is dreamed on, so that something else can grow.

    amounts: its deviation at each frame, on the scale where 1 is the full range of a pixel. draw: the noise of a size
    and a frame, perhaps drawn ahead.
    """

    amounts: tuple[float, ...]
    white: WhiteNoise
    draw: Callable[[Size, int], Tensor]
    device: str

    def __call__(self, picture: Tensor, frame: int, again: int = 0) -> Tensor:
        """picture (1, 3, H, W); again: how often this frame was dreamed on before."""
        amount = self.amounts[max(frame, 0)]
        if amount <= 0:
            return picture
        height, width = picture.shape[-2:]
        noise = self.white((height, width), frame, again) if again else self.draw((height, width), frame)
        return picture + amount * to_device(noise, self.device)


@dataclass(frozen=True, slots=True)
class Dreamer:
    """The dream step of every frame.

    recipes and active: of each frame; a frame that is not active is left as it is. shared_jitter: all frames are
    jittered as frame 0 is. tiles: of large pictures; None where the network sees all of them whole.
    scale: of the objective, for float16. call: how gradients are called, see `cuda_graphs`.
    """

    objective: ObjectiveOverTime
    recipes: tuple[Recipe, ...]
    active: tuple[bool, ...]
    seed: int
    shared_jitter: bool
    tiles: TileSize | None
    scale: float = 1.0
    call: Callable[..., Tensor] = eager

    def dreams_on(self, frame: int) -> bool:
        """Whether the frame is dreamed on at all, or only moved."""
        return self.active[max(frame, 0)]

    def __call__(self, picture: Tensor, colors: ColorStatistics, frame: int) -> Tensor:
        """A new picture (1, 3, H, W), not clamped. colors: what it should come to look like."""
        if not self.dreams_on(frame):
            return picture
        now = max(frame, 0)
        groups = self.objective(now)
        whole = Objective(groups, self.scale)
        objective: AnyObjective = (
            whole if self.tiles is None else TiledObjective(groups, whole, self.tiles, self.scale, self.call)
        )
        recipe = replace(self.recipes[now], reference=colors)
        return dream(picture, objective, recipe, seed=self.seed, frame=0 if self.shared_jitter else frame)
