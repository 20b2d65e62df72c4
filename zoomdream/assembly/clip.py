"""The parts of a dreamt clip: reading it, flow, carrying, colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

import torch
from torch import Tensor

from zoomdream import ffmpeg
from zoomdream.assembly import inputs
from zoomdream.color import statistics as color
from zoomdream.config import Config, VideoSource
from zoomdream.dream.dreamer import dreamer
from zoomdream.errors import InputError
from zoomdream.flow.bidirectional import BidirectionalFlow, ConfidentFlow, estimate_motion
from zoomdream.flow.carry import carry, eroded, limit
from zoomdream.flow.estimators import open_estimator
from zoomdream.machine.devices import to_device
from zoomdream.pipeline import ClipStages, Stage
from zoomdream.source.clip.clip import frame_numbers, open_clip
from zoomdream.source.clip.decode import ClipReader
from zoomdream.source.prefetch import Ahead
from zoomdream.timeline import dreamt_frames, height_width, hold_shares, motions, values
from zoomdream.types import Network, Plan


def clip_stages(config: Config, planned: Plan, opened: Network) -> ClipStages:
    """See `build.stages`. `close` ends what reads the clip."""
    assert isinstance(config.source, VideoSource)
    size = height_width(config)
    opacity = values(config, config.dream.opacity)
    look = _look(config)
    keys = dreamt_frames(config, planned.cuts)
    motion = _motion(config, planned)
    program = ffmpeg.executable(config.encode.ffmpeg)
    with ExitStack() as opening:  # whatever goes wrong here closes what is open already
        dream = dreamer(config, planned, opened, keys, opening)
        clip = open_clip(program, config.source.path)
        end = config.source.start + config.frames / config.fps
        numbers = frame_numbers(clip, config.fps, config.source.start, end)
        reader = opening.enter_context(ClipReader(program, clip, numbers, size, config.source.fit))
        mask = inputs.mask(config, opening)

        def source(index: int) -> Tensor:
            return to_device(reader.frame(index), planned.device)

        ahead = Ahead(
            source,
            _flow(config, motion),
            _lasting(config, planned, motion, source),
            frames=config.frames,
            cuts=planned.cuts,
            threaded=planned.device != "mps",
        )
        opening.callback(ahead.close)
        close = opening.pop_all().close

    return ClipStages(
        source=ahead.source,
        look=look,
        flow=ahead.flow,
        carry=_carry(config),
        dream=dream,
        color=_color(config, keys),
        within=_within(mask, planned.device),
        lasting=ahead.lasting,
        show=lambda seen, added, index: seen + opacity[index] * added,
        cuts=frozenset(planned.cuts),
        keys=keys,
        warmup=config.dream.warmup,
        close=close,
    )


def _look(config: Config) -> Callable[[Tensor], color.ColorStatistics]:
    reference = inputs.reference(config)
    return color.measure if reference is None else lambda seen: reference


Flow = Callable[[Tensor, Tensor, int], BidirectionalFlow]
Motions = Callable[[Tensor, Tensor], BidirectionalFlow]


def _motion(config: Config, planned: Plan) -> Motions:
    """How one frame of the clip came out of another."""
    if config.flow.method == "none":
        return partial(estimate_motion, None)
    try:
        estimate = open_estimator(config.flow.method, config.flow.weights, torch.device(planned.device))
    except InputError as error:
        key = "weights" if config.flow.weights else "method"
        raise InputError(f"{config.where(f'flow.{key}')}: {str(error).removeprefix(f'flow.{key}: ')}") from None
    return partial(estimate_motion, estimate)


def _flow(config: Config, motion: Motions) -> Flow:
    """How the dream moves from frame to frame: with the clip, and with the camera over the clip."""
    moves = motions(config)
    return lambda now, before, index: motion(now, before).under(moves[index])


def _lasting(config: Config, planned: Plan, motion: Motions, source: Callable[[int], Tensor]) -> Stage:
    """A look ahead for the first frame of a shot. Without it all of that is fully dreamt, and whatever is too fast to
    be followed loses its dream with the second frame, for everybody to see.
    """

    def lasting(seen: Tensor, index: int) -> Tensor:
        if index + 1 == config.frames or index + 1 in planned.cuts:
            return torch.ones_like(seen[:, :1])
        return eroded(motion(seen, source(index + 1)).backward.confidence)

    return lasting


def _carry(config: Config) -> Callable[[Tensor, ConfidentFlow, int], Tensor]:
    shares = values(config, config.flow.carry)
    return lambda added, moved, index: carry(added, moved, shares[index])


def _color(config: Config, keys: Sequence[int]) -> Callable[[Tensor, Tensor, color.ColorStatistics, int], Tensor]:
    shares = hold_shares(config, keys)
    return lambda dreamt, seen, look, index: color.hold(dreamt, look, shares[index]) - seen


def _within(mask: Callable[[int], Tensor] | None, device: str) -> Callable[[Tensor, Tensor, int], Tensor]:
    """What can be shown of what is added; outside of the mask (1, 1, H, W) of the frame, the clip is what it was."""
    if mask is None:
        return lambda seen, added, index: limit(seen, added)
    return lambda seen, added, index: to_device(mask(index), device) * limit(seen, added)
