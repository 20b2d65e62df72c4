"""Part gpu: frames per second where there is a CUDA device, and whether it draws what the processor draws."""

from __future__ import annotations

import math

import torch
from bench.command import say
from bench.report import Report
from bench.speed import renders
from bench.speed.timing import Setting

import zoomdream
from zoomdream.rendering.plan import make_plan

FRAMES_PER_SECOND = {(1920, 1080): 60, (3840, 2160): 15}  # BVLC GoogLeNet to mixed4c, three octaves, four steps
AGREEMENT = 35.0  # dB
DEVICE = "performance.device=cuda"


def measure(setting: Setting, found: Report) -> None:
    if not torch.cuda.is_available():
        found.skipped["gpu"] = "no CUDA device here"
        return
    rows = found.figures["gpu"] = {}
    for size, limit in FRAMES_PER_SECOND.items():
        windows = 1 if setting.quick else 6
        frames = renders.SKIPPED + windows * renders.SEGMENT
        chosen = renders.config(setting, "googlenet", size, frames, DEVICE)
        timed = renders.timed(chosen, setting.clock)
        title = f"googlenet, {size[0]}x{size[1]}, {make_plan(chosen).precision}"
        rows[title] = {"frames per second": 1 / timed.per_frame, "first frame after, s": timed.first}
        say(f"  {title}: {1 / timed.per_frame:.1f} frames per second")
        found.at_least(f"gpu, googlenet: frames per second at {size[0]}x{size[1]}", 1 / timed.per_frame, limit)
    agreement = first_frames_agree(setting)
    rows["first frame as on the CPU, float32"] = {"PSNR, dB": agreement}
    found.at_least("gpu: PSNR of the first frame against the CPU's, float32", agreement, AGREEMENT)


def first_frames_agree(setting: Setting) -> float:
    """PSNR in dB of the first frame on the GPU against that on the CPU, both in float32."""
    pictures = []
    for device in ("cpu", "cuda"):
        changes = (f"performance.device={device}", "performance.precision=float32", "dream.warmup=2")
        pictures.append(next(zoomdream.frames(renders.config(setting, "googlenet", (640, 360), 2, *changes))))
    error = float((pictures[0] - pictures[1]).square().mean())
    return math.inf if error == 0 else -10 * math.log10(error)
