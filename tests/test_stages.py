"""Stages are values: one can walk through them, send them elsewhere, and call them without a config."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.made_clips import encode, numbered
from tests.tiny_network import TinyNetwork
from zoomdream import assembly, load_config, pipeline
from zoomdream.camera.camera import Camera
from zoomdream.camera.motion import Motion
from zoomdream.color.statistics import NATURAL, ColorStatistics, Hold
from zoomdream.flow.bidirectional import BidirectionalFlow, ConfidentFlow
from zoomdream.flow.carry import Carry
from zoomdream.machine.render_settings import RenderSettings
from zoomdream.stages import ClipStages, DreamSchedule, ZoomStages
from zoomdream.types import Plan, State

PLAN = Plan(device="cpu", precision="float32", threads=1, pixel_format="yuv420p")
PLAIN: dict[str, Any] = {
    "size": [64, 48],
    "frames": 4,
    "objective": [{"layer": "shapes", "pick": "strongest 2"}],
    "dream": {"octaves": 2, "steps": 1, "warmup": 1, "jitter": 4, "turn": 3, "blur": 0.3},
}


@pytest.fixture(params=["zoom", "clip"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    clip = encode(tmp_path / "a.mkv", numbered(4))
    dream = {**PLAIN["dream"], "mask": str(clip), "every": 2}
    source = {"kind": "noise"} if request.param == "zoom" else {"kind": "video", "path": str(clip)}
    guide = {"layer": "shapes", "guide": str(clip), "weight": "u"}
    return load_config(PLAIN | {"source": source, "dream": dream, "objective": [*PLAIN["objective"], guide]})


def walk(value: Any, path: str = "stages") -> Iterator[tuple[str, Any]]:
    """Every value that can be reached through the fields of dataclasses and through tuples."""
    yield path, value
    if is_dataclass(value):
        for field in fields(value):
            yield from walk(getattr(value, field.name), f"{path}.{field.name}")
    elif isinstance(value, tuple | list):
        for number, item in enumerate(value):
            yield from walk(item, f"{path}[{number}]")
    elif isinstance(value, functools.partial):
        yield from walk((value.func, *value.args, *value.keywords.values()), path)


def test_no_field_of_a_stage_holds_a_closure_or_a_lambda(config: Any) -> None:
    with closing(assembly.open_stages(config, PLAN, TinyNetwork())) as stages:
        reached = dict(walk(stages))
    assert len(reached) > 30
    assert any(isinstance(value, nn.Module) for value in reached.values())
    for path, value in reached.items():
        if isinstance(value, FunctionType):
            assert value.__closure__ is None, path
            assert value.__name__ != "<lambda>", path


def test_stages_that_were_pickled_make_the_same_frames(config: Any) -> None:
    with closing(assembly.open_stages(config, PLAN, TinyNetwork())) as stages:
        copied = pickle.dumps(stages)
        expected = [state.picture for state in pipeline.frames(stages, None, config.frames)]
    # The number of threads decides about the last bits, and is the process's, not the stages'.
    with closing(RenderSettings(PLAN.threads)), closing(pickle.loads(copied)) as again:
        found = [state.picture for state in pipeline.frames(again, None, config.frames)]
    assert all(torch.equal(one, other) for one, other in zip(expected, found, strict=True))


def test_a_stage_is_made_of_plain_numbers_and_called_with_a_frame() -> None:
    bright = torch.full((1, 3, 48, 64), 0.9)
    hold = Hold(NATURAL, shares=(0.0, 1.0))
    assert torch.equal(hold(bright, NATURAL, frame=0), bright)
    assert float(hold(bright, NATURAL, frame=1).mean()) == pytest.approx(sum(NATURAL.mean) / 3, abs=0.01)
    assert Carry(shares=(0.5,)).shares == (0.5,)


@dataclass(frozen=True)
class Brightens:
    """A dream that makes all of a picture brighter by a tenth."""

    def dreams_on(self, frame: int) -> bool:
        return True

    def __call__(self, picture: Tensor, colors: ColorStatistics, frame: int, share: float = 1) -> Tensor:
        return picture + 0.1 * share


@dataclass(frozen=True)
class Lost:
    """Footage without motion: the same picture again and again, in which nothing can be followed, or all of it."""

    confidence: float

    def source(self, index: int) -> Tensor:
        return PICTURE

    def flow(self, index: int) -> BidirectionalFlow:
        still, sure = torch.zeros(1, 2, 48, 64), torch.full((1, 1, 48, 64), self.confidence)
        return BidirectionalFlow(ConfidentFlow(still, sure), (still, still), followed=self.confidence > 0.8)


PICTURE = 0.4 + 0.2 * torch.rand((1, 3, 48, 64), generator=torch.Generator().manual_seed(1))
SCHEDULE = DreamSchedule(key_frames=(0, 2), shots=(0,), warmup=0)
FREE, FULLY_HELD = (Hold(None, (share,) * 4) for share in (0.0, 1.0))


def grain(picture: Tensor, frame: int, again: int = 0) -> Tensor:
    return picture + 0.05


def one_column(frame: int) -> Tensor:
    """A mask that is open in the column with the number of the frame."""
    return (torch.arange(64) == frame).float().expand(1, 1, 48, 64)


def zoom(**changes: Any) -> ZoomStages:
    """A zoom of a camera that stands still."""
    camera = Camera((Motion(),) * 4, ((0.0, 0.0),) * 4, (48, 64), (0, 0), "reflect", seed=1)
    plain = {"source": None, "noise": grain, "dream": Brightens(), "mask": None, "color": FREE, "schedule": SCHEDULE}
    return ZoomStages(**plain | {"camera": camera} | changes)


def clip(**changes: Any) -> ClipStages:
    plain = {"footage": Lost(0.0), "carry": Carry((0.9,) * 4), "opacity": (1.0,) * 4, "noise": lambda seen, *_: seen}
    return ClipStages(**plain | {"dream": Brightens(), "mask": None, "color": FREE, "schedule": SCHEDULE} | changes)


def test_a_zoom_is_dreamed_on_where_the_mask_is_now_and_stays_as_it_was_elsewhere() -> None:
    change = pipeline.dream_on_zoom(PICTURE, zoom(mask=one_column), frame=2) - PICTURE
    assert change.abs().amax(dim=(0, 1, 2)).nonzero().tolist() == [[2]]


def test_a_clip_is_dreamed_on_where_the_mask_is_now() -> None:
    change = pipeline.dream_on_clip(PICTURE, torch.zeros_like(PICTURE), clip(mask=one_column), 2).picture - PICTURE
    assert change.abs().amax(dim=(0, 1, 2)).nonzero().tolist() == [[2]]


def dreamed_on(confidence: dict[int, float], *, adaptive: bool = True, start: State | None = None) -> list[int]:
    """The frames of a clip of nine that are dreamed on, of which 4 and 8 are key frames."""

    @dataclass(frozen=True)
    class Footage(Lost):
        def flow(self, index: int) -> BidirectionalFlow:
            return Lost(confidence.get(index, 1.0)).flow(index)

        def lasting(self, index: int) -> Tensor:
            return torch.ones(1, 1, 48, 64)

    schedule = DreamSchedule(key_frames=(0, 4, 8), shots=(0,), warmup=0, adaptive=adaptive)
    many = {"carry": Carry((0.9,) * 9), "opacity": (1.0,) * 9, "color": Hold(None, (0.0,) * 9), "schedule": schedule}
    return [state.index for state in pipeline.frames(clip(footage=Footage(1.0), **many), start, 9) if state.key is None]


def test_a_clip_is_also_dreamed_on_where_nothing_can_be_carried() -> None:
    assert dreamed_on({}) == [0, 4, 8]
    assert dreamed_on({2: 0.3, 3: 0.3, 6: 0.5}) == [0, 2, 3, 4, 6, 8]
    assert dreamed_on(dict.fromkeys(range(9), 0.0)) == list(range(9))
    assert dreamed_on({2: 0.3}, adaptive=False) == [0, 4, 8], "dream.every counts for itself"


def test_a_clip_that_goes_on_dreams_on_the_same_frames() -> None:
    zeros = torch.zeros_like(PICTURE)
    for frame, left in ((2, [3, 4, 6, 8]), (4, [6, 8]), (6, [8])):
        assert dreamed_on({2: 0.3, 3: 0.3, 6: 0.5}, start=State(frame, PICTURE, PICTURE, zeros)) == left


def test_a_dream_makes_up_for_the_time_since_the_last_one_also_where_one_came_between() -> None:
    schedule = DreamSchedule(key_frames=(0, 4, 8), shots=(0,), warmup=0, adaptive=True)
    assert schedule.share(0, 4) == 1
    assert schedule.share(0, 2) == 2, "what is meant for one frame, twice"
    assert schedule.share(2, 4) == 0.5
    hold = Hold(NATURAL, shares=(0.75,))
    picture = torch.full((1, 3, 48, 64), 0.9)
    twice = hold(hold(picture, NATURAL, 0, 0.5), NATURAL, 0, 0.5)
    assert torch.allclose(twice, hold(picture, NATURAL, 0), atol=0.02)


def test_colour_is_held_behind_the_mask_too() -> None:
    closed = zoom(mask=lambda frame: torch.zeros(1, 1, 48, 64), color=Hold(NATURAL, (1.0,) * 4))
    held = pipeline.dream_on_zoom(PICTURE, closed, frame=1).mean(dim=(0, 2, 3))
    assert held.tolist() == pytest.approx(NATURAL.mean, abs=0.01)


def test_without_a_reference_colour_is_held_to_the_picture_before_the_dream() -> None:
    held = pipeline.dream_on_zoom(PICTURE, zoom(color=FULLY_HELD), frame=1)
    assert float(held.mean()) == pytest.approx(float(PICTURE.mean()), abs=0.005)


def test_a_clips_colour_is_held_to_its_own_frame_without_what_was_carried_to_it() -> None:
    held = pipeline.dream_on_clip(PICTURE, torch.full_like(PICTURE, 0.2), clip(color=FULLY_HELD), 1).picture
    assert float(held.mean()) == pytest.approx(float(PICTURE.mean()), abs=0.005)


def test_what_is_added_to_a_clip_never_leaves_the_range_and_leaves_its_whites_alone() -> None:
    bright, nothing = torch.full_like(PICTURE, 0.95), torch.zeros_like(PICTURE)
    assert float(pipeline.show_clip(bright, nothing + 0.5, clip(), 1).picture.max()) < 1
    assert torch.equal(pipeline.show_clip(bright, nothing, clip(), 1).picture, bright)


def test_new_detail_comes_in_by_and_by_where_things_were_only_seen_in_some_of_the_frames_since_the_key_frame() -> None:
    key = State(0, PICTURE, PICTURE, torch.zeros_like(PICTURE))
    lost, followed = (list(pipeline.clip_on(key, clip(footage=Lost(sure)), 2))[-1].of_clip()[1] for sure in (0.0, 1.0))
    assert float(lost.mean()) == pytest.approx(0.05, abs=0.005)
    assert float(followed.mean()) == pytest.approx(0.1, abs=0.005)
