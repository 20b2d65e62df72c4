"""`zoomdream check CONFIG...`: what is wrong with a config, or what it would do."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from zoomdream import assembly, cli
from zoomdream.cli.prediction import predict
from zoomdream.cli.render import configured
from zoomdream.cli.tables import counted, tell
from zoomdream.config import Config
from zoomdream.config.codecs import CodecName, is_numbered
from zoomdream.config.preview import left_out, preview
from zoomdream.config.units import clock_time, spoken_time
from zoomdream.config.unreached import warnings
from zoomdream.encode import trial
from zoomdream.encode.segment import encoder_name
from zoomdream.errors import ConfigError, ZoomdreamError, printable
from zoomdream.rendering import Job, make_job
from zoomdream.rendering.owner import find
from zoomdream.rendering.publish import rehearse
from zoomdream.source.open import open_source
from zoomdream.timeline import Timeline, dreamt_size, droste_note, torus
from zoomdream.types import Plan

# Measured on 30 frames of 480x270 that GoogLeNet dreamed; at crf 18 where the codec has one. Six steps of it halve
# it.
BITS_PER_PIXEL: Mapping[CodecName, float] = {
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
    code, imported = 0, time.process_time()
    for number, path in enumerate(arguments.config):
        begun = time.perf_counter() - imported  # as if this command were the render
        try:
            text = _report(path, configured(arguments, path), begun, arguments)
        except ZoomdreamError as error:
            cli.complain(str(error))
            code = code or error.exit_code
        else:
            tell(f"{'---' if number else ''}\n{text}".lstrip("\n"))
    return code


def _report(path: Path, film: Config, begun: float, arguments: argparse.Namespace) -> str:
    with film.error_context():
        config = preview(film) if arguments.preview else film
        lines = [*_plan(path, config, begun, arguments.restart)]
        if arguments.preview:
            lines.insert(1, f"  preview: {left_out(film, config)}")
        return "\n".join([*(f"# {printable(line)}" for line in lines), config.to_yaml().rstrip("\n")])


def _plan(path: Path, config: Config, begun: float, restart: bool) -> Iterator[str]:
    job = make_job(config)
    trial.check(job.settings)
    rehearse(job)
    planned = job.plan
    opened = assembly.network(config)
    names = ", ".join(assembly.target_names(config, opened))
    width, height = config.size
    source = open_source(config)
    with config.error_context("source.path"):
        described = source.describe()
    encode = config.encode
    quality = "" if encode.crf is None else f" at crf {encode.crf}"
    maker = "" if encode.hardware == "off" else f" by {encoder_name(job.settings)}, which works here"
    length = float(config.frames / config.fps)
    yield f"{path} renders {config.output}, from {source.name}:"
    yield from (f"  warning: {warning}" for warning in warnings(config))
    if job.settings.still and config.frames > 1:
        numbered = config.output.with_suffix("") / "%05d.png"
        yield f"  warning: one picture, the last of {config.frames} frames; `output: {numbered}` keeps all of them"
    yield from (f"  {line}" for line in _there(job, restart))
    yield from (f"  {line}" for line in (*described, *(job.sound.describe() if job.sound else ["sound: none"])))
    yield from (f"  {line}" for line in (config.signals.describe() if config.signals else ()))
    yield from (f"  {line}" for line in _droste(config))
    yield f"  {width}x{height}, {counted(config.frames, 'frame')} at {config.fps} per second, {length:g} s long"
    yield f"  {encode.codec} ({planned.pixel_format}){quality}{maker}"
    threads = counted(planned.threads, "thread")
    yield f"  network: {opened.name}, {names}; on {planned.device} in {planned.precision}, {threads}"
    yield f"  tiles: {_tiles(config, planned)}"
    yield from _octaves(config, assembly.octaves(config, Timeline.of(config, planned.cuts), opened))
    ready = time.perf_counter() - begun
    found = predict(config, planned, job.settings, opened)
    each, total = spoken_time(found.frame), clock_time(ready + found.total)
    yield f"  about {each} per frame (measured just now), {total} in all; {_disk(config)} on the disk"


def _droste(config: Config) -> Iterator[str]:
    """What is dreamt in the Droste space, and when it comes back."""
    if not config.camera.contains_itself:
        return
    rows, columns = dreamt_size(config)
    repeats = torus(config)
    period = repeats.period_near(complex(repeats.height / abs(repeats.slant) ** 2, 0))
    turn = f" and a turn of {math.degrees(period.imag):.4g} degrees" if repeats.twist else ""
    alive = config.camera.droste.alive
    often = f"{alive:g} times a second" if alive else "before the film only"
    yield f"a picture of {columns}x{rows} that contains itself is dreamt on {often}"
    yield f"all comes back after a zoom of {math.exp(period.real):.4g} times{turn}"
    yield from filter(None, [droste_note(config)])


def _there(job: Job, restart: bool) -> Iterator[str]:
    """What a render would find at the output's place."""
    try:
        found = find(job, restart=restart)
    except ConfigError as error:
        yield f"warning: `render` will refuse this: {error.text}"
        return
    if found.finished:
        yield f"{job.output} is finished already"
    elif found.kept:
        yield f"goes on after frame {found.kept} of {job.frames}"
    elif restart and found.owner != "nobody":
        yield f"replaces {job.output}"


def _tiles(config: Config, planned: Plan) -> str:
    """How large what the network sees at once is."""
    if planned.tile == 0 or max(config.size) <= planned.tile:
        return "none, the network sees whole pictures"
    return f"{planned.tile} pixels at most are seen at once; larger pictures are dreamt tile by tile"


def _octaves(config: Config, there: Sequence[tuple[tuple[int, int], int]]) -> Iterator[str]:
    """Which octaves there are, where that was left to us or is not all of them."""
    wanted = config.octaves.count
    left_out = f" of {wanted} octaves (the network needs larger ones)" if len(there) < wanted else " octaves"
    if len(there) < wanted or config.dream.octaves == "auto":
        sizes = ", ".join(f"{width}x{height}" for (height, width), _ in there)
        steps = ", ".join(str(steps) for _, steps in there)
        yield f"  {len(there)}{left_out}, from coarse to fine: {sizes}; steps: {steps}"


def _disk(config: Config) -> str:
    """The size of the finished file, roughly, in units that people read; while it renders, twice that is in use."""
    width, height = config.size
    bits = BITS_PER_PIXEL[config.encode.codec]
    if config.encode.crf is not None:
        bits *= 2 ** ((18 - config.encode.crf) / 6)
    pictures = 1 if config.encode.codec == "png" and not is_numbered(config.output) else config.frames
    megabytes = width * height * pictures * bits / 8 / 1e6
    if megabytes < 1:
        return f"about {1000 * megabytes:.0f} kB"
    return f"about {megabytes:.1f} MB" if megabytes < 1000 else f"about {megabytes / 1000:.1f} GB"
