"""The journey of a clip's frames, on a small drawn clip of 24 frames with a cut at frame 12."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from synthetic import clip as drawn_clip
from torch import Tensor

from tests.tiny_network import TinyNetwork
from zoomdream import assembly, pipeline
from zoomdream.api import load_config
from zoomdream.flow.bidirectional import BidirectionalFlow
from zoomdream.rendering.plan import make_plan, resolved
from zoomdream.source.prefetch import FramePrefetch
from zoomdream.stages import ClipStages
from zoomdream.types import Plan, State

PLAN = Plan(device="cpu", precision="float32", threads=1, pixel_format="yuv420p", cuts=(12,))
DREAM = {"octaves": 2, "steps": 2, "warmup": 3, "jitter": 4, "step_size": 0.01}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    drawn = drawn_clip.DrawnClip(size=(64, 96), fps=Fraction(12), seconds=2, cut=1.0)
    return drawn_clip.write(drawn, tmp_path_factory.mktemp("clip") / "drawn.mkv", encode=drawn_clip.LOSSLESS)


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One picture for a second."""
    drawn = drawn_clip.DrawnClip(size=(64, 96), fps=Fraction(1), seconds=1, cut=None)
    return drawn_clip.write(drawn, tmp_path_factory.mktemp("still") / "still.mkv", encode=drawn_clip.LOSSLESS)


Dreamt = Callable[..., list[State]]


def stages_of(path: Path, planned: Plan = PLAN, **changes: object) -> ClipStages:
    plain = {"source": {"kind": "video", "path": str(path)}, "objective": [{"layer": "shapes"}], "dream": DREAM}
    stages = assembly.open_stages(load_config(plain | changes), planned, TinyNetwork())
    assert isinstance(stages, ClipStages)
    return stages


def states(path: Path, count: int = 24, start: State | None = None, **changes: object) -> list[State]:
    with closing(stages_of(path, **changes)) as stages:
        return list(pipeline.frames(stages, start, count))


def added(state: State) -> Tensor:
    assert state.added is not None
    return state.added


def test_the_frames_after_any_state_are_those_of_a_render_that_never_stopped(clip: Path) -> None:
    whole = states(clip)
    for stop in (0, 6, 11, 12, 20):
        rest = states(clip, start=whole[stop])
        assert [state.index for state in rest] == list(range(stop + 1, 24))
        assert all(torch.equal(mine.picture, its.picture) for mine, its in zip(rest, whole[stop + 1 :], strict=True))


EVERY_4 = {**DREAM, "every": 4}


def test_the_frames_after_any_state_are_the_same_also_between_two_dreamt_ones(clip: Path) -> None:
    whole = states(clip, dream=EVERY_4)
    assert [state.index for state in whole] == list(range(24))
    assert [state.index for state in whole if state.key is None] == [0, 4, 8, 11, 12, 16, 20, 23]
    for stop in (2, 3, 10, 22):
        rest = states(clip, start=whole[stop], dream=EVERY_4)
        assert [state.index for state in rest] == list(range(stop + 1, 24))
        assert all(torch.equal(mine.picture, its.picture) for mine, its in zip(rest, whole[stop + 1 :], strict=True))


def test_frames_between_dreamt_ones_are_dreamt_as_strongly(clip: Path) -> None:
    strengths = [float(added(state).square().mean().sqrt()) for state in states(clip, dream=EVERY_4)]
    for before, after in ((0, 4), (4, 8), (12, 16), (16, 20)):
        assert min(strengths[before + 1 : after]) > 0.9 * min(strengths[before], strengths[after])
        assert max(strengths[before + 1 : after]) < 1.1 * max(strengths[before], strengths[after])


def test_what_the_dream_changes_fades_in_on_the_frames_before(still: Path) -> None:
    """Nothing moves there, so each frame between two dreamt ones lies between them."""
    dreamt = states(still, 9, fps=25, frames=9, dream=EVERY_4, flow={"carry": 0.99})
    first, last = dreamt[4].picture, dreamt[8].picture
    for share, index in ((0.25, 5), (0.5, 6), (0.75, 7)):
        between = torch.lerp(first, last, share)
        assert float((dreamt[index].picture - between).abs().mean()) < 0.2 * float((last - first).abs().mean())


def test_nothing_is_carried_across_a_cut(clip: Path) -> None:
    with closing(stages_of(clip)) as stages:
        fresh = pipeline.begin_shot(stages, 12)
        before = list(pipeline.frames(stages, None, 12))[-1]
        (after,) = pipeline.onward(before, stages, before.index)
        assert torch.equal(after.picture, fresh.picture)
    with closing(stages_of(clip, replace(PLAN, cuts=()))) as uncut:
        (carried,) = pipeline.onward(before, uncut, before.index)
        assert not torch.equal(carried.picture, fresh.picture)


def test_every_shot_begins_fully_dreamt(clip: Path) -> None:
    strengths = [float(added(state).square().mean()) for state in states(clip)]
    assert min(strengths[0], strengths[12]) > 0.3 * max(strengths)


def test_a_picture_that_stands_still_comes_to_rest_in_its_dream(still: Path) -> None:
    """Without motion the dream settles where what fades and what is dreamt anew are the same."""
    settled = states(still, 25, fps=25, frames=25)
    early, late = (
        float((settled[at + 1].picture - settled[at].picture).abs().mean() / added(settled[at]).abs().mean())
        for at in (1, 23)
    )
    assert late < 0.7 * early
    assert late < 0.1


def test_carrying_holds_the_dream_together(clip: Path) -> None:
    """Where the picture moves, the dream of the next frame resembles the last one more than if each were alone."""

    def change(carried: float) -> float:
        dreamt = states(clip, 10, flow={"carry": carried})
        steps = [added(after) - added(before) for before, after in pairwise(dreamt[4:])]
        return float(sum(step.square().mean() for step in steps) / sum(added(it).square().mean() for it in dreamt[5:]))

    assert change(0.9) < 0.5 * change(0.0)


def test_without_flow_each_frame_is_dreamt_by_itself(clip: Path) -> None:
    alone = states(clip, 6, flow={"method": "none"})
    assert torch.equal(alone[5].picture, states(clip, 6, flow={"carry": 0.0})[5].picture)


def test_without_opacity_the_clip_itself_is_shown_and_the_dream_goes_on(clip: Path) -> None:
    hidden, shown = states(clip, 5, dream={**DREAM, "opacity": 0}), states(clip, 5)
    assert all(state.seen is not None and torch.equal(state.picture, state.seen) for state in hidden)
    assert torch.equal(added(hidden[4]), added(shown[4]))


def test_a_mask_says_where_to_dream(clip: Path, tmp_path: Path) -> None:
    mask = Image.new("L", (96, 64), 0)
    mask.paste(255, (48, 0, 96, 64))
    mask.save(tmp_path / "right.png")
    state = states(clip, 6, dream={**DREAM, "mask": str(tmp_path / "right.png")})[5]
    assert not added(state)[..., :48].any()
    assert added(state)[..., 48:].abs().mean() > 0.02


def test_the_mask_counts_also_between_dreamt_frames(clip: Path, tmp_path: Path) -> None:
    mask = Image.new("L", (96, 64), 0)
    mask.paste(255, (48, 0, 96, 64))
    mask.save(tmp_path / "right.png")
    dreamt = states(clip, 8, dream={**EVERY_4, "mask": str(tmp_path / "right.png")}, camera={"pan": [-0.5, 0]})
    assert not any(added(state)[..., :48].any() for state in dreamt)
    assert all(added(state)[..., 48:].abs().mean() > 0.01 for state in dreamt)


def test_the_camera_moves_the_dream_and_not_the_clip(clip: Path) -> None:
    panned = states(clip, 4, camera={"pan": [1.0, 0]})
    plain = states(clip, 4)
    assert panned[3].seen is not None
    assert plain[3].seen is not None
    assert torch.equal(panned[3].seen, plain[3].seen)
    assert not torch.equal(added(panned[3]), added(plain[3]))


def test_cuts_are_found_once_and_told_with_the_render(clip: Path) -> None:
    config = load_config({"source": {"kind": "video", "path": str(clip)}})
    planned = make_plan(config)
    assert planned.cuts == (12,)
    told = resolved(config, planned)
    assert told.flow.cuts == (Fraction(1),)
    assert make_plan(load_config(told.tree())).cuts == (12,)
    assert make_plan(config, replace(planned, cuts=(5,))).cuts == (5,)  # what was found at the start stays


def test_cuts_count_from_where_the_render_begins(clip: Path) -> None:
    source = {"kind": "video", "path": str(clip), "start": "0.5s"}
    assert make_plan(load_config({"source": source})).cuts == (6,)
    assert make_plan(load_config({"source": source, "flow": {"cuts": ["0.75s", "1.5s"]}})).cuts == (3, 12)
    assert make_plan(load_config({"source": source, "flow": {"cuts": "off"}})).cuts == ()
    assert make_plan(load_config({"source": source, "fps": 24})).cuts == (12,)


def test_fresh_noise_is_as_strong_at_the_start_of_a_shot_as_later(still: Path) -> None:
    """The same noise in every dream of the warm-up would add up."""
    dream = {**DREAM, "step_size": 1e-6, "noise": 0.03, "warmup": 20}
    strengths = [float(added(state).std()) for state in states(still, 20, fps=20, frames=20, dream=dream)]
    assert strengths[0] < 1.5 * strengths[-1]


@dataclass(frozen=True)
class Fleeting:
    """The footage of a clip of which nothing that its first frame shows is still seen in the next."""

    footage: FramePrefetch[BidirectionalFlow]
    seen_again: float

    def source(self, index: int) -> Tensor:
        return self.footage.source(index)

    def lasting(self, index: int) -> Tensor:
        return torch.full_like(self.footage.source(index)[:, :1], self.seen_again)


def test_of_the_warm_up_a_shot_keeps_only_what_is_still_seen_in_its_second_frame(clip: Path) -> None:
    """Else what is too fast to be followed loses its dream with the second frame, for everybody to see."""

    def first(seen_again: float, warmup: int) -> Tensor:
        with closing(stages_of(clip, dream=DREAM | {"warmup": warmup, "noise": 0})) as stages:
            footage: Any = Fleeting(stages.footage, seen_again)
            return pipeline.begin_shot(replace(stages, footage=footage), 0).picture

    assert torch.equal(first(seen_again=0, warmup=3), first(seen_again=0, warmup=0))
    assert not torch.equal(first(seen_again=1, warmup=3), first(seen_again=1, warmup=0))
