"""The parts of a zoom: what it starts from, the camera, colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

import torch
from torch import Tensor

from zoomdream.assembly import inputs
from zoomdream.camera.border import fill_with_noise, surround
from zoomdream.camera.motion import Motion, camera_flow, combined, inverse, outside, reveals
from zoomdream.camera.warp import warp
from zoomdream.color import statistics as color
from zoomdream.color.pyramid import fill
from zoomdream.config import Config, ImageSource
from zoomdream.dream.dreamer import dreamer, dreams, masked
from zoomdream.flow.inbetween import KeyInterval, between
from zoomdream.machine.devices import to_device
from zoomdream.pipeline import Stage, ZoomStages
from zoomdream.randomness import generator, natural_noise
from zoomdream.source.picture import read_image
from zoomdream.timeline import dreamt_frames, height_width, hold_shares, motions
from zoomdream.types import Network, Plan

# Where the camera reveals what was outside, this share of the picture's edges is dreamt beyond each side before it
# comes into view. Without it the rim of a zoom out is raw noise with the print of the network's own borders, like a
# frame.
OVERSCAN = 0.125


def zoom_stages(config: Config, planned: Plan, opened: Network, reference: Tensor | None) -> ZoomStages:
    """See `build.stages`."""
    look = _reference(config) if reference is None else color.measure(reference)
    moves = motions(config)
    keys = dreamt_frames(config, ())
    margin = overscan(config, moves)
    with ExitStack() as opening:  # whatever goes wrong here closes what is open already
        dream = dreamer(config, planned, opened, keys, opening)
        mask = inputs.mask(config, opening)
        if mask is not None:
            dream = masked(dream, lambda index: to_device(surround(mask(index), margin), planned.device))
        close = opening.pop_all().close
    return ZoomStages(
        source=lambda: surround(_source(config), margin).to(planned.device),
        camera=_camera(config, moves, margin),
        dream=lambda picture, index: dream(picture, look, index, 0),
        color=_color(config, look, keys),
        between=_between(config, moves, margin),
        keys=keys,
        warmup=config.dream.warmup,
        close=close,
    )


def _source(config: Config) -> Tensor:
    if isinstance(config.source, ImageSource):
        with inputs.blaming(config, "source.path"):
            return fill(read_image(config.source.path), height_width(config))
    mean = torch.tensor(color.NATURAL.mean).view(1, 3, 1, 1)
    return (mean + 0.12 * natural_noise(height_width(config), generator(config.seed, "source"))).clamp(0, 1)


def overscan(config: Config, moves: tuple[Motion, ...]) -> tuple[int, int]:
    """Rows and columns that are dreamt beyond each edge of the frame; none where the camera never looks outside."""
    if not any(config.dream.counts) or not any(reveals(motion, height_width(config)) for motion in moves):
        return 0, 0
    height, width = height_width(config)
    return round(OVERSCAN * height), round(OVERSCAN * width)


Camera = Callable[[Tensor, int, int], Tensor]


def _camera(config: Config, moves: tuple[Motion, ...], margin: tuple[int, int]) -> Camera:
    border = config.camera.border
    size = height_width(config)

    def move(picture: Tensor, before: int, index: int) -> Tensor:
        flow = camera_flow(combined(moves[before + 1 : index + 1], size), size, margin, picture.device)
        if border != "noise":
            return warp(picture, flow, border)
        return fill_with_noise(warp(picture, flow, "reflect"), outside(flow), generator(config.seed, "border", index))

    return move


def _between(
    config: Config, moves: tuple[Motion, ...], margin: tuple[int, int]
) -> Callable[[KeyInterval, int], Tensor]:
    border = config.camera.border
    size = height_width(config)

    def at(interval: KeyInterval, index: int) -> Tensor:
        begun, ahead = (
            combined(moves[before + 1 : after + 1], size)
            for before, after in ((interval.begin, index), (index, interval.end))
        )
        there, home = (camera_flow(motion, size, margin, interval.start.device) for motion in (begun, inverse(ahead)))
        if border != "noise":
            return between(interval, index, there, home, border)
        return between(interval, index, there, home, "reflect", known=False)  # the noise that came in, and no other

    return at


def _color(config: Config, look: color.ColorStatistics, keys: Sequence[int]) -> Stage:
    shares = hold_shares(config, keys)
    active = dreams(config, keys)

    def held(picture: Tensor, index: int) -> Tensor:
        now = max(index, 0)
        picture = color.hold(picture, look, shares[now])
        return color.soft_limit(picture) if active[now] else picture  # a picture that is only moved keeps its whites

    return held


def _reference(config: Config) -> color.ColorStatistics:
    named = inputs.reference(config)
    if named is not None:
        return named
    if isinstance(config.source, ImageSource):
        return color.measure(_source(config))
    return color.NATURAL
