"""Everything that is `auto` in a config, made a plain value on this machine, once per render."""

from __future__ import annotations

import torch

from zoomdream.config import Config
from zoomdream.config.codecs import resolve_pixel_format
from zoomdream.machine.devices import check_device, fastest_precision
from zoomdream.machine.limits import cores
from zoomdream.rendering.memory_budget import tile_edge
from zoomdream.source.open import open_source
from zoomdream.types import Plan

_MOST_ENCODER_THREADS = 8


def make_plan(config: Config, remembered: Plan | None = None) -> Plan:
    """Choose device, precision, tiles, threads, shots and pixel format; what is `auto` stays as `remembered` from an
    earlier start.

    Raises ConfigError for a device that is not here, unless it is only remembered: `stages` tells then.
    """
    wanted = config.performance
    if wanted.device == "auto":
        # never mps by itself: nobody has compared its pictures with the CPU's yet
        device = remembered.device if remembered else ("cuda" if torch.cuda.is_available() else "cpu")
    else:
        device = wanted.device
        with config.error_context("performance.device"):
            check_device(device)
    if wanted.precision == "auto":
        precision = remembered.precision if remembered else fastest_precision(device)
    else:
        precision = wanted.precision
    if wanted.threads == "auto":
        threads = remembered.threads if remembered else min(torch.get_num_threads(), cores())
    else:
        threads = wanted.threads
    with config.error_context("source.path"):
        alpha = open_source(config).alpha
    pixel_format = resolve_pixel_format(config.encode.codec, config.encode.pixel_format, alpha=alpha)
    if wanted.tile == "auto":
        tile = remembered.tile if remembered else tile_edge(config, device, precision)
    else:
        tile = 0 if wanted.tile == "off" else wanted.tile
    encoder_threads = remembered.encoder_threads if remembered else min(cores(), _MOST_ENCODER_THREADS)
    return Plan(device, precision, threads, pixel_format, cuts(config, remembered), tile, encoder_threads)


def resolved(config: Config, planned: Plan) -> Config:
    """The config with every `auto` replaced by what was planned: what a video tells of itself, and its
    fingerprint.
    """
    performance = {
        "device": planned.device,
        "precision": planned.precision,
        "tile": planned.tile or "off",
        "threads": planned.threads,
    }
    changes = {
        "performance": config.performance.model_copy(update=performance),
        "encode": config.encode.model_copy(update={"pixel_format": planned.pixel_format}),
    }
    if config.flow.cuts == "auto":
        source = open_source(config)
        if source.moving:
            times = tuple(source.time_of(frame) for frame in planned.cuts)
            changes["flow"] = config.flow.model_copy(update={"cuts": times})
    return config.model_copy(update=changes)


def cuts(config: Config, remembered: Plan | None = None) -> tuple[int, ...]:
    """The frames with which a new shot begins, in order, without 0. Raises InputError."""
    source, wanted = open_source(config), config.flow.cuts
    if not source.moving or wanted == "off":  # `remembered` may be of another config with the same output
        return ()
    with config.error_context("source.path"):
        if wanted != "auto":
            return source.frames_at(wanted)
        return source.shots if remembered is None else remembered.cuts
