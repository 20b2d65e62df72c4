"""Part precision: does bfloat16 dream as well as float32, over a hundred frames of the same zoom?"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import asdict

import torch
from benchmarks import looks
from benchmarks.report import Report
from speed import renders
from speed.timing import Setting, say
from torch import Tensor

import zoomdream
from zoomdream import build
from zoomdream.config import Config
from zoomdream.ops.objective import Term, energy

OBJECTIVE_OFF, LOOK_OFF = 0.03, 0.05
LATE = (0.5, 1.0)  # of the frames: those that are compared


def measure(setting: Setting, found: Report) -> None:
    """The two zooms part, as any two do; what they are like must not differ: means over the second half."""
    if "bfloat16" not in setting.precisions:
        found.skipped["precision"] = "bfloat16 is not measured: this processor does not multiply it, or --precision"
        return
    size, frames = ((128, 72), 40) if setting.quick else ((320, 180), 100)
    networks = ["dreamnet"]
    if setting.random_googlenet:
        found.skipped["precision, googlenet"] = "no weights; random ones tell nothing"
    elif not setting.quick:
        networks.append("googlenet")
    for network in networks:
        rows = found.figures.setdefault("precision", {})
        seen = {}
        for precision in ("float32", "bfloat16"):
            chosen = renders.config(setting, network, size, frames, f"performance.precision={precision}")
            seen[precision] = observed(chosen)
            rows[f"{network}, {precision}"] = seen[precision]
            say(f"  {network}, {precision}: objective {seen[precision]['objective']:.4g}")
        changes = {name: seen["bfloat16"][name] / seen["float32"][name] - 1 for name in seen["float32"]}
        rows[f"{network}, bfloat16 over float32, less 1"] = changes
        found.at_most(f"{network}: bfloat16's objective off float32's", abs(changes.pop("objective")), OBJECTIVE_OFF)
        worst = max(abs(change) for change in changes.values())
        found.at_most(f"{network}: bfloat16's look off float32's, the worst figure", worst, LOOK_OFF)


def observed(config: Config) -> dict[str, float]:
    """Seven numbers of the look and the objective, means over the later frames."""
    judge = _judge(config)
    late = looks.window(config.frames, LATE)
    found, energies = [], []
    for index, frame in enumerate(zoomdream.frames(config)):
        if index in late:
            found.append(looks.look(frame[None]))
            energies.append(judge(frame[None]))
    mean = looks.mean_look(found, (0, 1))
    return {**asdict(mean), "objective": statistics.fmean(energies)}


def _judge(config: Config) -> Callable[[Tensor], float]:
    """The energy of the layer that is climbed, in float32."""
    network, term = build.network(config), Term("mixed4c")

    def judge(picture: Tensor) -> float:
        with torch.no_grad():
            return float(energy(network(picture, frozenset({"mixed4c"}))["mixed4c"], term))

    return judge
