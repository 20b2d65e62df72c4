"""What a config leaves out where it is about classes out of noise: other defaults than for layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoomdream.config.schema_objective import CLASS_DEFAULTS


def is_class_picture(data: dict[str, Any]) -> bool:
    """Whether the plain values of a config name nothing but classes as their objective, and noise as their source."""
    terms, source = data.get("objective"), data.get("source") or {"kind": "noise"}
    if not isinstance(terms, list) or not terms or not isinstance(source, dict) or source.get("kind") != "noise":
        return False
    return all(isinstance(term, dict) and term.get("class") is not None for term in terms)


def with_defaults(data: dict[str, Any]) -> dict[str, Any]:
    """The plain values with the defaults of pictures of classes for what is left out, where they make such a one."""
    return filled(data, CLASS_DEFAULTS) if is_class_picture(data) else data


def filled(data: dict[str, Any], defaults: Mapping[str, Any], over: bool = False) -> dict[str, Any]:
    """The plain values with defaults, dotted key to value, for what is left out; `over`: in place of what is there.

    A section that is none is left for the model to tell.
    """
    found = dict(data)
    for key, value in defaults.items():
        section, _, name = key.rpartition(".")
        inside = (found.get(section) or {}) if section else found
        if not isinstance(inside, dict) or (inside.get(name) is not None and not over):
            continue
        if section:
            found[section] = {**inside, name: value}
        else:
            found[name] = value
    return found
