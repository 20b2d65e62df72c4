"""Whole dreams in tiles: a config asks for them, and nobody sees them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import zoomdream
from zoomdream.assembly import network
from zoomdream.assembly.dream import tile_size
from zoomdream.assembly.targets import find_targets
from zoomdream.config import load_config
from zoomdream.dream.terms import LayerTerm
from zoomdream.dream.tiles import TiledObjective
from zoomdream.randomness import generator, natural_noise
from zoomdream.rendering.plan import make_plan

PICTURE = (0.45 + 0.2 * natural_noise((300, 420), generator(2))).clamp(0, 1)[0]


def tree(weights: Path, tile: int | str, **keys: Any) -> dict[str, Any]:
    return {
        "network": {"weights": str(weights)},
        "objective": [{"layer": "mixed3b"}],
        "dream": {"octaves": 1, "steps": 1, "noise": 0},  # after many steps even rounding makes another dream
        "performance": {"tile": tile, "device": "cpu", "precision": "float32", "threads": 1},
        **keys,
    }


def test_a_dream_in_tiles_is_the_dream_without(untrained_weights: Path) -> None:
    whole, tiles = (zoomdream.dream(PICTURE, tree(untrained_weights, tile), times=1) for tile in ("off", 256))
    error = float((whole - tiles).square().mean().sqrt())
    assert 0 < error < 0.05 * float((whole - PICTURE).square().mean().sqrt())


def test_a_dream_in_tiles_is_the_same_whenever_it_is_dreamt(untrained_weights: Path) -> None:
    once, again = (zoomdream.dream(PICTURE, tree(untrained_weights, 256), times=1) for _ in range(2))
    assert torch.equal(once, again)


def test_a_gpu_that_runs_out_of_memory_goes_on_in_tiles(untrained_weights: Path) -> None:
    config = load_config(tree(untrained_weights, "off"))
    opened = network(config)
    targets = find_targets(config, opened)
    plan = make_plan(config)
    assert tile_size(plan, targets) is None  # nothing is caught on a CPU, and nothing has to be ready for it
    size = tile_size(replace(plan, device="cuda"), targets)
    assert size is not None
    size.halo = 32
    asked: list[tuple[int, int]] = []

    def full(picture: torch.Tensor) -> torch.Tensor:
        asked.append((picture.shape[-2], picture.shape[-1]))
        raise torch.OutOfMemoryError("CUDA out of memory")

    large = torch.cat([PICTURE, PICTURE], dim=2)[None]
    groups = [(opened, [LayerTerm("mixed3b")])]
    for _ in range(2):
        assert float(TiledObjective(groups, full, size).gradient(large, (0.0, 0.0)).abs().max()) > 0
    assert asked == [(300, 840)]  # frames that follow do not try again
