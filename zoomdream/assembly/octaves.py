"""The sizes at which a config dreams, and how many steps it takes at each."""

from __future__ import annotations

from zoomdream.assembly.zoom import overscan
from zoomdream.config import Config, VideoSource
from zoomdream.dream.aims import aims
from zoomdream.dream.dreamer import frame_recipes
from zoomdream.dream.octaves import octave_work
from zoomdream.timeline import height_width, motions
from zoomdream.types import Network


def octaves(config: Config, opened: Network) -> tuple[tuple[tuple[int, int], int], ...]:
    """(height, width) and gradient steps of each octave, the coarsest first; those too small for the network are not
    among them. opened: the config's network.
    """
    height, width = height_width(config)
    rows, columns = (0, 0) if isinstance(config.source, VideoSource) else overscan(config, motions(config))
    return octave_work((height + 2 * rows, width + 2 * columns), frame_recipes(config, aims(config, opened), (0,))[0])
