"""Configs with their clips: `config` reads no files but YAML and `media` knows no keys; here the one asks the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from zoomdream import config as configs
from zoomdream.config import ClipFacts, Config, load
from zoomdream.config.origin import Place
from zoomdream.config.read_yaml import Tree
from zoomdream.errors import ConfigError


def load_config(
    source: Path | str | Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    output: Path | str | None = None,
    looking: Callable[[int], None] | None = None,
    allow_code: bool = False,
) -> Config:
    """The config of a YAML file (a path), or of a mapping with the same keys.

    overrides: "key.path=value" as after `--set`, in order. output: replaces the config's own, as `--output` does.
    Paths are relative to the YAML file, those of overrides and mappings to the working directory. A clip is decoded
    once, because it decides about size, rate and length where they are left out; meanwhile `looking` hears how many of
    its frames have been seen. allow_code: whether `network.python` may run the code that it names.

    Raises ConfigError, whose text names file, line, key, value, what is allowed and the nearest name (up to ten
    problems, one per line), and InputError for a clip that is missing, broken or of the wrong kind.
    """
    facts = partial(clip_facts, looking=looking)
    config = configs.load_config(source, overrides, output=output, clip_facts=facts)
    return config if allow_code else _without_code(config)


def load_tree(tree: Tree, root: Place, overrides: Sequence[str]) -> Config:
    """The config of values that are read already, with the places that they stand at; the rest as in `load_config`."""
    return _without_code(load.load_tree(tree, root, overrides, None, load.DEFAULT_OUTPUT, clip_facts))


def load_config_text(text: str, name: str = "the config", folder: Path | None = None) -> Config:
    """The config of a YAML text, such as one read from a video. Raises ConfigError and InputError.

    Relative paths in it are relative to `folder`, else to the working directory; errors call it `name`.
    """
    return _without_code(configs.load_config_text(text, name, folder, clip_facts=clip_facts))


def _without_code(config: Config) -> Config:
    """The config, if it runs no code of its own. ConfigError if it does."""
    if config.network.python is None:
        return config
    raise ConfigError(
        f"{config.where('network.python')} runs {config.network.python}, which can do whatever a program can. "
        "If you know that code, add --allow-code to `render` or `check` (in Python: load_config(..., allow_code=True))."
    )


def clip_facts(path: Path, which: str, looking: Callable[[int], None] | None = None) -> ClipFacts:
    """Size, rate and length of a clip, read with the ffmpeg that `encode.ffmpeg` names. Raises InputError."""
    from zoomdream.media.clip import open_clip  # brings torch along, which configs without a clip need not wait for
    from zoomdream.media.ffmpeg import executable

    clip = open_clip(executable(which), path, looking)
    return ClipFacts(clip.size, clip.fps, clip.span, grid=clip.places is not None)
