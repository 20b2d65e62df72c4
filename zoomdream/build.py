"""Config to parts: the only module that knows both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from zoomdream.config import Config, ImageSource, Schedule
from zoomdream.errors import ConfigError, InputError
from zoomdream.media.image import read_image
from zoomdream.nets import catalog
from zoomdream.ops import color
from zoomdream.ops.border import fill_with_noise, surround
from zoomdream.ops.camera import Motion, camera_flow, integrate, outside, reveals
from zoomdream.ops.dream import Recipe, dream
from zoomdream.ops.noise import generator, natural_noise, wandering, white_noise
from zoomdream.ops.objective import Term, objective
from zoomdream.ops.pyramid import fill
from zoomdream.ops.warp import warp
from zoomdream.pipeline import Stage, Stages
from zoomdream.plan import Plan, check_device
from zoomdream.types import Layer, Network

EMPHASIS_SECONDS = 4.0  # how long a channel stays in favour; see `dream.variety`
# Where the camera reveals what was outside, this share of the picture's edges is dreamt beyond each side before it
# comes into view. Without it the rim of a zoom out is raw noise with the print of the network's own borders, like a
# frame.
OVERSCAN = 0.125


def network(config: Config) -> Network:
    """The config's network on the CPU in float32. ConfigError or InputError that names the file, line and key."""
    try:
        return catalog.open_network(config.network.name, config.network.weights)
    except (ConfigError, InputError) as error:
        for key in ("network.name", "network.weights"):
            if str(error).startswith(key):
                raise type(error)(config.where(key) + str(error)[len(key) :]) from None
        raise


def found_weights(config: Config) -> Path | None:
    """The weights file that nobody named and that is read all the same, where a user keeps such files; else None."""
    return catalog.default_weights(config.network.name) if config.network.weights is None else None


def layers(config: Config, opened: Network) -> tuple[Layer, ...]:
    """The layer of each term of the objective. Raises ConfigError that names the line for a layer or channel that is
    not there.
    """
    found = []
    for number, term in enumerate(config.objective):
        try:
            layer = catalog.find_layer(opened, term.layer)
        except ConfigError as error:
            raise ConfigError(f"{config.where(f'objective.{number}.layer')}: {error}") from None
        try:
            catalog.check_channels(layer, term.channels)
        except ConfigError as error:
            raise ConfigError(f"{config.where(f'objective.{number}')}.{error}") from None
        found.append(layer)
    return tuple(found)


def stages(config: Config, planned: Plan, opened: Network | None = None, reference: Tensor | None = None) -> Stages:
    """The parts of a render, every schedule evaluated, the network on its device.

    opened: saves opening the network again. reference: a picture (1, 3, H, W) whose look is held instead of the
    config's.
    """
    check_device(planned.device, config.where("performance.device"))
    torch.set_num_threads(planned.threads)
    torch.backends.cudnn.deterministic = True  # or a resumed render could end with other frames
    if opened is None:
        opened = network(config)
    look = _reference(config) if reference is None else color.measure(reference)
    motions = _motions(config)
    margin = _margin(config, motions)
    return Stages(
        source=lambda: surround(_source(config), margin).to(planned.device),
        camera=_camera(config, motions, margin),
        dream=_dream(config, planned, opened, look),
        color=_color(config, look),
        warmup=config.dream.warmup,
    )


def _values(config: Config, schedule: Schedule) -> list[float]:
    return schedule.values(config.frames, config.fps, config.seed)


def _size(config: Config) -> tuple[int, int]:
    width, height = config.size
    return height, width


def _source(config: Config) -> Tensor:
    if isinstance(config.source, ImageSource):
        return fill(read_image(config.source.path), _size(config))
    mean = torch.tensor(color.NATURAL.mean).view(1, 3, 1, 1)
    return (mean + 0.12 * natural_noise(_size(config), generator(config.seed, "source"))).clamp(0, 1)


def _motions(config: Config) -> tuple[Motion, ...]:
    camera = config.camera
    return integrate(
        zoom=_values(config, camera.zoom),
        rotate=_values(config, camera.rotate),
        pan=list(zip(_values(config, camera.pan[0]), _values(config, camera.pan[1]), strict=True)),
        pivot=list(zip(_values(config, camera.pivot[0]), _values(config, camera.pivot[1]), strict=True)),
        frames_per_second=float(config.fps),
    )


def _margin(config: Config, motions: tuple[Motion, ...]) -> tuple[int, int]:
    """Rows and columns that are dreamt beyond each edge of the frame; none where the camera never looks outside."""
    if config.dream.steps == 0 or not any(reveals(motion, _size(config)) for motion in motions):
        return 0, 0
    height, width = _size(config)
    return round(OVERSCAN * height), round(OVERSCAN * width)


def _camera(config: Config, motions: tuple[Motion, ...], margin: tuple[int, int]) -> Stage:
    border = config.camera.border
    height, width = _size(config)

    def move(picture: Tensor, index: int) -> Tensor:
        flow = camera_flow(motions[index], (height, width), margin, picture.device)
        if border != "noise":
            return warp(picture, flow, border)
        return fill_with_noise(warp(picture, flow, "reflect"), outside(flow), generator(config.seed, "border", index))

    return move


def _dream(config: Config, planned: Plan, opened: Network, look: color.Look) -> Stage:
    used = layers(config, opened)
    dtype: torch.dtype = getattr(torch, planned.precision)
    if isinstance(opened, nn.Module):
        opened.to(device=planned.device, dtype=dtype)
    settings = config.dream
    step_size, fresh, variety, diversity = (
        _values(config, schedule)
        for schedule in (settings.step_size, settings.noise, settings.variety, settings.diversity)
    )
    weights = [_values(config, term.weight) for term in config.objective]
    dreams = _dreams(config)
    # float16 has no numbers for GoogLeNet's small gradients (mixed3b at 1080p: 44 % are 0); normalising removes this
    loss_scale = 2.0**14 if dtype == torch.float16 else 1.0
    recipe = Recipe(
        octaves=settings.octaves,
        octave_scale=settings.octave_scale,
        steps=settings.steps,
        jitter=settings.jitter,
        normalization=settings.normalize,
        smallest=max(catalog.minimum_edge(layer) for layer in used),
        look=look,
    )

    def terms(now: int) -> tuple[Term, ...]:
        return tuple(
            Term(
                layer.name,
                weight[now],
                term.channels,
                emphasis(config.seed, layer, now / float(config.fps), variety[now], planned.device),
                diversity[now],
            )
            for term, layer, weight in zip(config.objective, used, weights, strict=True)
            if weight[now] != 0
        )

    def dreamt(picture: Tensor, index: int) -> Tensor:
        now = max(index, 0)  # the warm-up dreams as frame 0 does
        if not dreams[now]:
            return picture
        wishes = terms(now)
        if fresh[now] > 0:
            height, width = picture.shape[-2:]
            noise = white_noise((height, width), generator(config.seed, "fresh", index))
            picture = picture + fresh[now] * noise.to(picture.device)
        wanted = frozenset(wish.layer for wish in wishes)

        def climbed(image: Tensor) -> Tensor:
            return loss_scale * objective(opened(image.to(dtype), wanted), wishes)

        return dream(picture, climbed, replace(recipe, step_size=step_size[now]), seed=config.seed, frame=index)

    return dreamt


def emphasis(seed: int, layer: Layer, seconds: float, variety: float, device: str) -> Tensor | None:
    """Factors on the energy of each channel of `layer` that wander smoothly over time, mean 1; None where `variety`
    is 0.

    Each channel's logarithm has the deviation `variety`. So what is born now is not what was born a while ago: with
    all channels alike for ever, a zoom finds the same few creatures again and again, at the same places.
    """
    if variety == 0:
        return None
    factors = torch.exp(
        variety * wandering(layer.channels, seconds / EMPHASIS_SECONDS, generator(seed, "emphasis", layer.name))
    )
    return (factors / factors.mean()).to(device)


def _dreams(config: Config) -> list[bool]:
    """Whether each frame is dreamt on at all, or only moved."""
    weights = [_values(config, term.weight) for term in config.objective]
    step_size = _values(config, config.dream.step_size)
    return [
        config.dream.steps > 0 and step > 0 and any(now)
        for step, now in zip(step_size, zip(*weights, strict=True), strict=True)
    ]


def _color(config: Config, look: color.Look) -> Stage:
    share_per_second = _values(config, config.color.hold)
    dreams = _dreams(config)

    def held(picture: Tensor, index: int) -> Tensor:
        now = max(index, 0)
        picture = color.hold(picture, look, 1 - (1 - share_per_second[now]) ** (1 / float(config.fps)))
        return color.soft_limit(picture) if dreams[now] else picture  # a picture that is only moved keeps its whites

    return held


def _reference(config: Config) -> color.Look:
    if config.color.reference != "auto":
        return color.measure(fill(read_image(config.color.reference), _size(config)))
    if isinstance(config.source, ImageSource):
        return color.measure(_source(config))
    return color.NATURAL
