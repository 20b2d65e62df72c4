"""Every YAML key, typed and frozen: from files, `extends`, `--set` or a mapping to one resolved `Config`.

Loading: read_yaml (text → plain values with lines) → assemble, override (extends, --set) → defaults (what is left out)
→ clips (what a clip decides) → schema, with schema_source, schema_objective, schema_render, schema_encode (the keys)
→ checks (what no key can tell alone) → explain (problems → sentences); load runs them in this order.
Numbers over time: schedule, with expression, curves and units below it. codecs: the table of codecs.
"""

from zoomdream.config.clips import ClipFacts
from zoomdream.config.defaults import json_schema
from zoomdream.config.load import load_config, load_config_text
from zoomdream.config.schedule import Schedule
from zoomdream.config.schema import Config
from zoomdream.config.schema_objective import Term
from zoomdream.config.schema_source import FramesSource, ImageSource, NoiseSource, VideoSource

__all__ = [
    "ClipFacts",
    "Config",
    "FramesSource",
    "ImageSource",
    "NoiseSource",
    "Schedule",
    "Term",
    "VideoSource",
    "json_schema",
    "load_config",
    "load_config_text",
]
