"""The dream step of a config: its objective and recipes for every frame, its noise and its tiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from zoomdream.assembly.targets import Target, find_targets
from zoomdream.autodiff.cuda_graphs import CudaGraphs, eager
from zoomdream.camera.camera import overscan
from zoomdream.config import Config
from zoomdream.dream.dreamer import Dreamer, FreshNoise, NoisePrefetch, Size, WhiteNoise
from zoomdream.dream.guides import Guide, guide_activation, open_guide
from zoomdream.dream.objective import ClassesOverTime, LayerOverTime, ObjectiveOverTime, TermOverTime
from zoomdream.dream.octaves import Recipe, octave_work
from zoomdream.dream.terms import Pick, Rank
from zoomdream.dream.tile_size import TileSize
from zoomdream.networks import catalog
from zoomdream.randomness import frame_scale
from zoomdream.source.open import open_source
from zoomdream.source.protocol import Closable
from zoomdream.timeline import Timeline, dreamt_size
from zoomdream.types import Network, Plan

_CHANGING = ("turn", "stretch", "blur", "smooth", "decay")
"""Fields of a recipe that are schedules of the same name, besides the step size."""


def make_dreamer(config: Config, plan: Plan, timeline: Timeline, opened: Network, resources: list[Closable]) -> Dreamer:
    """The dream step. Moves the networks to their device. opened: the config's network; terms may have their own.
    `resources` closes guides.
    """
    found = find_targets(config, opened)
    dtype: torch.dtype = getattr(torch, plan.precision)
    for network in (opened, *(target.network for target in found)):
        if isinstance(network, nn.Module):
            network.to(device=plan.device, dtype=dtype)
    return Dreamer(
        objective=_objective(config, plan, timeline, found, resources),
        recipes=recipes(config, timeline, found),
        active=timeline.active,
        seed=config.seed,
        # On a clip all frames share their jitter. Then the gradients of neighbouring frames agree, and a still camera
        # sees a still dream: with a jitter of its own for each frame the error of the flower (docs/benchmarks.md) is
        # three times as high. A zoom must not do that: there the same places would get the same things for ever.
        shared_jitter=open_source(config).moving,
        tiles=tile_size(plan, found),
        # float16 has no numbers for GoogLeNet's small gradients (mixed3b at 1080p: 44 % are 0); normalising removes it
        scale=2.0**14 if dtype == torch.float16 else 1.0,
        call=_calls(config, plan),
    )


def make_noise(config: Config, plan: Plan, timeline: Timeline, resources: list[Closable]) -> FreshNoise:
    """The noise on each frame before it is dreamed on: none where it is only moved. `resources` ends its prefetch."""
    amounts = tuple(
        amount if active else 0.0 for amount, active in zip(timeline.curve("dream.noise"), timeline.active, strict=True)
    )
    width, height = config.size
    white = WhiteNoise(config.seed, frame_scale((height, width)), pinned=plan.device.startswith("cuda"))
    draw: Callable[[Size, int], Tensor] = white
    if plan.device != "cpu" and any(amounts):
        draw = prefetch = NoisePrefetch(white, (*range(-config.dream.warmup, 0), *timeline.key_frames))
        resources.append(prefetch)
    return FreshNoise(amounts, white, draw, plan.device)


def recipes(config: Config, timeline: Timeline, found: tuple[Target, ...]) -> tuple[Recipe, ...]:
    """How each frame is dreamed on."""
    settings = config.dream
    recipe = Recipe(
        octaves=config.octaves.count,
        octave_scale=config.octaves.scale,
        steps=config.octaves.steps,
        detailing=config.octaves.detailing,
        finest=config.octaves.finest,
        jitter=settings.jitter,
        normalization=settings.normalize,
        smallest=max(catalog.minimum_edge(target.layer) for target in found),
        parameters=settings.parameters,
        natural=settings.hues == "natural",
        wrapped=config.camera.contains_itself,
    )
    curves = {"step_size": timeline.step_sizes()}
    curves |= {name: timeline.curve(f"dream.{name}") for name in _CHANGING}
    return tuple(replace(recipe, **dict(zip(curves, now, strict=True))) for now in zip(*curves.values(), strict=True))


def margin(config: Config, timeline: Timeline) -> tuple[int, int]:
    """Rows and columns around a frame that are dreamed too: none on clips, and none where nothing is dreamed."""
    width, height = config.size
    if open_source(config).moving or config.camera.contains_itself or not any(config.octaves.steps):
        return 0, 0
    return overscan(timeline.motions, (height, width))


def octaves(config: Config, timeline: Timeline, opened: Network) -> tuple[tuple[tuple[int, int], int], ...]:
    """(height, width) and gradient steps of each octave, the coarsest first; those too small for the network are left
    out. opened: the config's network.
    """
    height, width = dreamt_size(config)
    rows, columns = margin(config, timeline)
    return octave_work(
        (height + 2 * rows, width + 2 * columns), recipes(config, timeline, find_targets(config, opened))[0]
    )


def _objective(
    config: Config, plan: Plan, timeline: Timeline, found: tuple[Target, ...], resources: list[Closable]
) -> ObjectiveOverTime:
    """The terms that ever count."""
    terms: list[TermOverTime] = []
    for number, (term, target) in enumerate(zip(config.objective, found, strict=True)):
        weights = timeline.curve(f"objective.{number}.weight")
        if not any(weights):
            continue
        if target.classes:
            terms.append(ClassesOverTime(target.network, target.layer, target.classes, weights))
        elif term.guide is not None:
            terms.append(_guide(config, plan, number, target, weights, resources))
        else:
            terms.append(
                LayerOverTime(
                    target.network,
                    target.layer,
                    weights,
                    timeline.curve("dream.diversity"),
                    timeline.curve("dream.variety"),
                    float(config.fps),
                    config.seed,
                    plan.device,
                    float(config.frames / config.fps) if config.closing else None,
                    term.channels,
                    _pick(term.pick),
                    term.at,
                )
            )
    return ObjectiveOverTime(tuple(terms))


def _guide(
    config: Config, plan: Plan, number: int, target: Target, weights: tuple[float, ...], resources: list[Closable]
) -> Guide:
    term = config.objective[number]
    assert term.guide is not None
    with config.error_context(f"objective.{number}.guide"):
        frames, is_still = open_guide(
            term.guide,
            longest=max(config.size),
            smallest=catalog.minimum_edge(target.layer),
            count=config.frames,
            fps=config.fps,
        )
    resources.append(frames)
    still = guide_activation(target.network, target.layer, frames.frame(0), plan.device) if is_still else None
    return Guide(target.network, target.layer, weights, term.match or "places", plan.device, frames, still)


def _pick(text: str | None) -> Pick | None:
    if text is None:
        return None
    rank, count = text.split()
    return Pick(cast(Rank, rank), int(count))


def tile_size(plan: Plan, found: tuple[Target, ...]) -> TileSize | None:
    """The size of tiles; None where there are none.

    Memory that runs out on a GPU makes tiles smaller for all frames that follow, so there even a render without tiles
    is ready for them. (On a CPU the system ends the process instead.)
    """
    if plan.tile == 0 and plan.device == "cpu":
        return None
    return TileSize(plan.tile or None, tuple((target.network, target.layer.name) for target in found), plan.device)


def _calls(config: Config, plan: Plan) -> Callable[..., Tensor]:
    """How the gradients of whole pictures are called: on NVIDIA's GPUs as CUDA graphs, unless memory is scarce."""
    nvidia = plan.device.startswith("cuda") and torch.version.hip is None
    scarce = plan.tile != 0 or config.performance.memory != "auto"
    return CudaGraphs() if nvidia and not scarce else eager
