"""The Droste space, measured: does it come back, is it shown as it is, does it flicker, and what does it cost?"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
from bench import command
from bench.dreamers import ROOT, Dreamer, render_config
from bench.report import Report
from bench.video import decoded_frames
from torch import Tensor

import zoomdream
from zoomdream import assembly
from zoomdream.camera.droste import DrosteCamera, Levels, Torus
from zoomdream.cli.prediction import predict
from zoomdream.config import Config
from zoomdream.rendering import make_job
from zoomdream.timeline import Timeline, droste_path

FILMS = {"droste": "droste.yaml", "spiral": "droste_spiral.yaml", "mandala": "mandala.yaml"}
SIZE, QUICK_SIZE = (640, 360), (192, 108)
FRAMES, QUICK_FRAMES = 120, 24
COST, QUICK_COST = ((1920, 1080), (3840, 2160)), ((480, 270),)
COST_FRAMES = 600
NEAR = 0.1
"""Of the shorter edge: how near the centre flicker is looked for."""
TORI = (Torus(3), Torus(2, arms=3), Torus(5, twist=1), Torus(2, arms=2, twist=-1))


def run(options: argparse.Namespace, found: Report, folder: Path) -> None:
    """All of it. options: quick, threads and keep."""
    figures = found.figures.setdefault("droste", {})
    size, frames = (QUICK_SIZE, QUICK_FRAMES) if options.quick else (SIZE, FRAMES)
    for name, base in FILMS.items():
        if options.quick and name == "spiral":
            continue
        film, later = _twice(options, folder, name, base, size, frames)
        same = min(psnr(one, other) for one, other in zip(film, later, strict=True))
        near, elsewhere = flicker(film)
        figures[name] = {"one period later, dB": same, "flicker near the centre over elsewhere": near / elsewhere}
        found.at_least(f"droste, {name}: one period later, dB", same, 45)
        found.at_most(f"droste, {name}: flicker near the centre over elsewhere", near / elsewhere, 1.2)
        command.say(f"{name}: {same:.1f} dB after a period, flicker {near / elsewhere:.2f}")
    turned = min(turn_error(torus, (size[1], size[0])) for torus in TORI)
    figures["turned by an arm, dB"] = turned
    found.at_least("droste: turned by an arm, dB", turned, 45)
    drawn = min(formula_error(torus, (size[1], size[0])) for torus in TORI)
    figures["formula, dB"] = drawn
    found.at_least("droste: a formula's picture, dB", drawn, 40)
    for size in QUICK_COST if options.quick else COST:
        droste, plane = (seconds(options, space, size) for space in ("droste", "plane"))
        where = "x".join(map(str, size))
        figures[f"seconds, {where}"] = {"droste": droste, "frame by frame": plane}
        command.say(f"{where}: {droste:.0f} s instead of {plane:.0f} s, predicted")
        if size == COST[-1]:
            found.at_most(f"droste, {where}, {COST_FRAMES} frames: time over frame by frame", droste / plane, 1 / 20)


def _twice(
    options: argparse.Namespace, folder: Path, name: str, base: str, size: tuple[int, int], frames: int
) -> tuple[list[Tensor], list[Tensor]]:
    """A loop, decoded, and the round after it: rendered in one, at the speeds that close the loop."""
    config = _config(options, folder / f"{name}.mkv", base, size, frames, "encode.codec=ffv1")
    moved = droste_path(config, Timeline.of(config))[-1]
    span = float(frames / config.fps)
    speeds = [f"camera.zoom={math.exp(moved.real / span)!r}", f"camera.rotate={math.degrees(moved.imag) / span!r}"]
    twice = _config(options, folder / f"{name}.mkv", base, size, 2 * frames, "encode.codec=ffv1", "loop=false", *speeds)
    film = [pixels[None].float() / 255 for pixels in decoded_frames(zoomdream.render(twice), size)]
    return film[:frames], film[frames:]


def _config(
    options: argparse.Namespace, output: Path, base: str, size: tuple[int, int], frames: int, *settings: str
) -> Config:
    dreamer = Dreamer("dreamnet", None, None)
    path = ROOT / "configs" / base
    return render_config(dreamer, output, size, frames, threads=options.threads, base=path, settings=settings)


def psnr(found: Tensor, wanted: Tensor) -> float:
    """Decibels, of pictures in [0, 1]; at most 100."""
    return -10 * math.log10(float((found - wanted).square().mean()) + 1e-10)


def flicker(film: Sequence[Tensor]) -> tuple[float, float]:
    """The 95th percentile of a pixel's change from frame to frame, near the middle of the frame and elsewhere."""
    height, width = film[0].shape[-2:]
    x = torch.arange(width)[None] + 0.5 - width / 2
    y = torch.arange(height)[:, None] + 0.5 - height / 2
    near = torch.hypot(x, y) < NEAR * min(height, width)
    changes = torch.stack([(after - before).abs().amax(dim=1)[0] for before, after in pairwise(film)])
    inner, outer = changes[:, near].flatten(), changes[:, ~near].flatten()
    return _percentile(inner), _percentile(outer)


def _percentile(values: Tensor) -> float:
    return float(values.sort().values[int(0.95 * (len(values) - 1))])


def turn_error(torus: Torus, size: tuple[int, int]) -> float:
    """How near a view is to one turned by 360 degrees over the arms, in decibels."""
    strip = torch.rand((1, 3, *torus.strip(size)), generator=torch.Generator().manual_seed(1))
    camera = DrosteCamera(torus, size, (0.4j, 0.4j + 1j * torus.width), ((0.5, 0.5),) * 2)
    levels = Levels.of(strip)
    return psnr(camera(levels, 0), camera(levels, 1))


def formula_error(torus: Torus, size: tuple[int, int]) -> float:
    """How near a view of a strip that a formula has drawn is to the formula in the plane, in decibels; within a tenth
    of the shorter edge it may be finer than pixels.
    """
    moved, (rows, columns) = complex(0.37, 0.21), torus.strip(size)
    strip = _drawn(torch.arange(columns).double()[None] / columns, torch.arange(rows).double()[:, None] / rows)
    shown = DrosteCamera(torus, size, (moved,), ((0.5, 0.5),))(Levels.of(strip), 0)
    x = torch.arange(size[1]).double()[None] + 0.5 - size[1] / 2
    y = size[0] / 2 - torch.arange(size[0]).double()[:, None] - 0.5
    place = torch.complex(*torch.broadcast_tensors(x, y)).log()  # type: ignore[no-untyped-call]
    on_strip = torus.slant * (place - moved)
    wanted = _drawn(-on_strip.imag / torus.width, -on_strip.real / torus.height)
    away = place.real.exp() > NEAR * min(size)
    return psnr(shown[..., away], wanted[..., away])


def _drawn(across: Tensor, down: Tensor) -> Tensor:
    """A picture (1, 3, H, W) on the torus, whose places are counted in periods."""
    across, down = (2 * math.pi * place for place in torch.broadcast_tensors(across, down))  # type: ignore[no-untyped-call]
    red = 0.5 + 0.3 * torch.sin(3 * down + 2 * across)
    return torch.stack([red, 0.5 + 0.4 * torch.cos(2 * down - across), 0.5 + 0.3 * torch.sin(4 * down)])[None].float()


def seconds(options: argparse.Namespace, space: str, size: tuple[int, int]) -> float:
    """How long `zoomdream check` says that droste_4k.yaml takes at a size, as it is or dreamt on in every frame."""
    plane = [] if space == "droste" else ["camera.space=plane", "camera.droste=null", "dream.every=1", "loop=false"]
    config = _config(options, Path("cost.mp4"), "droste_4k.yaml", size, COST_FRAMES, *plane)
    job = make_job(config)
    return predict(config, job.plan, job.settings, assembly.network(config)).total
