"""`zoomdream check CONFIG...`: what is wrong with a config, or what it would do."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from torch import zeros_like

from zoomdream import build, cli, pipeline
from zoomdream.cli.progress import clock_time, looking
from zoomdream.cli.tables import counted
from zoomdream.config import Config, NoiseSource, VideoSource
from zoomdream.config.codecs import Codec
from zoomdream.errors import ZoomdreamError
from zoomdream.loading import load_config
from zoomdream.media import ffmpeg, metadata
from zoomdream.media.clip import describe, open_clip
from zoomdream.pipeline import ClipStages, Stages
from zoomdream.plan import Plan, make_plan
from zoomdream.render import make_job
from zoomdream.types import State

LONG_STEP = 2.0  # seconds; a first frame that took longer is measure enough, a quicker one was mostly warming up

# Measured on 30 frames of 480x270 that GoogLeNet dreamed; at crf 18 where the codec has one. Six steps of it halve
# it.
BITS_PER_PIXEL: Mapping[Codec, float] = {
    "h264": 0.96,
    "h265": 1.1,
    "vp9": 1.8,
    "av1": 1.4,
    "prores": 6.1,
    "ffv1": 20,
    "gif": 9.0,
    "webp": 3.4,
    "png": 19,
}


def run(arguments: argparse.Namespace) -> int:
    """Check each config; the right to stdout, the wrong to stderr. Returns the exit code of the first wrong one."""
    code = 0
    for number, path in enumerate(arguments.config):
        try:
            text = _report(
                path, load_config(path, arguments.overrides, looking=looking(), allow_code=arguments.allow_code)
            )
        except ZoomdreamError as error:
            cli.complain(str(error))
            code = code or error.exit_code
        else:
            print(f"{'---' if number else ''}\n{text}".lstrip("\n"), flush=True)
    return code


def _report(path: Path, config: Config) -> str:
    return "\n".join([*(f"# {line}" for line in _plan(path, config)), config.to_yaml().rstrip("\n")])


def _plan(path: Path, config: Config) -> Iterator[str]:
    make_job(config).settings.check()  # size and codec, and the files besides the weights
    planned = make_plan(config)
    opened = build.network(config)
    names = ", ".join(dict.fromkeys(layer.name for layer in build.layers(config, opened)))
    width, height = config.size
    source = "noise" if isinstance(config.source, NoiseSource) else config.source.path
    encode = config.encode
    quality = "" if encode.crf is None else f" at crf {encode.crf}"
    length = float(config.frames / config.fps)
    yield f"{path} renders {config.output}, from {source}:"
    if isinstance(config.source, VideoSource):
        clip = open_clip(ffmpeg.executable(encode.ffmpeg), config.source.path)
        yield from (f"  {line}" for line in describe(clip))
        yield from _part(config.source)
    yield f"  {width}x{height}, {counted(config.frames, 'frame')} at {config.fps} per second, {length:g} s long"
    yield f"  {encode.codec} ({planned.pixel_format}){quality}"
    threads = counted(planned.threads, "thread")
    yield f"  network: {opened.name}, {names}; on {planned.device} in {planned.precision}, {threads}"
    yield f"  tiles: {_tiles(config, planned)}"
    with closing(build.stages(config, planned, opened)) as stages:
        seconds = _seconds_per_frame(config, stages)
    total = clock_time(seconds * (config.frames + config.dream.warmup * (1 + len(planned.cuts))))
    yield f"  about {seconds:.2g} s per frame (measured just now), {total} in all; about {_disk(config)} on the disk"


def _tiles(config: Config, planned: Plan) -> str:
    """How large what the network sees at once is."""
    if planned.tile == 0 or max(config.size) <= planned.tile:
        return "none, the network sees whole pictures"
    return f"{planned.tile} pixels at most are seen at once; larger pictures are dreamt tile by tile"


def _part(source: VideoSource) -> Iterator[str]:
    """Which part of a clip is rendered, where that is not all of it."""
    if source.start or source.end is not None:
        end = "its end" if source.end is None else f"{float(source.end):g} s"
        yield f"  rendered from {float(source.start):g} s to {end}, as:"


def _seconds_per_frame(config: Config, stages: Stages) -> float:
    """Measured from a frame that is dreamt on to the next one, once or twice, on the source's picture."""
    leaps = list(pairwise(stages.keys)) or [(-1, 0)]
    if isinstance(stages, ClipStages):
        stages = replace(stages, cuts=frozenset())  # the start of a shot is no frame like others
        seen = stages.source(0)
        begin, end = max(leaps, key=_length)
        before = State(begin, seen, seen, zeros_like(seen))
    else:
        begin, end = max(reversed(leaps), key=_length)
        before = State(begin, stages.source())

    def measure() -> float:
        start = time.perf_counter()
        for state in pipeline.onward(before, stages):
            state.picture.sum().item()  # a number, so that a GPU has to have finished
        return (time.perf_counter() - start) / (end - begin)

    first = measure()
    return first if first * (end - begin) > LONG_STEP else measure()


def _length(leap: tuple[int, int]) -> int:
    return leap[1] - leap[0]


def _disk(config: Config) -> str:
    """The size of the finished file, roughly, in units that people read; while it renders, twice that is in use."""
    width, height = config.size
    bits = BITS_PER_PIXEL[config.encode.codec]
    if config.encode.crf is not None:
        bits *= 2 ** ((18 - config.encode.crf) / 6)
    pictures = 1 if config.encode.codec == "png" and not metadata.is_numbered(config.output) else config.frames
    megabytes = width * height * pictures * bits / 8 / 1e6
    if megabytes < 1:
        return f"{1000 * megabytes:.0f} kB"
    return f"{megabytes:.1f} MB" if megabytes < 1000 else f"{megabytes / 1000:.1f} GB"
