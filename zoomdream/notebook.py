"""Dreams as tensors, for notebooks and for other encoders: a render's frames one by one, or a single picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoomdream import build, pipeline
from zoomdream.config import Config, NoiseSource
from zoomdream.errors import ConfigError
from zoomdream.loading import load_config
from zoomdream.plan import make_plan

_PICTURE = "source={kind: image, path: the picture that is given}"


def frames(config: Config | Path | str | Mapping[str, Any]) -> Iterator[Tensor]:
    """The frames of a render, one after the other, before encoding: (3, H, W) float32 RGB in [0, 1], on the CPU.

    config: a Config, or what `load_config` takes. Nothing is written.
    Raises ConfigError and InputError, at the first frame.
    """
    chosen = config if isinstance(config, Config) else load_config(config)
    stages = build.stages(chosen, make_plan(chosen))
    width, height = chosen.size
    try:
        for state in pipeline.frames(stages, None, chosen.frames):
            yield state.shown((height, width))[0].clamp(0, 1).cpu()  # a warp that is not dreamt on may overshoot
    finally:
        stages.close()


def dream(image: Tensor, config: Config | Path | str | Mapping[str, Any] | None = None, *, times: int = 10) -> Tensor:
    """One picture, dreamt on `times` times in place, without a camera. Its own light and colour are held.

    image: (3, H, W) or (1, 3, H, W) RGB in [0, 1], edges of 16 to 16384 pixels; the result has its shape, float32, on
    the CPU. config: a Config, or what `load_config` takes; its network, objective, dream, color.hold, seed and
    performance count, its size, source, camera and color.reference do not. What it leaves out is as for a render that
    begins with a picture; a Config has been filled in for its own source already. Raises ConfigError and InputError.
    """
    chosen = config if isinstance(config, Config) else load_config({} if config is None else config, [_PICTURE])
    batch = image[None] if image.ndim == 3 else image
    if batch.ndim != 4 or batch.shape[:2] != (1, 3):
        raise ConfigError(f"dream takes a picture of shape (3, H, W) or (1, 3, H, W), not {tuple(image.shape)}")
    height, width = batch.shape[-2:]
    if not (16 <= height <= 16384 and 16 <= width <= 16384):
        raise ConfigError(f"dream takes pictures with edges of 16 to 16384 pixels, not {width}x{height}")
    alone = chosen.model_copy(update={"size": (width, height), "source": NoiseSource(kind="noise")})
    planned = make_plan(alone)
    picture = batch.detach().to(planned.device, torch.float32).clamp(0, 1)
    stages = build.stages(alone, planned, reference=picture)
    assert isinstance(stages, pipeline.ZoomStages)
    for index in range(-times, 0):
        picture = stages.color(stages.dream(picture, index), index)
    stages.close()
    return picture.clamp(0, 1).cpu().reshape(image.shape)
