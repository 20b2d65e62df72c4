"""Checks across keys: codec against container and quality, the area, schedules at every frame."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from zoomdream.config.codecs import CODECS, CONTAINERS, HARDWARE, fitting, is_numbered
from zoomdream.config.explain import Problem, problem
from zoomdream.config.fields import LARGEST_AREA, schedules
from zoomdream.config.origin import did_you_mean
from zoomdream.config.schema import Config
from zoomdream.config.schema_encode import Encode
from zoomdream.config.schema_objective import Term
from zoomdream.config.schema_render import Droste
from zoomdream.config.schema_source import MovingSource
from zoomdream.config.units import seconds_text
from zoomdream.errors import ConfigError


def problems(config: Config) -> Iterator[Problem]:
    """Everything that is wrong with a config whose keys are each right."""
    (width, height), dream, flow, kind = config.size, config.dream, config.flow, config.source.kind
    if width * height > LARGEST_AREA:
        yield problem("size", f"is {width} x {height}. Allowed: at most {LARGEST_AREA // 2**20} megapixels.")
    if config.timeline is not None and config.timeline < config.frames:
        yield problem("timeline", f"is {config.timeline}. Allowed: at least the number of frames, {config.frames}.")
    if config.closing > config.frames or (config.loop is not False and not config.loop):
        found, length = seconds_text(Fraction(config.loop)), seconds_text(config.frames / config.fps)
        yield problem("loop", f"is {found}. Allowed: true, false, or a time up to the length of the film, {length}.")
    for key in ("start", "end"):
        droste = config.camera.contains_itself
        if getattr(config, key) and (config.loop or droste or isinstance(config.source, MovingSource)):
            what = "loop is given" if config.loop else "camera.space is droste" if droste else f"source.kind is {kind}"
            yield problem(key, f"is given, and {what}. Allowed there: no {key}.")
    if config.loop and isinstance(config.source, MovingSource):
        yield problem("loop", f"closes zooms, and source.kind is {kind}. Allowed there: false.")
    if not isinstance(dream.steps, int) and dream.octaves not in ("auto", len(dream.steps)):
        text = f"lists {len(dream.steps)} numbers, and dream.octaves is {dream.octaves}."
        allowed = "Allowed: as many as there are octaves, from coarse to fine, or one number for all of them."
        yield problem("dream.steps", f"{text} {allowed}")
    for index, term in enumerate(config.objective):
        yield from _term(f"objective.{index}", term)
    if not isinstance(config.source, MovingSource) and dream.opacity.constant != 1:
        yield problem("dream.opacity", f"mixes the dream with a clip, and source.kind is {kind}. Allowed there: 1.")
    if config.encode.audio_track != "auto" and config.encode.audio == "source" and kind != "video":
        text = f'is "{config.encode.audio_track}", and source.kind is {kind}, which has no sound. Allowed there: auto.'
        yield problem("encode.audio_track", text)
    if config.camera.contains_itself:
        yield from _droste(config)
    elif config.camera.droste != Droste():
        yield problem("camera.droste", "is given, and camera.space is plane. It belongs to droste.")
    if flow.weights is not None and not flow.method.startswith("raft"):
        text = f"is given, and flow.method is {flow.method}, which has none. It belongs to raft_small and raft_large."
        yield problem("flow.weights", text)
    music, audio = config.music, config.encode.audio
    if music is not None and music.path is None and not isinstance(audio, Path) and music.offset:
        text = "is given, and the music is the clip's own. source.start says where a clip begins. Allowed there: 0s."
        yield problem("music.offset", text)
    if wrong := output_problem(config.output):
        yield problem("output", wrong)
    else:
        yield from _encode(config.encode, config.output)
    for path, schedule in schedules(config):
        try:
            schedule.values(config.frames, config.fps, config.seed)
        except ConfigError as error:
            yield Problem(path, f"{error.key}: {error.text}")


def _droste(config: Config) -> Iterator[Problem]:
    """What a picture that contains itself cannot have."""
    beside = "and camera.space is droste"
    if isinstance(config.source, MovingSource):
        text = f"is droste, and source.kind is {config.source.kind}: it shows one picture. Allowed on clips: plane."
        yield problem("camera.space", text)
    if config.dream.mask is not None:
        yield problem("dream.mask", f"belongs to a frame, {beside}, which has one picture for all. Leave it out.")
    if config.dream.every is not None:
        text = f"counts frames between dreams, {beside}, where camera.droste.alive says how often is dreamt."
        yield problem("dream.every", f"{text} Leave it out.")
    if config.loop and config.camera.droste.alive:
        text = (
            f"is {config.camera.droste.alive:g}, and loop is {str(config.loop).lower()}: the picture would be another"
        )
        yield problem("camera.droste.alive", f"{text} at the end. Allowed there: 0.")
    for axis, pan in enumerate(config.camera.pan):
        if pan.constant != 0:
            yield problem(f"camera.pan.{axis}", f"is not 0, {beside}, which has a centre: move camera.pivot instead.")


def neighbor_problem(config: Config, key: str, other: Config) -> str | None:
    """What speaks against the render that `start` or `end` (the key) names, if anything."""
    if isinstance(other.source, MovingSource) or other.camera.contains_itself:
        return "it is no zoom through a plane. Allowed: one that is, not on a clip."
    (width, height), (wide, high) = other.size, config.size
    if width * high != height * wide:  # of the same shape it is dreamed as large as this: so for drafts
        return f"its size is {width}x{height}. Allowed: that of this render, {wide}x{high}, or one of its shape."
    if other.fps != config.fps:
        return f"its fps is {other.fps}. Allowed: that of this render, {config.fps}."
    if key == "end" and not other.loop:
        return "it is no loop, so that nothing leads to its first frame. Allowed: a render with `loop`."
    if key == "end" and other.closing >= config.frames:
        return f"it closes in {other.closing} frames. Allowed: fewer than this render has, {config.frames}."
    return None


def _term(key: str, term: Term) -> Iterator[Problem]:
    """Which keys of a term belong together."""
    of_a_layer = [
        name for name in ("layer", "channels", "pick", "at", "guide", "match") if getattr(term, name) is not None
    ]
    if term.classes and of_a_layer:
        text = "stands beside class. Allowed: one of them in a term; give the other a term of its own."
        yield problem(f"{key}.{of_a_layer[0]}", text)
    elif not term.classes and term.layer is None:
        allowed = "a layer of the network (`zoomdream layers NETWORK` lists them), or class instead"
        yield problem(f"{key}.layer", f"is missing. Allowed: {allowed}.")
    elif term.guide is not None and (beside := [name for name in ("channels", "pick", "at") if name in of_a_layer]):
        text = "stands beside guide, which decides about the channels itself. Allowed: one of them."
        yield problem(f"{key}.{beside[0]}", text)
    elif term.guide is None and term.match is not None:
        yield problem(f"{key}.match", "is given, and there is no guide. It belongs to a term with guide.")
    for name, one, values in (("channels", "channel", term.channels or ()), ("class", "class", term.classes)):
        if len(set(values)) < len(values):
            yield problem(f"{key}.{name}", f"names a {one} twice.")


def output_problem(output: Path) -> str | None:
    """What is wrong with the name of the output, if anything."""
    if not fitting(output):
        ending = f"ends in {output.suffix}" if output.suffix else "has no extension"
        hint = (
            did_you_mean(output.suffix, CONTAINERS)
            if output.suffix
            else f" Write output: {output}.mp4, or {output}/%05d.png."
        )
        return f'is "{output}", which {ending}.{hint} Allowed: {" ".join(CONTAINERS)}.'
    if "##" in output.name and output.suffix.lower() == ".png":
        numbered = re.sub("#+", lambda found: f"%0{min(len(found[0]), 9)}d", output.name)
        return f'is "{output}". Allowed for numbered pictures: %05d. Write output: {output.with_name(numbered)}.'
    if not is_numbered(output):
        return None
    if "%" in str(output.parent) or not re.fullmatch(r"[^%]*%(0[1-9])?d[^%]*", output.name):
        return f'is "{output}". Allowed for numbered pictures: one pattern such as %05d in the name of the file.'
    if output.parent.name in ("", ".."):  # the working folder and the config beside it are named after the folder
        return f'is "{output}". Allowed for numbered pictures: a folder of their own, such as frames/{output.name}.'
    return None


def _encode(encode: Encode, output: Path) -> Iterator[Problem]:
    name, codec = encode.codec, CODECS[encode.codec]
    if name not in fitting(output):
        files = ", ".join(extension for extension, codecs in CONTAINERS.items() if name in codecs)
        text = f"is {name}, which does not fit into {output.suffix}. Allowed there: {', '.join(fitting(output))}"
        yield problem("encode.codec", f"{text}; {name} fits into {files}.")
        return
    if encode.crf is not None and encode.crf > (-1 if codec.largest_crf is None else codec.largest_crf):
        limit = "nothing: it has no crf" if codec.largest_crf is None else f"0 to {codec.largest_crf}"
        yield problem("encode.crf", f"is {encode.crf}. Allowed for {name}: {limit}.")
    if encode.hardware != "off":
        yield from _hardware(encode)
        return
    if encode.preset is not None:
        yield from _choice("preset", encode.preset, f"for {name}", codec.presets)
    yield from _choice("pixel_format", encode.pixel_format, f"for {name}", ("auto", *codec.pixel_formats))
    if isinstance(encode.audio, Path) and codec.silent:
        yield problem("encode.audio", f'is "{encode.audio}", but {name} carries no sound. Allowed there: none.')


def _hardware(encode: Encode) -> Iterator[Problem]:
    """What an encoder in hardware cannot do. It makes nothing without sound."""
    name, hardware = encode.codec, encode.hardware
    if name not in HARDWARE[hardware]:
        able = ", ".join(["off", *(other for other, made in HARDWARE.items() if name in made)])
        text = f"is {hardware}, which makes no {name}. Allowed for {name}: {able}"
        yield problem("encode.hardware", f"{text}; {hardware} makes {', '.join(HARDWARE[hardware])}.")
        return
    if encode.preset is not None:
        text = f'is "{encode.preset[:40]}", and encode.hardware is {hardware}. Allowed with it: no preset;'
        yield problem("encode.preset", f"{text} leave it out, or set it to null.")
    formats = ("auto", *CODECS[name].hardware_formats)
    yield from _choice("pixel_format", encode.pixel_format, f"for {name} by {hardware}", formats)


def _choice(name: str, value: str, whom: str, choices: tuple[str, ...]) -> Iterator[Problem]:
    """What is wrong with a key of encode that takes one of a codec's words."""
    if value not in choices:
        listed = ", ".join(choices) if choices else f"nothing: it has no {name}s"
        hint = did_you_mean(value, choices)
        yield problem(f"encode.{name}", f'is "{value[:40]}".{hint} Allowed {whom}: {listed}.')
