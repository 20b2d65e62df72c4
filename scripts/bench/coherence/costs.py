"""What a clip costs besides the dreaming: reading, flow, masks, warping and writing, each timed alone."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from bench.coherence.dreaming import Dreamer
from bench.report import Report
from torch import Tensor

from zoomdream import assembly
from zoomdream.camera.warp import warp
from zoomdream.config import Config, VideoSource
from zoomdream.encode.segment import SegmentWriter
from zoomdream.flow.confidence import confidence
from zoomdream.flow.estimators import open_estimator
from zoomdream.rendering.job import encode_settings
from zoomdream.rendering.plan import make_plan
from zoomdream.source.clip.clip import frame_numbers, open_clip
from zoomdream.source.clip.decode import ClipReader
from zoomdream.types import Plan

LIMIT = 0.25  # of the dreaming
_SEGMENT = 30  # frames, as a render's


def enlarged(frames: Sequence[Tensor], size: tuple[int, int]) -> list[Tensor]:
    """As many frames as a segment has, over and over, at another size."""
    chosen = [frames[index % len(frames)] for index in range(_SEGMENT)]
    return [F.interpolate(frame, size=size, mode="bicubic", antialias=True).clamp(0, 1) for frame in chosen]


def measure(found: Report, config: Config, folder: Path, *, quick: bool) -> dict[str, Any]:
    """Seconds per frame of each part for the clip that `config` dreams on, and the bar for all but the dreaming.

    Each part runs alone, on the threads of the plan; in a render ffmpeg reads and writes beside the dreaming, so this
    is what the processor has to do more and not how much longer one waits.
    """
    planned = make_plan(config)
    reading, frames = timed_reading(config)
    dreamer = Dreamer(config, assembly.network(config))
    dream = dreamer.at(dreamer.step_size, frames)
    assert config.flow is not None
    estimate = open_estimator(config.flow.method, config.flow.weights, torch.device(planned.device))
    times: dict[str, list[float]] = {"dreaming": [], "flow, there and back": [], "masks": [], "warping": []}

    def timed(part: str, work: Callable[[], Any]) -> Any:
        begin = time.perf_counter()
        result = work()
        if planned.device.startswith("cuda"):
            torch.cuda.synchronize()
        times[part].append(time.perf_counter() - begin)
        return result

    for index in range(1, 4 if quick else 9):
        before, now = frames[index - 1], frames[index]
        backward, forward = timed("flow, there and back", lambda: (estimate(now, before), estimate(before, now)))  # noqa: B023
        timed("masks", lambda: confidence(backward, forward))  # noqa: B023
        timed("warping", lambda: warp(before, backward))  # noqa: B023
        timed("dreaming", lambda: dream(now, index))  # noqa: B023
    times["reading"] = reading
    times["writing"] = [timed_writing(config, planned, frames, folder)]

    def row(lowest: float, seconds: float) -> dict[str, float]:
        return {"seconds per frame": seconds, "lowest": lowest, "share of dreaming": seconds / dreaming}

    dreaming = statistics.median(times["dreaming"])
    rows = {part: row(min(values), statistics.median(values)) for part, values in times.items()}
    others = [figures for part, figures in rows.items() if part != "dreaming"]
    added = row(sum(one["lowest"] for one in others), sum(one["seconds per frame"] for one in others))
    if config.network.name == "googlenet":  # the bar is about GoogLeNet; a smaller network is reported
        network = f"{config.network.name} {config.objective[0].layer}"
        found.at_most(f"costs besides dreaming, {network}: share of it", added["share of dreaming"], LIMIT)
    return {**rows, "all but dreaming": added}


def timed_reading(config: Config) -> tuple[list[float], list[Tensor]]:
    """Seconds for each frame after the first (which waits for the decoder), and the frames."""
    assert isinstance(config.source, VideoSource)
    clip = open_clip(config.source.path)
    numbers = frame_numbers(clip, config.fps, config.source.start, config.source.end)[:_SEGMENT]
    width, height = config.size
    with ClipReader(clip, numbers, (height, width), config.source.fit) as reader:
        frames = [reader.frame(0)]
        begin = time.perf_counter()
        frames += [reader.frame(index) for index in range(1, len(numbers))]
        seconds = time.perf_counter() - begin
    return [seconds / max(len(numbers) - 1, 1)], frames


def timed_writing(config: Config, planned: Plan, frames: Sequence[Tensor], folder: Path) -> float:
    """Seconds per frame of encoding one segment, ffmpeg's start and the check of what it wrote included."""
    settings = replace(encode_settings(config, planned), threads=planned.threads)
    begin = time.perf_counter()
    with SegmentWriter(settings, folder, 0) as writer:
        for frame in frames:
            writer.write(frame)
        writer.close()
    return (time.perf_counter() - begin) / len(frames)
