"""From a file or a mapping to a `Config`: assemble, resolve, validate, check, all before any work starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from zoomdream.config import assemble, checks, clips
from zoomdream.config.clips import AskClip
from zoomdream.config.defaults import (
    DEFAULT_DURATION,
    DEFAULT_FPS,
    DEFAULT_OUTPUT,
    default_tree,
    is_clip,
    with_defaults,
)
from zoomdream.config.explain import Problem, config_error, problem, problems_of
from zoomdream.config.fields import rebuilt, schedules
from zoomdream.config.origin import OUTPUT_OPTION, KeyPath, Origin, Place, absolute, as_on_disk, shown
from zoomdream.config.override import override, paths_as_written
from zoomdream.config.read_yaml import Tree
from zoomdream.config.schema import MOST_FRAMES, Config, bound
from zoomdream.config.schema_music import heard
from zoomdream.config.schema_source import ImageSource, MovingSource, Still
from zoomdream.config.shorthand import with_kind
from zoomdream.config.signals import Signals
from zoomdream.config.units import TIMES_ALLOWED, Position, parse_position, parse_rate
from zoomdream.errors import ConfigError

_KNOWN = {*Config.model_fields, "duration"}

Listen = Callable[[Config, frozenset[str]], Signals]
"""Hears a config's music: those of its functions that are asked for, by their names. Raises ConfigError, InputError."""


def load_config(
    source: Path | str | Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    output: Path | str | None = None,
    clip_facts: AskClip | None = None,
    listen: Listen | None = None,
) -> Config:
    """The config of a YAML file (a path), or of a mapping with the same keys.

    overrides: "key.path=value" as after `--set`, in order. output: replaces the config's own, as `--output` does.
    Paths are relative to the YAML file, those of overrides and mappings to the working directory. Raises ConfigError,
    whose text names file, line, key, value, what is allowed and the nearest name; up to ten problems, one per line.

    clip_facts: called with the clip where the source is one, once all keys are valid by themselves, and with a picture
    where there is no size; its InputError is raised with the place of the key. Without it a clip is a ConfigError;
    `zoomdream.load_config` passes it, and `listen`, for music alike.
    """
    if isinstance(source, Mapping):
        return load_tree(*assemble.from_mapping(source), overrides, output, DEFAULT_OUTPUT, clip_facts, listen)
    path = Path(source)
    return load_tree(*assemble.from_file(path), overrides, output, f"{path.stem}.mp4", clip_facts, listen)


def load_config_text(
    text: str,
    name: str = "the config",
    folder: Path | None = None,
    *,
    clip_facts: AskClip | None = None,
    listen: Listen | None = None,
) -> Config:
    """The config of a YAML text, such as one read from a video. Raises ConfigError, and InputError for a clip.

    Relative paths in it are relative to `folder`, else to the working directory; errors call it `name`.
    """
    root = assemble.from_text(text, name, folder or Path.cwd())
    return load_tree(*root, (), None, DEFAULT_OUTPUT, clip_facts, listen)


def load_tree(
    given: Tree,
    root: Place,
    overrides: Sequence[str],
    output: Path | str | None,
    default_output: str,
    clip_facts: AskClip | None,
    listen: Listen | None,
) -> Config:
    """The config of a tree that `assemble` made; the rest as in `load_config`."""
    if "matrix" in given.value:
        raise ConfigError(
            "this makes many renders of one file, for which `zoomdream batch` is; without it, a file is one render.",
            key="matrix",
            place=str(Origin(root, given.places).find(("matrix",))),
        )
    about_source = [text for text in overrides if text.lstrip().startswith("source")]
    clip = is_clip(with_kind(override(given, about_source, default_tree).value))
    tree = paths_as_written(override(given, overrides, partial(default_tree, clip)))
    places = dict(tree.places)
    data = {key: value for key, value in tree.value.items() if value is not None or key not in _KNOWN}
    if output is not None:
        data["output"] = str(output)
        places["output",] = Place(OUTPUT_OPTION, None, Path.cwd())
    data.setdefault("output", default_output)
    data = with_kind(data)
    if data.get("source") == {}:
        del data["source"]
    data = with_defaults(data)
    if clip:
        config = _of_clip(data, root, places, clip_facts, listen)
    else:
        config = _following(_of_picture(data, root, places, clip_facts), data, listen)
    if found := list(checks.problems(config)):
        raise config_error(found, config.origin)
    ask = getattr(clip_facts, "func", clip_facts)  # without what shows that it works, which cannot be pickled
    return config.placed(replace(config.origin, ask_clip=ask, listen=listen))


def _of_picture(data: dict[str, Any], root: Place, places: dict[KeyPath, Place], clip_facts: AskClip | None) -> Config:
    """The config of a zoom, to which a picture gives its size where there is none."""
    config = _validated(data, root, places)
    if not isinstance(config.source, ImageSource) or "size" in data or clip_facts is None:
        return config
    with config.error_context("source.path"):
        size = clips.size_of_picture(clip_facts(Still(config.source.path)).size, config.encode)
    return config if size is None else _validated({**data, "size": size}, root, places)


def _of_clip(
    data: dict[str, Any],
    root: Place,
    places: dict[KeyPath, Place],
    clip_facts: AskClip | None,
    listen: Listen | None,
) -> Config:
    """The config of a clip, which decides about what is left out."""
    length = "duration" if "duration" in data else "frames"
    # Problems that show without the clip come first: its facts take decoding all of it.
    draft = _validated(clips.in_seconds(data, Fraction(1)), root, dict(places))
    assert isinstance(draft.source, MovingSource)
    with draft.error_context("source.path"):
        if clip_facts is None:
            raise ConfigError("a clip has to be read first, which zoomdream.load_config does.")
        facts = clip_facts(draft.source.footage(draft.fps))
    data, problems = clips.with_facts(data, facts, draft.encode)
    if problems:
        raise config_error(problems, draft.origin)
    config = _following(_validated(data, root, places), data, listen)
    if problems := clips.too_long(config, facts, length):
        raise config_error(problems, draft.origin)
    return config


def _following(config: Config, data: dict[str, Any], listen: Listen | None) -> Config:
    """The config whose schedules follow its music, and whose length does where it is counted in beats or bars."""
    length = _musical(data.get("duration"))
    if config.music is None:
        if length is not None:
            text = f"is {shown(data['duration'])}, and there is no music. Add `music: {{path: a song}}` to the config."
            raise config_error([problem("duration", text)], config.origin)
        return config
    asked = set[str]().union(*(schedule.asks() for _, schedule in schedules(config))) & {*heard(data.get("music"))}
    if length is not None:
        asked.add("beats")
    if not asked:
        return config
    if listen is None:
        raise ConfigError("music has to be heard first, which zoomdream.load_config does.", key="music")
    with config.error_context("music"):
        signals = listen(config, frozenset(asked))
    if length is not None:
        seconds = signals.moment(length.amount, length.unit) - signals.moment(Fraction(0), length.unit)  # type: ignore[arg-type]
        frames = int(seconds * config.fps + Fraction(1, 2))
        if not 1 <= frames <= MOST_FRAMES:
            text = f"is {shown(data['duration'])}, which is {frames} frames. Allowed: 1 to {MOST_FRAMES} frames."
            raise config_error([problem("duration", text)], config.origin)
        config = config.model_copy(update={"frames": frames})
    return config.hearing(signals)


def _musical(duration: Any) -> Position | None:
    """A length that is counted in beats or bars; None where it is another, or none at all."""
    try:
        position = parse_position(duration)
    except ValueError:
        return None
    return position if position.musical else None


def _validated(data: dict[str, Any], root: Place, places: dict[KeyPath, Place]) -> Config:
    """The config of plain values, times and codec resolved, paths absolute."""
    data = dict(data)
    problems = [*clips.misplaced(data), *_resolve_times(data, places)]
    origin = Origin(root, places)
    try:
        config = Config.model_validate(data, context=heard(data.get("music")))
    except ValidationError as error:
        raise config_error([*problems, *problems_of(error, data)], origin) from None
    if problems:
        raise config_error(problems, origin)
    return bound(rebuilt(config, _anchoring(origin))).placed(origin)


def _resolve_times(data: dict[str, Any], places: dict[KeyPath, Place]) -> Iterator[Problem]:
    """Replaces `duration` by `frames`, which is duration × fps, rounded."""
    value = data.pop("duration", None)
    if "frames" in data:
        if value is not None:
            yield problem(
                "duration", f"({shown(value)}) and frames ({shown(data['frames'])}) are both given. Allowed: one."
            )
        return
    value = DEFAULT_DURATION if value is None else value
    try:
        fps = parse_rate(data.get("fps", DEFAULT_FPS))
    except ValueError:  # the schema reports it
        return
    try:
        position = parse_position(value, f"{TIMES_ALLOWED}, or with music beats (16b) or bars (8bars)")
        if position.unit == "%":
            raise ValueError(f"Allowed: {TIMES_ALLOWED}.")
    except ValueError as error:
        yield problem("duration", f"is {shown(value)}. {error}")
        return
    frames = 1 if position.musical else int(position.frame(1, fps) + Fraction(1, 2))  # until the music is heard
    if not 1 <= frames <= MOST_FRAMES:
        yield problem("duration", f"is {shown(value)}, which is {frames} frames. Allowed: 1 to {MOST_FRAMES} frames.")
        return
    data["frames"] = frames
    if ("duration",) in places:
        places["frames",] = places["duration",]


def _anchoring(origin: Origin) -> Callable[[KeyPath, Any], Any]:
    """Makes input paths absolute, each from the folder of the place where it was written; the output stays relative."""

    def anchor(at: KeyPath, value: Any) -> Any:
        if at == ("network", "python") and value is not None:
            return _code(value, origin.find(at).folder)
        if not isinstance(value, Path):
            return value
        if at == ("output",):
            return as_on_disk(value, Path())
        return absolute(value, origin.find(at).folder)

    return anchor


def _code(target: str, folder: Path) -> str:
    """ "FILE.py:function" with the file's absolute path; "module:function" as it is."""
    place, colon, name = target.rpartition(":")
    return f"{absolute(Path(place), folder)}{colon}{name}" if place.endswith(".py") else target
