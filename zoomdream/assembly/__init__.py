"""Config to parts: the only package that knows both.

networks   the network and the layers that a config names
guides     pictures and clips that a dream takes after
inputs     masks and references, and whose fault it is where they cannot be read
dreaming   the dream step; drawn: its noise, ahead
octaves    the sizes at which is dreamt
timing     schedules as values per frame
memory     what is freed is kept for the next step
effort     how much of the work each frame is
zoom       the parts of a zoom
clip       the parts of a dreamt clip; ahead: what of it does not wait for the dream
"""

from __future__ import annotations

import torch
from torch import Tensor

from zoomdream.assembly.clip import clip_stages
from zoomdream.assembly.effort import effort
from zoomdream.assembly.octaves import octaves
from zoomdream.assembly.zoom import zoom_stages
from zoomdream.config import Config, VideoSource
from zoomdream.dream.aims import found_weights, layers, named_networks, network, targets
from zoomdream.dream.dreamer import emphasis
from zoomdream.machine.devices import check_device
from zoomdream.machine.malloc import keep_freed_memory
from zoomdream.pipeline import Stages
from zoomdream.types import Network, Plan

__all__ = ["effort", "emphasis", "found_weights", "layers", "named_networks", "network", "octaves", "stages", "targets"]


def stages(config: Config, planned: Plan, opened: Network | None = None, reference: Tensor | None = None) -> Stages:
    """The parts of a render, every schedule evaluated, the network on its device. Give them back with their `close`.

    opened: saves opening the network again. reference: for zooms, a picture (1, 3, H, W) whose look is held instead of
    the config's.
    """
    check_device(planned.device, config.where("performance.device"))
    torch.set_num_threads(planned.threads)
    keep_freed_memory()
    torch.backends.cudnn.deterministic = True  # or a resumed render could end with other frames
    torch.backends.cudnn.allow_tf32 = False  # or a GPU's float32 is one of 10 bits, and its dreams differ from a CPU's
    if opened is None:
        opened = network(config)
    if isinstance(config.source, VideoSource):
        return clip_stages(config, planned, opened)
    return zoom_stages(config, planned, opened, reference)
