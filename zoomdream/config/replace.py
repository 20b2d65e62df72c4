"""A config with some of its keys changed: `config.replace(seed=3, **{"camera.zoom": 1.2})`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from zoomdream.config.assemble import plain
from zoomdream.config.codecs import fitting
from zoomdream.config.defaults import default_tree
from zoomdream.config.load import load_tree
from zoomdream.config.origin import Place, steps
from zoomdream.config.override import put
from zoomdream.config.read_yaml import Tree
from zoomdream.config.schema import Config
from zoomdream.config.shorthand import written_out

_OF_A_CODEC = ("encode.codec", "encode.crf", "encode.preset", "encode.pixel_format")


def replaced(config: Config, changes: Mapping[str, Any]) -> Config:
    """The config in which each dotted key has another value, with all that follows from it; see `Config.replace`."""
    changes = dict(changes)
    output = changes.get("output")
    if isinstance(output, str | Path) and config.encode.codec not in fitting(Path(output)):
        changes = dict.fromkeys(_OF_A_CODEC) | changes  # another kind of file has another codec
    tree = Tree(plain(config.tree()), dict(config.origin.places))
    defaults = partial(default_tree, config.is_clip)
    for key, value in changes.items():
        place = Place(f"replace({key})", None, Path.cwd())
        tree = written_out(put(tree, steps(key), plain(value, steps(key)), place, defaults))
    origin = config.origin
    found = load_tree(tree, origin.root, (), None, str(config.output), origin.ask_clip, origin.listen)
    return found if origin.follow is None else origin.follow(found)
