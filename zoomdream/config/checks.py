"""What no single key can tell: codec against container and quality, the area, schedules at every frame."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from zoomdream.config.codecs import (
    ABILITIES,
    CONTAINERS,
    HARDWARE,
    HARDWARE_FORMATS,
    SILENT,
    Codec,
    containers,
    fitting,
)
from zoomdream.config.explain import Problem
from zoomdream.config.fields import schedules
from zoomdream.config.schema import Config, Encode
from zoomdream.config.schema_objective import Term
from zoomdream.config.schema_source import VideoSource
from zoomdream.errors import ConfigError

LARGEST_AREA = 64_000_000


def problems(config: Config) -> Iterator[Problem]:
    """Everything that is wrong with a config whose keys are each right."""
    width, height = config.size
    if width * height > LARGEST_AREA:
        yield Problem(("size",), f"size is {width} x {height}. Allowed: at most {LARGEST_AREA // 10**6} megapixels.")
    if config.timeline is not None and config.timeline < config.frames:
        yield Problem(
            ("timeline",), f"timeline is {config.timeline}. Allowed: at least the number of frames, {config.frames}."
        )
    if (given := len(config.dream.counts)) != config.dream.octaves:
        text = f"dream.steps lists {given} numbers, and dream.octaves is {config.dream.octaves}."
        allowed = "Allowed: as many as there are octaves, from coarse to fine, or one number for all of them."
        yield Problem(("dream", "steps"), f"{text} {allowed}")
    for index, term in enumerate(config.objective):
        yield from _term(index, term)
    if not isinstance(config.source, VideoSource) and config.dream.opacity.constant != 1:
        text = f"dream.opacity mixes the dream with a clip, and source.kind is {config.source.kind}. Allowed there: 1."
        yield Problem(("dream", "opacity"), text)
    if config.flow.weights is not None and not config.flow.method.startswith("raft"):
        text = f"flow.weights is given, and flow.method is {config.flow.method}, which has none."
        yield Problem(("flow", "weights"), f"{text} It belongs to raft_small and raft_large.")
    if problem := output_problem(config.output):
        yield Problem(("output",), problem)
    else:
        yield from _encode(config.encode, config.output)
    for path, schedule in schedules(config):
        try:
            schedule.values(config.frames, config.fps, config.seed)
        except ConfigError as error:
            yield Problem(path, str(error))


def _term(index: int, term: Term) -> Iterator[Problem]:
    """Which keys of a term belong together."""

    def wrong(key: str, text: str) -> Problem:
        return Problem(("objective", index, key), f"objective.{index}.{key} {text}")

    of_a_layer = [
        key for key in ("layer", "channels", "pick", "at", "guide", "match") if getattr(term, key) is not None
    ]
    if term.classes and of_a_layer:
        yield wrong(
            of_a_layer[0], "stands beside class. Allowed: one of them in a term; give the other a term of its own."
        )
    elif not term.classes and term.layer is None:
        yield wrong(
            "layer",
            "is missing. Allowed: a layer of the network (`zoomdream layers NETWORK` lists them), or class instead.",
        )
    elif term.guide is not None and (beside := [key for key in ("channels", "pick", "at") if key in of_a_layer]):
        yield wrong(beside[0], "stands beside guide, which decides about the channels itself. Allowed: one of them.")
    elif term.guide is None and term.match is not None:
        yield wrong("match", "is given, and there is no guide. It belongs to a term with guide.")
    for key, values in (("channels", term.channels or ()), ("class", term.classes)):
        if len(set(values)) < len(values):
            yield wrong(key, f"names a {'channel' if key == 'channels' else key} twice.")


def output_problem(output: Path) -> str | None:
    """What is wrong with the name of the output, if anything."""
    if not fitting(output):
        ending = f"ends in {output.suffix}" if output.suffix else "has no extension"
        near = get_close_matches(output.suffix.lower(), CONTAINERS, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]}?" if near else ""
        return f'output is "{output}", which {ending}.{hint} Allowed: {" ".join(CONTAINERS)}.'
    if output.suffix.lower() != ".png" or "%" not in str(output):
        return None
    if "%" in str(output.parent) or not re.fullmatch(r"[^%]*%(0[1-9])?d[^%]*", output.name):
        return f'output is "{output}". Allowed for numbered pictures: one pattern such as %05d in the name of the file.'
    if output.parent.name in ("", ".."):  # the working folder and the config beside it are named after the folder
        return (
            f'output is "{output}". Allowed for numbered pictures: a folder of their own, such as frames/{output.name}.'
        )
    return None


def _encode(encode: Encode, output: Path) -> Iterator[Problem]:
    if encode.codec not in fitting(output):
        yield Problem(
            ("encode", "codec"),
            f"encode.codec is {encode.codec}, which does not fit into {output.suffix}. "
            f"Allowed there: {', '.join(fitting(output))}; "
            f"{encode.codec} fits into {', '.join(containers(encode.codec))}.",
        )
        return
    ability = ABILITIES[encode.codec]
    if encode.crf is not None and (ability.largest_crf is None or encode.crf > ability.largest_crf):
        limit = "nothing: it has no crf" if ability.largest_crf is None else f"0 to {ability.largest_crf}"
        yield Problem(("encode", "crf"), f"encode.crf is {encode.crf}. Allowed for {encode.codec}: {limit}.")
    if encode.hardware != "off":
        yield from _hardware(encode)
        return
    if encode.preset is not None and encode.preset not in ability.presets:
        yield _choice("preset", encode.preset, encode.codec, ability.presets)
    if encode.pixel_format != "auto" and encode.pixel_format not in ability.pixel_formats:
        yield _choice("pixel_format", encode.pixel_format, encode.codec, ("auto", *ability.pixel_formats))
    if isinstance(encode.audio, Path) and encode.codec in SILENT:
        text = f'encode.audio is "{encode.audio}", but {encode.codec} carries no sound. Allowed there: none.'
        yield Problem(("encode", "audio"), text)


def _hardware(encode: Encode) -> Iterator[Problem]:
    """What an encoder in hardware cannot do. It makes nothing without sound."""
    if encode.codec not in HARDWARE[encode.hardware]:
        able = [name for name, made in HARDWARE.items() if encode.codec in made]
        yield Problem(
            ("encode", "hardware"),
            f"encode.hardware is {encode.hardware}, which makes no {encode.codec}. Allowed for {encode.codec}: "
            f"{', '.join(['off', *able])}; {encode.hardware} makes {', '.join(HARDWARE[encode.hardware])}.",
        )
        return
    if encode.preset is not None:
        text = f'encode.preset is "{encode.preset[:40]}", and encode.hardware is {encode.hardware}.'
        allowed = "Allowed with it: no preset; leave it out, or set `encode.preset: null`."
        yield Problem(("encode", "preset"), f"{text} {allowed}")
    if encode.pixel_format not in ("auto", *HARDWARE_FORMATS[encode.codec]):
        listed = ", ".join(("auto", *HARDWARE_FORMATS[encode.codec]))
        text = f'encode.pixel_format is "{encode.pixel_format[:40]}". Allowed for {encode.codec} by {encode.hardware}:'
        yield Problem(("encode", "pixel_format"), f"{text} {listed}.")


def _choice(name: str, value: str, codec: Codec, choices: tuple[str, ...]) -> Problem:
    near = get_close_matches(value, choices, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]}?" if near else ""
    listed = ", ".join(choices) if choices else "nothing: it has no presets"
    return Problem(("encode", name), f'encode.{name} is "{value[:40]}".{hint} Allowed for {codec}: {listed}.')
