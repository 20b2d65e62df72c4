"""Parts efficiency, rivals and dreamnet: the renderer against the floor and against others, taking turns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from bench.report import Report, spread
from bench.speed import floor, renders, rivals
from bench.speed.timing import Clock, Elsewhere, Setting, Turn, repeated, take_turns

from zoomdream import assembly
from zoomdream.dream.terms import LayerTerm, energy
from zoomdream.machine.startup import keep_freed_memory
from zoomdream.rendering.plan import make_plan

PYTORCH_DEEPDREAM, NEURAL_DREAM = "pytorch-deepdream", "neural-dream"
KEPT = "floor, memory kept"  # a figure without a bar: what our way with memory alone would do for plain PyTorch
OF_THE_FLOOR = {4: 1.15, 10: 1.10}  # steps: seconds per frame over those of the floor
SHARE_OF_THE_POSSIBLE = 0.85
AGAINST_THE_USUAL = {"dreamnet": (4, 6), "dreamnet, 12 dreams a second at 30 fps": (8, 12)}
"""Times faster than pytorch-deepdream with GoogLeNet; on processors without bfloat16 units, and with them."""
SIZE, QUICK_SIZE = (640, 360), (192, 108)
SHORT = 16  # frames of renders for which whole segments would take too long
FRAMES_PER_SECOND = {1: 6, 2: 12}  # by dream.every, on two cores at 480x270
OF_TORCHVISION = 0.5


@dataclass(frozen=True, slots=True)
class Work:
    """What a turn does. network: googlenet, torchvision or dreamnet; size: (width, height)."""

    network: str
    size: tuple[int, int]
    octaves: int
    steps: int
    precision: str = "float32"

    def __str__(self) -> str:
        octaves = f"{self.octaves} octave{'s' if self.octaves > 1 else ''}"
        return f"{self.size[0]}x{self.size[1]}, {octaves}, {self.steps} steps"


def efficiency(setting: Setting, found: Report) -> None:
    """Seconds per frame over the floor, BVLC GoogLeNet to mixed4c, three octaves."""
    size = setting.size or (QUICK_SIZE if setting.quick else SIZE)
    figures = found.figures["efficiency"] = {}
    for steps, limit in OF_THE_FLOOR.items():
        frames = renders.WINDOW if steps < 10 else SHORT
        for precision in setting.precisions:
            work = Work("googlenet", size, 3, steps, precision)
            turns = take_turns(
                {
                    "floor": floor_turn(setting, work),
                    KEPT: floor_turn(setting, work, keep=True),
                    "zoomdream": render_turn(setting, work, frames),
                },
                setting.rounds,
                setting.threads,
            )
            figures[f"{steps} steps, {precision}"] = {
                "floor": spread(turns.seconds["floor"]),
                KEPT: spread(turns.seconds[KEPT]),
                "zoomdream": spread(turns.seconds["zoomdream"]),
                "over the floor": spread(turns.ratios("zoomdream", "floor")),
                f"over the {KEPT}": spread(turns.ratios("zoomdream", KEPT)),
            }
            found.at_most(f"{precision}: {steps} steps, over the floor", turns.ratio("zoomdream", "floor"), limit)


def against_rivals(setting: Setting, found: Report) -> None:
    """pytorch-deepdream on torchvision's GoogLeNet, neural-dream on BVLC's; at equal size, octaves and steps."""
    steps = 2 if setting.quick else 4
    size = setting.size or (QUICK_SIZE if setting.quick else SIZE)
    figures = found.figures["rivals"] = {}
    work = Work("torchvision", size, 3, steps)
    turns = _turns(setting, PYTORCH_DEEPDREAM, work)
    small = replace(work, network="dreamnet", precision=setting.precisions[-1])
    each, by_rate = AGAINST_THE_USUAL
    turns[each] = render_turn(setting, small, SHORT)
    turns[by_rate] = render_turn(setting, small, renders.WINDOW, renders.BY_RATE)
    figures[f"{PYTORCH_DEEPDREAM}, {work}"] = _compared(setting, found, PYTORCH_DEEPDREAM, turns)

    octaves = 1 if setting.quick else 2
    least = rivals.smallest_size(octaves)
    size = size if min(size[0] - least[0], size[1] - least[1]) >= 0 else least
    work = Work("googlenet", size, octaves, steps)
    figures[f"{NEURAL_DREAM}, {work}"] = _compared(setting, found, NEURAL_DREAM, _turns(setting, NEURAL_DREAM, work))


def _turns(setting: Setting, rival: str, work: Work) -> dict[str, Turn]:
    """A rival's, and in each precision the floor's and ours."""
    turns: dict[str, Turn] = {rival: rival_turn(setting, rival, work)}
    for precision in setting.precisions:
        exact = replace(work, precision=precision)
        turns[f"floor {precision}"] = floor_turn(setting, exact)
        turns[f"zoomdream {precision}"] = render_turn(setting, exact, SHORT)
    return turns


def _compared(setting: Setting, found: Report, rival: str, turns: dict[str, Turn]) -> dict[str, Any]:
    taken = take_turns(turns, setting.rounds, setting.threads)
    for precision in setting.precisions:
        times, possible = taken.ratio(rival, f"zoomdream {precision}"), taken.ratio(rival, f"floor {precision}")
        found.at_least(
            f"{precision}: times faster than {rival}, of what the floor allows", times / possible, SHARE_OF_THE_POSSIBLE
        )
    for name in AGAINST_THE_USUAL.keys() & turns.keys():
        limit = AGAINST_THE_USUAL[name]["bfloat16" in setting.precisions]
        found.at_least(f"{name}: times faster than {rival} with GoogLeNet", taken.ratio(rival, name), limit)
    return {
        name: {"seconds": spread(seconds), f"times faster than {rival}": spread(taken.ratios(rival, name))}
        for name, seconds in taken.seconds.items()
    }


def dreamnet(setting: Setting, found: Report) -> None:
    """Frames per second of the embedded network, and what its passes cost against torchvision's GoogLeNet."""
    sizes = [(480, 270)] if setting.quick else [(480, 270), (960, 540), (1920, 1080)]
    turns: dict[str, Turn] = {}
    judged: dict[str, int] = {}
    for every in FRAMES_PER_SECOND:
        for size in sizes:
            frames = renders.WINDOW if size == (480, 270) and not setting.quick else 10 if setting.quick else SHORT
            changes = [f"dream.every={every}"] if every > 1 else []
            chosen = renders.config(setting, "dreamnet", size, frames, *changes)
            title = f"{size[0]}x{size[1]}, {make_plan(chosen).precision}" + (f", every: {every}" if every > 1 else "")
            turns[title] = partial(renders.per_frame, chosen, setting.clock)
            if size == sizes[0] and setting.clock.name == "wall" and setting.threads >= 2:
                judged[title] = every
    taken = take_turns(turns, renders.rounds(setting), setting.threads)
    found.figures["dreamnet"] = {
        title: {"frames per second": spread([1 / one for one in seconds]), "seconds per frame": spread(seconds)}
        for title, seconds in taken.seconds.items()
    }
    for title, every in judged.items():
        name = f"dreamnet at 480x270, every {every}: frames per second"
        found.at_least(name, 1 / taken.median(title), FRAMES_PER_SECOND[every])
    if setting.clock.name != "wall" or setting.threads < 2:
        found.skipped["dreamnet's frames per second as bars"] = "they are for two cores and seconds as they pass"
    _cost(setting, found)


def _cost(setting: Setting, found: Report) -> None:
    """One gradient step at the size of a frame, the package's dreamnet with its head over torchvision's GoogLeNet."""
    size = setting.size or (QUICK_SIZE if setting.quick else SIZE)
    rows = found.figures["dreamnet's gradient step"] = {}
    for precision in setting.precisions:
        dtype: torch.dtype = getattr(torch, precision)
        network = assembly.network(renders.config(setting, "dreamnet", size, 2))
        assert isinstance(network, torch.nn.Module)
        network.to(dtype)
        term = LayerTerm("mixed4c")
        random = torch.Generator().manual_seed(7)
        picture = torch.rand(1, 3, size[1], size[0], generator=random).to(dtype)

        def step(network: Any = network, picture: torch.Tensor = picture, term: LayerTerm = term) -> torch.Tensor:
            leaf = picture.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(energy(network(leaf, frozenset({"mixed4c"}))["mixed4c"], term), leaf)
            return gradient

        bare = floor.TorchvisionGoogLeNet(setting.torchvision, dtype)
        times = 5 if setting.quick else 8
        turns = take_turns(
            {
                "torchvision": repeated(floor.frame(bare, size, 1, 1, dtype), setting.clock, times),
                "dreamnet": repeated(step, setting.clock, times),
            },
            max(setting.rounds, 3),
            setting.threads,
        )
        rows[precision] = {
            "torchvision's GoogLeNet": spread(turns.seconds["torchvision"]),
            "dreamnet": spread(turns.seconds["dreamnet"]),
            "ratio": spread(turns.ratios("dreamnet", "torchvision")),
        }
        found.at_most(
            f"{precision}: dreamnet's gradient step over torchvision's GoogLeNet's",
            turns.ratio("dreamnet", "torchvision"),
            OF_TORCHVISION,
        )


def floor_turn(setting: Setting, work: Work, *, keep: bool = False) -> Turn:
    """A few frames of the bare passes, in a process of their own. keep: it keeps freed memory as zoomdream does."""
    weights = {"googlenet": setting.googlenet, "torchvision": setting.torchvision}[work.network]
    return Elsewhere(partial(_floor, work, weights, setting.clock, keep), setting.threads)


def _floor(work: Work, weights: Path, clock: Clock, keep: bool) -> Turn:
    if keep:
        keep_freed_memory()
    dtype: torch.dtype = getattr(torch, work.precision)
    bare = {"googlenet": floor.GoogLeNet, "torchvision": floor.TorchvisionGoogLeNet}[work.network]
    return repeated(floor.frame(bare(weights, dtype), work.size, work.octaves, work.steps, dtype), clock, 3)


def render_turn(setting: Setting, work: Work, frames: int, *more: str) -> Turn:
    """A real render."""
    changes = (
        *more,
        f"performance.precision={work.precision}",
        f"dream.octaves={work.octaves}",
        f"dream.steps={work.steps}",
    )

    def turn() -> float:
        return renders.per_frame(renders.config(setting, work.network, work.size, frames, *changes), setting.clock)

    return turn


def rival_turn(setting: Setting, name: str, work: Work) -> Turn:
    """A few frames, with their share of the video that is made of them at the end; in a process of their own."""
    folder = setting.folder / name
    folder.mkdir()
    weights = setting.torchvision if name == PYTORCH_DEEPDREAM else setting.googlenet
    times = 2 if setting.quick else 4
    return Elsewhere(partial(_rival, name, weights, work, folder, setting.clock, times), setting.threads)


def _rival(name: str, weights: Path, work: Work, folder: Path, clock: Clock, times: int) -> Turn:
    kind = rivals.PytorchDeepdream if name == PYTORCH_DEEPDREAM else rivals.NeuralDream
    rival = kind(weights, work.size, work.octaves, work.steps, folder)
    frames = repeated(rival.frame, clock, times)

    def turn() -> float:
        seconds = frames()
        begin = clock()
        rival.finish()
        return seconds + (clock() - begin) / rival.frames

    return turn
