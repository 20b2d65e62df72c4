"""JSON Schema of the YAML, so that editors complete and check it."""

from __future__ import annotations

from typing import Any

from zoomdream.config.load import DEFAULT_DURATION
from zoomdream.config.schema import Config
from zoomdream.config.schema_objective import CLASS_DEFAULTS
from zoomdream.config.schema_render import CLIP_DEFAULTS
from zoomdream.config.times import TIMES_ALLOWED


def json_schema() -> dict[str, Any]:
    """The schema of a config file: each key with its description, unit, range and default."""
    schema = Config.model_json_schema(mode="validation")
    properties = schema["properties"]
    properties["frames"].pop("default")  # by default the duration decides
    duration = {
        "description": "Length of the render; frames = duration × fps, rounded; by default all of a clip. "
        f"Allowed: {TIMES_ALLOWED}.",
        "anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": r"^[\d.:]+\s?[sf]?$"}],
        "default": DEFAULT_DURATION,
    }
    extends = {
        "description": "Another config that this one is merged over. Allowed: a path, relative to this file.",
        "type": "string",
    }
    for place, defaults in (("On clips", CLIP_DEFAULTS), ("For classes out of noise", CLASS_DEFAULTS)):
        for key, value in defaults.items():
            *section, name = key.split(".")
            owner = schema["$defs"][section[0].capitalize()]["properties"] if section else properties
            owner[name]["description"] += f" {place} the default is {value}."
    for name in ("output", "codec"):  # their defaults depend on the file's name
        owner = properties if name == "output" else schema["$defs"]["Encode"]["properties"]
        owner[name].pop("default", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "zoomdream",
        "properties": {"extends": extends, **properties, "duration": duration},
        "not": {"required": ["duration", "frames"]},
    }
