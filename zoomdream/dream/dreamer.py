"""What the dream room does to a frame: fresh noise, then a climb up the frame's objective by the frame's recipe.

Frames are numbered from 0; the warm-up dreams before frame 0 have negative numbers, dream as frame 0 does, and share
their randomness with no other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
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
from zoomdream.randomness import generator, noise_at_scale, white_noise

AHEAD = 4
"""Noise pictures that are ready or being drawn besides the requested one: memory stays bounded."""

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class WhiteNoise:
    """White noise (1, 3, *size) of a frame, on the CPU. scale: see `noise_at_scale`. pinned: in memory from which a GPU
    copies by itself; else it would be copied there first.
    """

    seed: int
    scale: float = 1.0
    pinned: bool = False

    def __call__(self, size: Size, frame: int, *again: int) -> Tensor:
        """again: numbers the dreams on one frame after the first."""
        noise = noise_at_scale(white_noise, size, self.scale, generator(self.seed, "fresh", frame, *again))
        return noise.pin_memory() if self.pinned else noise


@dataclass(frozen=True, slots=True)
class FreshNoise:
    """Noise on a picture before it is dreamed on, so that something else can grow.

    amounts: its deviation at each frame, on the scale where 1 is the full range of a pixel, for frames whose shorter
    edge is FRAME_EDGE. draw: the noise of a size and a frame, perhaps drawn ahead.
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


class NoisePrefetch:
    """`draw(size, index)`, which also starts to draw the next indices of `order` in that size, in background threads.

    For GPUs: noise is drawn on the CPU, so that every device agrees, and that takes longer than a GPU dreams (1920x1080
    is 29 ms of one core). So several frames are drawn at once, each by one thread. Any order of requests gives the same
    noise. `close` ends the threads.
    """

    def __init__(self, draw: Callable[[Size, int], Tensor], order: Sequence[int]) -> None:
        self._draw = draw
        self._order = order
        self._places = {index: place for place, index in enumerate(order)}
        self._pool = ThreadPoolExecutor(AHEAD, thread_name_prefix="zoomdream-noise")
        self._drawing: dict[tuple[Size, int], Future[Tensor]] = {}

    def close(self) -> None:
        """Raises nothing; may be called twice."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __call__(self, size: Size, index: int) -> Tensor:
        """The noise of one index, also of one that is not in `order`."""
        place = self._places.get(index)
        if place is None:
            return self._draw(size, index)
        wanted = [(size, near) for near in self._order[place : place + AHEAD + 1]]
        for stale in self._drawing.keys() - set(wanted):
            self._drawing.pop(stale).cancel()
        for key in wanted:
            if key not in self._drawing:
                self._drawing[key] = self._pool.submit(self._draw, *key)
        return self._drawing.pop(wanted[0]).result()


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

    def __call__(self, picture: Tensor, colors: ColorStatistics, frame: int, share: float = 1) -> Tensor:
        """A new picture (1, 3, H, W), not clamped. colors: what it should come; share: of the step size."""
        if not self.dreams_on(frame):
            return picture
        now = max(frame, 0)
        groups = self.objective(now)
        whole = Objective(groups, self.scale)
        objective: AnyObjective = (
            whole if self.tiles is None else TiledObjective(groups, whole, self.tiles, self.scale, self.call)
        )
        recipe = replace(self.recipes[now], reference=colors, step_size=share * self.recipes[now].step_size)
        return dream(picture, objective, recipe, seed=self.seed, frame=0 if self.shared_jitter else frame)
