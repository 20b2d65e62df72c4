"""The stages of a config: what it reads, and the rooms' stages with the numbers of its timeline."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from zoomdream.assembly.dream import make_dreamer, make_noise, margin, recipes
from zoomdream.assembly.targets import find_targets, network
from zoomdream.camera.camera import Camera, sampling_lattices
from zoomdream.camera.droste import DrosteCamera
from zoomdream.color.pyramid import fill
from zoomdream.color.statistics import NATURAL, ColorStatistics, Hold, measure, natural_at
from zoomdream.config import Config
from zoomdream.config.octaves import beginning_size
from zoomdream.config.schema import bound
from zoomdream.flow.bidirectional import ClipMotion
from zoomdream.flow.carry import Carry
from zoomdream.flow.closing import Closing
from zoomdream.flow.estimators import open_estimator
from zoomdream.machine.devices import check_device
from zoomdream.machine.render_settings import RenderSettings
from zoomdream.randomness import frame_scale
from zoomdream.source.mask import open_mask
from zoomdream.source.open import open_source
from zoomdream.source.picture import read_image
from zoomdream.source.prefetch import FramePrefetch
from zoomdream.source.protocol import Closable, DeviceFrames, Source
from zoomdream.stages import ClipStages, DreamSchedule, DrosteStages, Stages, ZoomStages, close_all
from zoomdream.timeline import Timeline, droste_path, torus
from zoomdream.types import Network, Plan


def open_stages(
    config: Config,
    plan: Plan,
    opened: Network | None = None,
    *,
    timeline: Timeline | None = None,
    reference: Tensor | None = None,
) -> Stages:
    """The stages of a render, the networks on their device. `close` gives back what they read, and puts
    the settings of the process back.

    opened: the config's network, where it is open already. timeline: the config's, where it is known already.
    reference: for zooms, a picture (1, 3, H, W) whose colours are held instead of the config's.
    """
    with config.error_context("performance.device"):
        check_device(plan.device)
    resources: list[Closable] = [RenderSettings(plan.threads)]
    try:
        opened = network(config) if opened is None else opened
        timeline = Timeline.of(config, plan.cuts) if timeline is None else timeline
        source = open_source(config)
        if source.moving:
            return _clip(config, plan, timeline, source, opened, resources)
        held = _reference(config, source) if reference is None else measure(reference)
        if config.camera.contains_itself:
            return _droste(config, plan, timeline, source, opened, held, resources)
        return _zoom(config, plan, timeline, source, opened, held, resources)
    except BaseException:  # what is open already is closed
        close_all(resources)
        raise


def _zoom(
    config: Config,
    plan: Plan,
    timeline: Timeline,
    source: Source,
    opened: Network,
    held: ColorStatistics | None,
    resources: list[Closable],
) -> ZoomStages:
    width, height = config.size
    dream = make_dreamer(config, plan, timeline, opened, resources)
    before, after = (_neighbor(config, other, plan, opened, resources) for other in (config.before, config.after))
    lattices = sampling_lattices(timeline.motions, timeline.key_frames, timeline.active)
    if after is not None:  # what leads into the loop lies on its lattices
        lattices = (*lattices[: timeline.closing[0]], *after.camera.lattices[timeline.closing[0] - config.frames - 1 :])
    with config.error_context("source.path"):
        frames = source.open()
    stages = ZoomStages(
        source=DeviceFrames(frames, plan.device),
        camera=Camera(
            timeline.motions,
            lattices,
            (height, width),
            margin(config, timeline),
            config.camera.border,
            config.seed,
        ),
        noise=make_noise(config, plan, timeline, resources),
        dream=dream,
        mask=_mask(config, plan, resources),
        color=Hold(held, timeline.hold_shares(), natural_at(frame_scale((height, width))) if held is NATURAL else None),
        schedule=_schedule(config, timeline),
        closing=Closing(timeline.closing, config.seed) if timeline.closing else None,
        before=before,
        after=after,
    )
    begun_at = beginning_size(config.size)
    if begun_at != config.size and config.dream.warmup:
        early = config.model_copy(update={"size": begun_at})
        with config.error_context("source.path"):
            frames = open_source(early).open()
        stages = replace(
            stages,
            beginning=replace(
                stages,
                source=DeviceFrames(frames, plan.device),
                camera=replace(stages.camera, size=begun_at[::-1], margin=margin(early, timeline)),
                noise=make_noise(early, plan, timeline, resources),
                dream=replace(dream, recipes=recipes(early, timeline, find_targets(early, opened))),
                mask=_mask(early, plan, resources),
                color=Hold(held, timeline.hold_shares()),
            ),
        )
    return replace(stages, resources=tuple(resources))


def _droste(
    config: Config,
    plan: Plan,
    timeline: Timeline,
    source: Source,
    opened: Network,
    held: ColorStatistics | None,
    resources: list[Closable],
) -> DrosteStages:
    width, height = config.size
    dream = make_dreamer(config, plan, timeline, opened, resources)
    with config.error_context("source.path"):
        frames = source.open()
    pivots = zip(timeline.curve("camera.pivot.0"), timeline.curve("camera.pivot.1"), strict=True)
    return DrosteStages(
        source=DeviceFrames(frames, plan.device),
        camera=DrosteCamera(torus(config), (height, width), droste_path(config, timeline), tuple(pivots)),
        noise=make_noise(config, plan, timeline, resources),
        dream=dream,
        color=Hold(held and replace(held, tilt=()), timeline.hold_shares()),  # edges that meet have no tilt
        growth=timeline.growth,
        seed=config.seed,
        schedule=_schedule(config, timeline),
        resources=tuple(resources),
    )


def _neighbor(
    config: Config, other: Config | None, plan: Plan, opened: Network, resources: list[Closable]
) -> ZoomStages | None:
    """The stages of a film that comes before or after, in the size and on the device of this one; of a film that closes
    into a loop, which ends as that does, the loop's. `resources` closes them.
    """
    while other is not None and other.after is not None:
        other = other.after
    if other is None:
        return None
    other = bound(other.model_copy(update={"size": config.size, "performance": config.performance}))
    stages = open_stages(other, plan, opened if other.network == config.network else None)
    resources.append(stages)
    assert isinstance(stages, ZoomStages)
    if stages.closing is not None:
        return stages
    motions, lattices = stages.camera.motions, stages.camera.lattices  # it moves on as in its last frame
    camera = replace(stages.camera, motions=(*motions, motions[-1]), lattices=(*lattices, (0.0, 0.0)))
    key_frames = (*stages.schedule.key_frames, other.frames)
    return replace(stages, camera=camera, schedule=replace(stages.schedule, key_frames=key_frames))


def _clip(
    config: Config, plan: Plan, timeline: Timeline, source: Source, opened: Network, resources: list[Closable]
) -> ClipStages:
    dream = make_dreamer(config, plan, timeline, opened, resources)
    mask = _mask(config, plan, resources)
    with config.error_context("source.path"):
        frames = source.open()
    resources.append(frames)
    estimator = None
    if config.flow.method != "none":
        with config.error_context("flow.weights" if config.flow.weights else "flow.method"):
            estimator = open_estimator(config.flow.method, config.flow.weights, torch.device(plan.device))
    motion = ClipMotion(estimator, DeviceFrames(frames, plan.device), timeline.motions, timeline.shots, config.frames)
    footage = FramePrefetch(
        motion.frame,
        motion.flow,
        motion.lasting,
        frames=config.frames,
        cuts=timeline.shots,
        threaded=plan.device != "mps",  # not every GPU's operations may come from two threads
    )
    resources.append(footage)
    return ClipStages(
        footage=footage,
        carry=Carry(timeline.carry_shares()),
        noise=make_noise(config, plan, timeline, resources),
        dream=dream,
        mask=mask,
        color=Hold(_reference(config, source), timeline.hold_shares()),
        opacity=timeline.curve("dream.opacity"),
        schedule=_schedule(config, timeline),
        resources=tuple(resources),
    )


def _schedule(config: Config, timeline: Timeline) -> DreamSchedule:
    key_frames = (*timeline.key_frames, *timeline.closing[-1:])
    return DreamSchedule(key_frames, timeline.shots, config.dream.warmup, timeline.interval is not None)


def _mask(config: Config, plan: Plan, resources: list[Closable]) -> DeviceFrames | None:
    """Where to dream; None: everywhere. InputError if the file is neither a picture nor a clip."""
    if config.dream.mask is None:
        return None
    width, height = config.size
    with config.error_context("dream.mask"):
        mask = open_mask(config.dream.mask, config.frames, config.fps, (height, width))
    resources.append(mask)
    return DeviceFrames(mask, plan.device)


def _reference(config: Config, source: Source) -> ColorStatistics | None:
    """The colours that are held; None: each frame's own. InputError if `color.reference` is no picture."""
    width, height = config.size
    if config.color.reference == "auto":
        with config.error_context("source.path"):
            return source.colors()
    with config.error_context("color.reference"):
        return measure(fill(read_image(config.color.reference), (height, width)))
