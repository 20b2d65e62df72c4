"""Part precision: does bfloat16 dream as well as float32, over a hundred frames of the same zoom?

Zooms that differ by a bit soon show other things, whose energy differs by 10 to 15 % by chance: two free zooms say
nothing about 3 %. So each zoom runs in float32, and every 25 frames bfloat16 goes on from its picture for as long as it
takes to become as strong as it will. With steps 40 % smaller the objective is 11 % lower after ten frames, 14 % after
15 to 25, 15 % after 30 to 50 (dreamnet, 160x90): a difference that lasts shows almost whole in the second half of 25.
There a single window is off by 1.3 (dreamnet) to 2.4 % (GoogLeNet) by chance.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict

from bench import looks
from bench.command import say
from bench.judge import Judge
from bench.report import Report
from bench.speed import renders
from bench.speed.timing import Setting

from zoomdream import assembly, pipeline
from zoomdream.config import Config
from zoomdream.rendering.plan import make_plan
from zoomdream.types import State

OBJECTIVE_OFF, LOOK_OFF = 0.03, 0.05
ERROR = 0.01  # of the objective's difference, one standard error: three of them are the bar
PRECISIONS = ("float32", "bfloat16")
SEEDS = range(7, 15)
SIZE = (192, 108)
WINDOW, WINDOWS = 25, 3  # frames; the first window begins after as many that count for nothing
JUDGED = 3  # of the second half of a window every third frame

Seen = dict[str, float]


def measure(setting: Setting, found: Report) -> None:
    """The objective and seven numbers of the look, bfloat16 against float32."""
    if "bfloat16" not in setting.precisions:
        found.skipped["precision"] = "bfloat16 is not measured: this processor does not multiply it, or --precision"
        return
    networks = ["dreamnet"]
    if setting.random_googlenet:
        found.skipped["precision, googlenet"] = "no weights; random ones tell nothing"
    elif not setting.quick:
        networks.append("googlenet")
    rows = found.figures["precision"] = {}
    for network in networks:
        pairs = [pair for seed in SEEDS[: 1 if setting.quick else None] for pair in windows(setting, network, seed)]
        off, error = changes(pairs)
        for precision, seen in zip(PRECISIONS, zip(*pairs, strict=True), strict=True):
            rows[f"{network}, {precision}"] = {name: statistics.fmean(row[name] for row in seen) for name in off}
        rows[f"{network}, bfloat16 over float32, less 1"] = off
        rows[f"{network}, standard error of that, {len(pairs)} windows"] = error
        found.at_most(f"{network}: bfloat16's objective off float32's", abs(off["objective"]), OBJECTIVE_OFF)
        worst = max(abs(change) for name, change in off.items() if name != "objective")
        found.at_most(f"{network}: bfloat16's look off float32's, the worst figure", worst, LOOK_OFF)
        if not setting.quick:  # or the bars above would hold and fail by chance
            found.at_most(f"{network}: standard error of bfloat16's objective", error["objective"], ERROR)


def windows(setting: Setting, network: str, seed: int) -> list[tuple[Seen, Seen]]:
    """What each window of a zoom is like, in float32 and in the other precision, which begins it with its picture."""
    size = setting.size or ((128, 72) if setting.quick else SIZE)
    count = WINDOW * ((2 if setting.quick else WINDOWS) + 1)
    pairs = []
    with ExitStack() as closing:
        exact, other = (_stages(config, closing) for config in configs(setting, network, size, count, seed))
        judge = Judge(renders.config(setting, network, size, count, "performance.precision=float32"), diversity=0.0)
        zoom = list(pipeline.frames(exact, None, count))
        for begin in range(WINDOW, count, WINDOW):
            again = list(pipeline.frames(other, zoom[begin - 1], begin + WINDOW))
            pairs.append((_seen(zoom[begin : begin + WINDOW], judge), _seen(again, judge)))
            objectives = [seen["objective"] for seen in pairs[-1]]
            say(f"  {network}, seed {seed}, frame {begin}: {objectives[0]:.4g}, bfloat16 {objectives[1]:.4g}")
    return pairs


def configs(setting: Setting, network: str, size: tuple[int, int], frames: int, seed: int) -> tuple[Config, Config]:
    """The same zoom in both precisions."""
    exact, other = (
        renders.config(setting, network, size, frames, f"performance.precision={precision}", f"seed={seed}")
        for precision in PRECISIONS
    )
    return exact, other


def changes(pairs: Sequence[tuple[Seen, Seen]]) -> tuple[Seen, Seen]:
    """By what share the second of each pair is larger: the mean, and its standard error."""
    found = {name: [after[name] / before[name] - 1 for before, after in pairs] for name in pairs[0][0]}
    means = {name: statistics.fmean(values) for name, values in found.items()}
    return means, {name: statistics.stdev(values) / len(values) ** 0.5 for name, values in found.items()}


def _stages(config: Config, closing: ExitStack) -> pipeline.Stages:
    stages = assembly.open_stages(config, make_plan(config))
    closing.callback(stages.close)
    return stages


def _seen(window: Sequence[State], judge: Judge) -> Seen:
    """Seven numbers of the look and the objective, means over the second half."""
    pictures = [state.picture.clamp(0, 1) for state in window[len(window) - 1 : len(window) // 2 - 1 : -JUDGED]]
    look = looks.mean_look([looks.look(picture) for picture in pictures], (0, 1))
    return {**asdict(look), "objective": statistics.fmean(map(judge, pictures))}
