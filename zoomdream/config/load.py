"""From a file or a mapping to a `Config`: assemble, resolve, validate, check, all before any work starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from zoomdream.config import assemble, checks
from zoomdream.config.codecs import ABILITIES, fitting
from zoomdream.config.explain import Problem, config_error, problems_of
from zoomdream.config.fields import rebuilt
from zoomdream.config.origin import OUTPUT_OPTION, KeyPath, Origin, Place, absolute, at_home
from zoomdream.config.override import override
from zoomdream.config.read_yaml import Tree
from zoomdream.config.schema import MOST_FRAMES, Config, bound
from zoomdream.config.shown import shown
from zoomdream.config.times import parse_rate, parse_time

DEFAULT_OUTPUT = "zoomdream.mp4"
DEFAULT_DURATION = "12s"
DEFAULT_FPS = 30
_KNOWN = {*Config.model_fields, "duration"}


def load_config(
    source: Path | str | Mapping[str, Any], overrides: Sequence[str] = (), *, output: Path | str | None = None
) -> Config:
    """The config of a YAML file (a path), or of a mapping with the same keys.

    overrides: "key.path=value" as after `--set`, in order. output: replaces the config's own, as `--output` does.
    Paths are relative to the YAML file, those of overrides and mappings to the working directory. Raises ConfigError,
    whose text names file, line, key, value, what is allowed and the nearest name; up to ten problems, one per line.
    """
    if isinstance(source, Mapping):
        return _finish(*assemble.from_mapping(source), overrides, output, DEFAULT_OUTPUT)
    path = Path(source)
    return _finish(*assemble.from_file(path), overrides, output, f"{path.stem}.mp4")


def load_config_text(text: str, name: str = "the config", folder: Path | None = None) -> Config:
    """The config of a YAML text, such as one read from a video. Raises ConfigError.

    Relative paths in it are relative to `folder`, else to the working directory; errors call it `name`.
    """
    return _finish(*assemble.from_text(text, name, folder or Path.cwd()), (), None, DEFAULT_OUTPUT)


def _finish(
    tree: Tree, root: Place, overrides: Sequence[str], output: Path | str | None, default_output: str
) -> Config:
    tree = override(tree, overrides, default_tree)
    places = dict(tree.places)
    data = {key: value for key, value in tree.value.items() if value is not None or key not in _KNOWN}
    if output is not None:
        data["output"] = str(output)
        places["output",] = Place(OUTPUT_OPTION, None, Path.cwd())
    data.setdefault("output", default_output)
    if data.get("source") == {}:
        del data["source"]
    problems = _resolve_times(data, places)
    origin = Origin(root, places)
    _resolve_encode(data)
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        raise config_error([*problems, *problems_of(error, data)], origin) from None
    if problems:
        raise config_error(problems, origin)
    config = bound(rebuilt(config, _anchoring(origin))).placed(origin)
    if found := list(checks.problems(config)):
        raise config_error(found, origin)
    return config


def default_tree() -> dict[str, Any]:
    """The config of an empty file, as plain values."""
    return Config().tree()


def _resolve_times(data: dict[str, Any], places: dict[KeyPath, Place]) -> list[Problem]:
    """Replaces `duration` by `frames`, which is duration × fps, rounded."""
    if "duration" in data and "frames" in data:
        value = data.pop("duration")
        return [
            Problem(
                ("duration",),
                f"duration ({shown(value)}) and frames ({shown(data['frames'])}) are both given. Allowed: one.",
            )
        ]
    if "frames" in data:
        return []
    value = data.pop("duration", DEFAULT_DURATION)
    try:
        fps = parse_rate(data.get("fps", DEFAULT_FPS))
    except ValueError:  # the model will say so
        return []
    try:
        position = parse_time(value)
    except ValueError as error:
        return [Problem(("duration",), f"duration is {shown(value)}. {error}")]
    exact = position.frame(1, fps)
    frames = int(exact + Fraction(1, 2))
    if not 1 <= frames <= MOST_FRAMES:
        text = f"duration is {shown(value)}, which is {frames} frames. Allowed: 1 to {MOST_FRAMES} frames."
        return [Problem(("duration",), text)]
    data["frames"] = frames
    if ("duration",) in places:
        places["frames",] = places["duration",]
    return []


def _resolve_encode(data: dict[str, Any]) -> None:
    """Fills in what depends on other keys: the codec of the output's extension, and that codec's crf and preset."""
    given = data.get("encode", {})
    if not isinstance(given, dict):
        return
    encode = data["encode"] = dict(given)
    codecs = fitting(Path(data["output"])) if isinstance(data["output"], str) else ()
    if encode.get("codec") is None and codecs:
        encode["codec"] = codecs[0]
    ability = next((ability for codec, ability in ABILITIES.items() if codec == encode.get("codec")), None)
    if ability is not None:
        filled = {"crf": ability.crf, "preset": ability.preset}
        encode.update({key: value for key, value in filled.items() if value is not None and encode.get(key) is None})


def _anchoring(origin: Origin) -> Callable[[KeyPath, Any], Any]:
    """Makes input paths absolute, each from the folder of the place where it was written; the output stays relative."""

    def anchor(at: KeyPath, value: Any) -> Any:
        if not isinstance(value, Path):
            return value
        return at_home(value) if at == ("output",) else absolute(value, origin.find(at).folder)

    return anchor
