"""A render as plain values: what the render loop must know, and nothing of the config's own shape."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch

from zoomdream import assembly, ffmpeg
from zoomdream.config import Config
from zoomdream.config.codecs import is_numbered
from zoomdream.config.origin import KeyPath, dotted
from zoomdream.encode import metadata
from zoomdream.encode.segment import EncodeSettings
from zoomdream.encode.sound import Sound, fit
from zoomdream.errors import ConfigError, InputError
from zoomdream.machine.files import content_hash, read_regular
from zoomdream.networks import catalog
from zoomdream.rendering.plan import make_plan, resolved
from zoomdream.rendering.run import FILE as RUN_FILE
from zoomdream.rendering.run import parse_plan, parse_run
from zoomdream.rendering.state_file import STATE_FILE
from zoomdream.rendering.workspace import working_folder
from zoomdream.source.open import open_source
from zoomdream.source.sound import find_soundtrack
from zoomdream.types import Plan
from zoomdream.version import __version__

_MADE_WITH = "# made with "
_DRAFT = "draft"
_SOURCE = "source.path"


@dataclass(frozen=True, slots=True)
class Job:
    """A render as plain values.

    fingerprint is equal for equal renders; config is what is stored in the file; plan holds all that was `auto`.
    """

    output: Path
    frames: int
    settings: EncodeSettings
    fingerprint: str
    config: str
    sound: Sound | None
    plan: Plan
    seed: int
    looped: bool = False
    keep_ends: bool = False


def make_job(
    config: Config,
    plan: Plan | None = None,
    told: Callable[[Config], Config] | None = None,
    *,
    draft: bool = False,
) -> Job:
    """What the render loop must know of a config. Raises ConfigError, and InputError for its files.

    plan: where it has been made already. told: makes of the resolved config what is stored in the file. draft: whether
    any later render may replace it.
    """
    with config.error_context():
        _check_output(config)
        plan = plan or make_plan(config)
        config = resolved(config, plan)
        settings = encode_settings(config, plan)
        settings.check()
        made_with = {**asdict(plan), **versions(settings.program), **({_DRAFT: True} if draft else {})}
        # The plan is stored even where the config is not: a finished render is known by a fingerprint that holds it.
        text = f"{_MADE_WITH}{json.dumps(made_with)}\n"
        if config.encode.metadata:
            text += (config if told is None else told(config)).to_yaml()
        return Job(
            output=config.output,
            frames=config.frames,
            settings=settings,
            fingerprint=fingerprint(config),
            config=text,
            sound=_sound(config),
            plan=plan,
            seed=config.seed,
            looped=bool(config.loop),
            keep_ends=config.encode.keep_ends,
        )


def encode_settings(config: Config, plan: Plan) -> EncodeSettings:
    """How a resolved config's frames become a file."""
    encode = config.encode
    with config.error_context(_SOURCE):
        alpha = open_source(config).alpha
    return EncodeSettings(
        codec=encode.codec,
        width=config.size[0],
        height=config.size[1],
        fps=config.fps,
        pixel_format=plan.pixel_format,
        program=ffmpeg.executable(encode.ffmpeg),
        crf=encode.crf,
        preset=encode.preset,
        threads=plan.encoder_threads,
        still=encode.codec == "png" and not is_numbered(config.output),
        hardware=encode.hardware,
        alpha=alpha,
    )


def _sound(config: Config) -> Sound | None:
    """The soundtrack that the config asks for. ConfigError if there is no such track, InputError if it cannot be
    read.
    """
    audio, wanted = config.encode.audio, config.encode.audio_track
    length, suffix = config.frames / config.fps, config.output.suffix.lower()
    if isinstance(audio, Path):
        with config.error_context("encode.audio"):
            follows = config.music is not None and config.music.path in (None, audio)
            skipped = config.music.offset if config.music is not None and follows else Fraction(0)
            track = find_soundtrack(audio, wanted, None, length, True, skipped)
            if track is None:
                raise InputError(f"{audio} has no soundtrack that ffmpeg can read.")
            return fit(track, suffix, bool(config.loop))
    with config.error_context(_SOURCE):
        sound = None if audio == "none" else open_source(config).sound
        track = None if sound is None else find_soundtrack(sound.path, wanted, sound.begin, length, sound.whole)
        return None if track is None else fit(track, suffix, bool(config.loop))


def _check_output(config: Config) -> None:
    """ConfigError if the output would replace one of the render's own inputs."""
    output, numbered = config.output, is_numbered(config.output)
    replaced = [output.with_name(output.name % number) for number in numbers(output)] if numbered else [output]
    there = {_identity(path) for path in replaced if path.exists()}
    if any(path.exists() and _identity(path) in there for path in inputs(config)):
        what = "names files" if numbered else "is a file"
        raise ConfigError(f"{output} {what} that this render reads. Choose another name.", key="output")


def _identity(path: Path) -> tuple[int, int]:
    """Equal for two names of one file."""
    found = path.stat()
    return found.st_dev, found.st_ino


def numbers(output: Path) -> set[int]:
    """The numbers of the pictures that are there."""
    found = re.fullmatch(r"([^%]*)%0?(\d*)d([^%]*)", output.name)
    if found is None:
        raise ConfigError(f"{output.name} must hold one number such as %05d.", key="output")
    pattern = re.compile(re.escape(found[1]) + r"(\d+)" + re.escape(found[3]))
    if not output.parent.is_dir():
        return set()
    return {int(match[1]) for entry in output.parent.iterdir() if (match := pattern.fullmatch(entry.name))}


def fingerprint(config: Config) -> str:
    """SHA-256 (hexadecimal) of the resolved config without `output`, and of the content of its input files, the
    embedded weights among them.
    """
    digest = hashlib.sha256(config.fingerprint_text().encode())
    for other in (config.before, config.after):
        if other is not None:
            digest.update(fingerprint(other).encode())
    for key, path in _read_files(config):
        with config.error_context(key):
            digest.update(content_hash(path))
    for path in assembly.found_weights(config):
        with config.error_context("network.python" if path.suffix == ".py" else ""):
            digest.update(content_hash(path))
    for name, weights in assembly.named_networks(config):
        embedded = catalog.embedded_checksum(name) if weights is None else None
        if embedded is not None:
            digest.update(embedded.encode())
    return digest.hexdigest()


def recall(output: Path, program: Path) -> Plan | None:
    """The plan that an unfinished or a finished render of `output` was made with; None where there is none to be
    read, and for drafts, in whose place comes what may be of another clip.
    """
    folder = working_folder(output)
    try:
        # Without a finished segment the next render begins anew, perhaps of another clip that cuts elsewhere.
        if (folder / STATE_FILE).exists():
            run = parse_run(read_regular(folder / RUN_FILE))
            return None if is_draft(run.config) else run.plan
    except (OSError, ValueError):
        pass
    try:
        origin = metadata.read_origin(program, output)
    except InputError:
        return None
    return None if origin is None or is_draft(origin.config) else parse_plan(_made_with(origin.config))


def is_draft(stored: str) -> bool:
    """Whether what is stored in a file says that any later render may replace it."""
    made_with = _made_with(stored)
    return isinstance(made_with, dict) and made_with.get(_DRAFT) is True


def _made_with(stored: str) -> object:
    """What the head of a stored config says of the plan, versions and drafts; None if it is damaged."""
    try:
        return json.loads(stored.partition("\n")[0].removeprefix(_MADE_WITH))
    except (ValueError, RecursionError):
        return None


def versions(program: Path) -> dict[str, str]:
    """What frames and bytes depend on besides the config: pyramids and flow on OpenCV, cuts on PySceneDetect."""
    try:
        import cv2
    except ImportError:  # a system library is missing: zooms are rendered without it
        opencv = "missing"
    else:
        opencv = cv2.__version__
    return {
        "zoomdream": __version__,
        "torch": torch.__version__,
        "opencv": opencv,
        "scenedetect": importlib.metadata.version("scenedetect"),
        "ffmpeg": ffmpeg.version(program),
    }


def inputs(config: Config) -> Iterator[Path]:
    """Every file that the render reads, also weights that nobody named."""
    yield from (path for _, path in _read_files(config))
    yield from assembly.found_weights(config)


def _read_files(config: Config) -> Iterator[tuple[str, Path]]:
    """Every file that the config means to be read, with its dotted key; of numbered pictures each."""
    for key, path in named_paths(config):
        if key == _SOURCE:
            with config.error_context(key):
                yield from ((key, file) for file in open_source(config).files)
        else:
            yield key, path


def named_paths(config: Config) -> Iterator[tuple[str, Path]]:
    """Every path that the config names to be read, with its dotted key: files, a folder or a pattern of pictures."""
    tree = config.tree()
    tree.pop("output", None)
    return _paths(tree, ())


def _paths(value: Any, at: KeyPath) -> Iterator[tuple[str, Path]]:
    """All paths in a tree of plain values, in its order, with their dotted keys; `at` is the tree's own."""
    if isinstance(value, Path):
        yield dotted(at), value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _paths(item, (*at, key))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _paths(item, (*at, number))
