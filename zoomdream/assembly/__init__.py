"""A config's stages: the only place where config meets the rooms.

stages   the source, camera, flow and colour of a zoom and of a clip
dream    the dream step: objective, recipes, noise, tiles
"""

from zoomdream.assembly.dream import octaves
from zoomdream.assembly.stages import open_stages
from zoomdream.assembly.targets import found_weights, layers, named_networks, network, target_names

__all__ = ["found_weights", "layers", "named_networks", "network", "octaves", "open_stages", "target_names"]
