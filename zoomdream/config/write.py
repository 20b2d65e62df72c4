"""A resolved config as text: YAML to read and load again, and canonical text to compare."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml


class _Writer(yaml.SafeDumper):
    """PyYAML writes YAML 1.1; text that YAML 1.2 would read as a number (1e3, 0o7) has to be quoted too."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(writer: _Writer, text: str) -> yaml.ScalarNode:
    # PyYAML leaves the line breaks that only Unicode knows unescaped in single quotes, and folds them when it reads.
    style = '"' if any(mark in text for mark in "\x85\u2028\u2029") else None
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Writer.add_representer(str, _text)
_Writer.add_implicit_resolver(
    "tag:yaml.org,2002:value",
    re.compile(r"[-+]?(0o[0-7]+|0x[0-9a-fA-F]+|(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?)$"),
    list("-+.0123456789"),
)


def to_yaml(tree: Mapping[str, Any]) -> str:
    """YAML that `load_config` reads back to the same tree."""
    plain = _plain(tree)
    return yaml.dump(plain, Dumper=_Writer, sort_keys=False, default_flow_style=None, allow_unicode=True, width=120)


def to_line(tree: Mapping[str, Any]) -> str:
    """The same on one line, to copy: "camera: {zoom: 1.8}"."""
    line = yaml.dump(
        _plain(tree), Dumper=_Writer, sort_keys=False, default_flow_style=True, allow_unicode=True, width=999
    )
    return line.strip()[1:-1]


def fingerprint(tree: Mapping[str, Any]) -> str:
    """One line of JSON, keys sorted, without `output`; paths by their last name."""
    return json.dumps(_plain({**tree, "output": None}, named=True), sort_keys=True, ensure_ascii=True)


def flat(tree: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    """All values of a tree with their dotted keys."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{at}{key}.")
        elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
            yield from flat({str(number): item for number, item in enumerate(value)}, f"{at}{key}.")
        else:
            yield at + key, value


def _plain(value: Any, named: bool = False) -> Any:
    match value:
        case Mapping():
            return {str(key): _plain(item, named) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item, named) for item in value]
        case Path():
            return value.name if named else str(value)
        case Fraction():
            return str(value)
        case _:
            return value
