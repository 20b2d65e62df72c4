"""Every YAML key, typed and frozen: from files, `extends`, `--set` or a mapping to one resolved `Config`.

The way of a config: read_yaml (text → plain values with lines) → assemble, override (extends, --set) → load (times and
defaults) → clips (what a clip decides) → schema, schema_source, schema_render (the keys) → checks (what no key can tell
alone) → explain (problems → sentences).
Numbers over time: schedule, with expression, easing, smooth_noise and times below it.
"""

from zoomdream.config.clips import AskClip, ClipFacts
from zoomdream.config.json_schema import json_schema
from zoomdream.config.load import load_config, load_config_text
from zoomdream.config.schedule import Schedule, constant
from zoomdream.config.schema import Config, Encode, Network, Performance
from zoomdream.config.schema_objective import Term
from zoomdream.config.schema_render import Camera, Color, Dream, Flow
from zoomdream.config.schema_source import ImageSource, NoiseSource, VideoSource

__all__ = [
    "AskClip",
    "Camera",
    "ClipFacts",
    "Color",
    "Config",
    "Dream",
    "Encode",
    "Flow",
    "ImageSource",
    "Network",
    "NoiseSource",
    "Performance",
    "Schedule",
    "Term",
    "VideoSource",
    "constant",
    "json_schema",
    "load_config",
    "load_config_text",
]
