"""The sizes at which a config dreams, and how many steps it takes at each."""

from __future__ import annotations

from zoomdream.build.dreaming import frame_recipes
from zoomdream.build.networks import aims
from zoomdream.build.timing import height_width, motions
from zoomdream.build.zoom import overscan
from zoomdream.config import Config, VideoSource
from zoomdream.ops.dream import octave_work
from zoomdream.types import Network


def octaves(config: Config, opened: Network) -> tuple[tuple[tuple[int, int], int], ...]:
    """(height, width) and gradient steps of each octave, the coarsest first; those too small for the network are not
    among them. opened: the config's network.
    """
    height, width = height_width(config)
    rows, columns = (0, 0) if isinstance(config.source, VideoSource) else overscan(config, motions(config))
    return octave_work((height + 2 * rows, width + 2 * columns), frame_recipes(config, aims(config, opened), (0,))[0])
