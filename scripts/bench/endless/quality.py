"""One long endless zoom, rendered, decoded and measured frame by frame in a single pass."""

from __future__ import annotations

import math
import statistics
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from bench import looks
from bench.dreamers import Dreamer
from bench.endless import motion, scenes
from bench.endless.natural import Ranges
from bench.judge import Judge
from bench.report import Report, spread
from bench.video import decoded_frames
from torch import Tensor, nn

import zoomdream
from zoomdream import assembly
from zoomdream.camera.motion import Motion
from zoomdream.color.statistics import luma
from zoomdream.config import Config
from zoomdream.config.schedule import constant
from zoomdream.rendering import Progress
from zoomdream.rendering.plan import make_plan

DEEPEST = "mixed5b"
EVERY = 10  # frames between those that the network looks at
PAIRS = 40  # places in the run where the motion is measured


class Features:
    """What the deepest layer of the network that dreamed says is in a picture (1, 3, H, W). float32."""

    def __init__(self, config: Config) -> None:
        self._network, self._device = assembly.network(config), make_plan(config).device
        if isinstance(self._network, nn.Module):
            self._network.to(self._device)

    def __call__(self, picture: Tensor) -> Tensor:
        with torch.no_grad():
            found = self._network(picture.to(self._device), frozenset({DEEPEST}))
        return scenes.describe(found[DEEPEST]).cpu()


def judge_of(config: Config) -> Judge:
    """In float32, with the plain energy of each layer: half the mean square of its activations."""
    exact = config.performance.model_copy(update={"precision": "float32"})
    return Judge(config.model_copy(update={"performance": exact}), diversity=0.0)


@dataclass
class Observed:
    """All that is kept of a run: a few numbers per frame, never the frames."""

    looks: list[looks.FrameLook] = field(default_factory=list)
    clipped: list[float] = field(default_factory=list)
    recurrence: scenes.Recurrence = field(default_factory=scenes.Recurrence)
    energies: list[float] = field(default_factory=list)
    features: list[Tensor] = field(default_factory=list)
    correlations: list[float] = field(default_factory=list)
    similarities: list[tuple[motion.Similarity, motion.Similarity]] = field(default_factory=list)  # found, true


def render(config: Config) -> tuple[Path, dict[str, Any]]:
    """The finished video, and the seconds that its frames took; empty for a video that was finished already."""
    seconds: list[float] = []
    ends: list[float] = []

    def note(progress: Progress) -> None:
        ends.append(time.perf_counter())
        if progress.seconds_per_frame is not None and len(ends) > 1:
            seconds.append(ends[-1] - ends[-2])

    path = zoomdream.render(config, progress=note)
    return path, spread(seconds) if seconds else {}


def observe(path: Path, config: Config, judge: Judge) -> Observed:
    """Decode a video and measure every frame."""
    seen, camera, features = Observed(), motion.motions(config), Features(config)
    starts = pair_starts(config.frames)
    recent: list[Tensor] = []
    for index, pixels in enumerate(decoded_frames(path, config.size)):
        picture = pixels[None].float() / 255
        grey = luma(picture)
        seen.looks.append(looks.look(picture))
        seen.clipped.append(looks.clipped_share(pixels))
        seen.recurrence.add(grey)
        if index % EVERY == 0:
            seen.energies.append(judge(picture, index))
            seen.features.append(features(picture))
        recent = [*recent[-motion.SPAN :], grey]
        if index - motion.SPAN in starts:
            _compare(seen, recent, camera, index - motion.SPAN)
    return seen


def _compare(seen: Observed, recent: list[Tensor], camera: tuple[Motion, ...], frame: int) -> None:
    seen.correlations.append(motion.correlation(recent[0], recent[1], camera[frame + 1]))
    found = motion.measured_similarity(recent[0], recent[-1])
    seen.similarities.append((found, motion.between(camera, frame, motion.SPAN)))


def pair_starts(frames: int) -> set[int]:
    """Up to PAIRS frames spread over the run from its tenth on, each with SPAN frames after it."""
    first, last = frames // 10, frames - 1 - motion.SPAN
    if last < first:
        return set()
    return {first + round(share * (last - first) / max(PAIRS - 1, 1)) for share in range(PAIRS)}


def noise_energy(config: Config, judge: Judge) -> float:
    """The objective of the picture that the zoom starts from."""
    still = config.model_copy(
        update={
            "dream": config.dream.model_copy(update={"steps": 0}),
            "color": config.color.model_copy(update={"hold": constant(0)}),
        }
    )
    return judge(next(zoomdream.frames(still))[None])


def judge_run(
    report: Report, dreamer: Dreamer, config: Config, seen: Observed, start: float, natural: Ranges | None
) -> dict[str, Any]:
    """Put a run's bars into the report and return its figures. start: the energy of the noise."""
    name, count = dreamer.name, len(seen.looks)
    report.within(f"{name}: frames in the file", count, (config.frames, config.frames))
    early, late = looks.mean_look(seen.looks, looks.EARLY), looks.mean_look(seen.looks, looks.LATE)
    change = looks.drift(early, late)
    for quantity, share in change.items():
        report.at_most(f"{name}: drift of {quantity}", abs(share), 0.15)
    if natural is None:
        report.skipped[f"{name}: natural ranges"] = "not known at this size: set ZOOMDREAM_ASSETS or give --photos"
    for quantity, (low, high) in (natural or {}).items():
        worse = max(
            getattr(early, quantity), getattr(late, quantity), key=lambda value: abs(math.log(value**2 / low / high))
        )
        report.within(f"{name}: {quantity} as in nature", worse, (low, high))
    report.at_most(f"{name}: share of clipped pixels", statistics.mean(seen.clipped), 0.02)
    path = motion.motions(config)
    recurrence = seen.recurrence.value(motion.doublings(path))
    report.at_most(f"{name}: recurrence", recurrence, 1.3)
    return {
        "frames": count,
        "doublings": motion.doublings(path),
        "early": asdict(early),
        "late": asdict(late),
        "drift": change,
        "natural": natural,
        "clipped": {"mean": statistics.mean(seen.clipped), "worst": max(seen.clipped)},
        "recurrence": recurrence,
        "objective": _judge_objective(report, name, seen.energies, start),
        "new things": _judge_novelty(report, name, config, seen),
        "motion": _judge_motion(report, name, seen),
    }


def _judge_objective(report: Report, name: str, energies: list[float], start: float) -> dict[str, Any]:
    gains = [value / start for value in energies]
    early, late = (
        statistics.mean(gains[index] for index in looks.window(len(gains), shares))
        for shares in (looks.EARLY, looks.LATE)
    )
    report.at_least(f"{name}: objective over that of noise", min(early, late), 5)
    report.at_least(f"{name}: objective late over early", late / early, 0.9)
    settled = list(looks.window(len(gains), (looks.EARLY[0], 1.0)))
    slope = 0.0
    if len(settled) > 1:
        line = statistics.linear_regression([index * EVERY for index in settled], [gains[index] for index in settled])
        slope = line.slope * 1000 / statistics.mean(gains[index] for index in settled)
    return {"over noise": spread(gains), "early": early, "late": late, "change per 1000 frames": slope, "noise": start}


def _judge_novelty(report: Report, name: str, config: Config, seen: Observed) -> dict[str, float]:
    found = scenes.novelty(seen.features, EVERY, config.fps)
    ratios = {place: found[f"near_{place}"] / found["far"] for place in ("beginning", "end")}
    if math.isnan(found["far"]):
        seconds = float(len(seen.looks) / config.fps)
        report.skipped[f"{name}: new things"] = (
            f"{seconds:.0f} seconds have no frames {scenes.FAR_SECONDS} seconds apart"
        )
    else:
        for place, ratio in ratios.items():
            report.at_least(f"{name}: new things in 2 s over those in 60 s, {place}", ratio, 0.5)
    return {**found, "ratio_beginning": ratios["beginning"], "ratio_end": ratios["end"]}


def _judge_motion(report: Report, name: str, seen: Observed) -> dict[str, Any]:
    if not seen.correlations:
        report.skipped[f"{name}: motion"] = "the run is too short"
        return {}
    report.at_least(
        f"{name}: frame moved by the camera, correlation (median)", statistics.median(seen.correlations), 0.9
    )
    report.at_least(f"{name}: frame moved by the camera, correlation (worst)", min(seen.correlations), 0.9)
    figures: dict[str, Any] = {"correlation": spread(seen.correlations)}
    for quantity, label in (("log_scale", "zoom"), ("degrees", "rotation")):
        found, true = ([getattr(pair[place], quantity) for pair in seen.similarities] for place in (0, 1))
        ratio = motion.slope(found, true)
        if math.isnan(ratio):
            report.skipped[f"{name}: measured {label}"] = f"the camera has no {label}"
            continue
        report.at_most(f"{name}: measured {label} against the camera's", abs(ratio - 1), 0.03)
        differences = [left - right for left, right in zip(found, true, strict=True)]
        figures[label] = {"over the camera's": ratio, "camera": spread(true), "difference": spread(differences)}
    return figures
