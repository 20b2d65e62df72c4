"""Part precision: does bfloat16 dream as well as float32, over a hundred frames of the same zoom?"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict

import torch
from benchmarks import looks
from benchmarks.command import say
from benchmarks.report import Report
from speed import renders
from speed.timing import Setting
from torch import Tensor

import zoomdream
from zoomdream import build
from zoomdream.config import Config
from zoomdream.ops.objective import Term, energy

OBJECTIVE_OFF, LOOK_OFF = 0.03, 0.05
PRECISIONS = ("float32", "bfloat16")
SEEDS = {"dreamnet": range(7, 13), "googlenet": range(7, 10)}  # of one seed the objective differs by 4 % by chance
LATE = (0.25, 1.0)  # of the frames: those that are compared


def measure(setting: Setting, found: Report) -> None:
    """Two zooms of the same seed part, as any two that differ by a bit do; what they are like must not differ. Means
    over the last three quarters of the frames and over the seeds, because single zooms differ by chance.
    """
    if "bfloat16" not in setting.precisions:
        found.skipped["precision"] = "bfloat16 is not measured: this processor does not multiply it, or --precision"
        return
    size, frames = ((128, 72), 40) if setting.quick else ((256, 144), 100)
    seeds = {"dreamnet": SEEDS["dreamnet"][: 1 if setting.quick else None]}
    if setting.random_googlenet:
        found.skipped["precision, googlenet"] = "no weights; random ones tell nothing"
    elif not setting.quick:
        seeds["googlenet"] = SEEDS["googlenet"]
    rows = found.figures["precision"] = {}
    for network, chosen in seeds.items():
        seen = {precision: observed(setting, network, precision, size, frames, chosen) for precision in PRECISIONS}
        rows |= {f"{network}, {precision}": mean(runs) for precision, runs in seen.items()}
        changes = mean(
            [
                {name: after[name] / before[name] - 1 for name in before}
                for before, after in zip(*seen.values(), strict=True)
            ]
        )
        rows[f"{network}, bfloat16 over float32, less 1"] = dict(changes)
        found.at_most(f"{network}: bfloat16's objective off float32's", abs(changes.pop("objective")), OBJECTIVE_OFF)
        worst = max(abs(change) for change in changes.values())
        found.at_most(f"{network}: bfloat16's look off float32's, the worst figure", worst, LOOK_OFF)


def observed(
    setting: Setting, network: str, precision: str, size: tuple[int, int], frames: int, seeds: Sequence[int]
) -> list[dict[str, float]]:
    """What a zoom of each seed is like."""
    found = []
    for seed in seeds:
        changes = (f"performance.precision={precision}", f"seed={seed}")
        found.append(looked(renders.config(setting, network, size, frames, *changes)))
        say(f"  {network}, {precision}, seed {seed}: objective {found[-1]['objective']:.4g}")
    return found


def mean(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.fmean(row[name] for row in rows) for name in rows[0]}


def looked(config: Config) -> dict[str, float]:
    """Seven numbers of the look and the objective, means over the later frames."""
    judge = _judge(config)
    late = looks.window(config.frames, LATE)
    found, energies = [], []
    for index, frame in enumerate(zoomdream.frames(config)):
        if index in late:
            found.append(looks.look(frame[None]))
            energies.append(judge(frame[None]))
    return {**asdict(looks.mean_look(found, (0, 1))), "objective": statistics.fmean(energies)}


def _judge(config: Config) -> Callable[[Tensor], float]:
    """The energy of the layer that is climbed, in float32."""
    network, term = build.network(config), Term("mixed4c")

    def judge(picture: Tensor) -> float:
        with torch.no_grad():
            return float(energy(network(picture, frozenset({"mixed4c"}))["mixed4c"], term))

    return judge
