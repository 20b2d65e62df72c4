"""Everything that is `auto` in a config, made a plain value on this machine, once per render."""

from __future__ import annotations

from bisect import bisect_left
from fractions import Fraction
from math import ceil

import torch

from zoomdream import ffmpeg
from zoomdream.config import Config, VideoSource
from zoomdream.encode.codecs import resolve_pixel_format
from zoomdream.machine.cores import cores
from zoomdream.machine.devices import check_device, fastest_precision
from zoomdream.rendering import memory_budget as room
from zoomdream.source.clip.clip import begin, frame_numbers, open_clip
from zoomdream.types import Plan

_SLACK = Fraction(1, 1000)  # frames by which the time of a cut may miss that of a frame: YAML has few digits


def make_plan(config: Config, remembered: Plan | None = None) -> Plan:
    """Choose device, precision, tiles, threads and pixel format; what is `auto` stays as `remembered` from an earlier
    start.

    Raises ConfigError for a device that is not here, unless it is only remembered: `stages` tells then.
    """
    wanted = config.performance
    if wanted.device == "auto":
        # never mps by itself: nobody has compared its pictures with the CPU's yet
        device = remembered.device if remembered else ("cuda" if torch.cuda.is_available() else "cpu")
    else:
        device = wanted.device
        check_device(device, config.where("performance.device"))
    if wanted.precision == "auto":
        precision = remembered.precision if remembered else fastest_precision(device)
    else:
        precision = wanted.precision
    if wanted.threads == "auto":
        threads = remembered.threads if remembered else min(torch.get_num_threads(), cores())
    else:
        threads = wanted.threads
    pixel_format = resolve_pixel_format(config.encode.codec, config.encode.pixel_format)
    if wanted.tile == "auto":
        tile = remembered.tile if remembered else room.tile_edge(config, device, precision)
    else:
        tile = 0 if wanted.tile == "off" else wanted.tile
    return Plan(device, precision, threads, pixel_format, _cuts(config, remembered), tile)


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
    if isinstance(config.source, VideoSource) and config.flow.cuts == "auto":
        start = _begins(config, config.source)
        cuts = tuple(start + frame / config.fps for frame in planned.cuts)
        changes["flow"] = config.flow.model_copy(update={"cuts": cuts})
    return config.model_copy(update=changes)


def _cuts(config: Config, remembered: Plan | None) -> tuple[int, ...]:
    """The frames with which a new shot of the clip begins, in order."""
    source, cuts = config.source, config.flow.cuts
    if not isinstance(source, VideoSource) or cuts == "off":
        return ()
    if cuts != "auto":
        start = _begins(config, source)
        found = {ceil((cut - start) * config.fps - _SLACK) for cut in cuts}
    elif remembered is not None:
        return remembered.cuts
    else:
        clip = open_clip(ffmpeg.executable(config.encode.ffmpeg), source.path)
        numbers = frame_numbers(clip, config.fps, source.start, source.start + config.frames / config.fps)
        found = {bisect_left(numbers, shot) for shot in clip.shots}
    return tuple(sorted(frame for frame in found if 0 < frame < config.frames))


def _begins(config: Config, source: VideoSource) -> Fraction:
    """When frame 0 is shown, in seconds from the clip's first frame."""
    clip = open_clip(ffmpeg.executable(config.encode.ffmpeg), source.path)
    return begin(clip, config.fps, source.start) - clip.times[0]
