"""Stages are values: one can walk through them, send them elsewhere, and call them without a config."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
import torch
from torch import nn

from tests.made_clips import encode, numbered
from tests.tiny_network import TinyNetwork
from zoomdream import assembly, load_config, pipeline
from zoomdream.color.statistics import NATURAL, Hold
from zoomdream.flow.carry import Carry
from zoomdream.types import Plan

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
    with closing(pickle.loads(copied)) as again:
        found = [state.picture for state in pipeline.frames(again, None, config.frames)]
    assert all(torch.equal(one, other) for one, other in zip(expected, found, strict=True))


def test_a_stage_is_made_of_plain_numbers_and_called_with_a_frame() -> None:
    bright = torch.full((1, 3, 48, 64), 0.9)
    hold = Hold(NATURAL, shares=(0.0, 1.0))
    assert torch.equal(hold(bright, NATURAL, frame=0), bright)
    assert float(hold(bright, NATURAL, frame=1).mean()) == pytest.approx(sum(NATURAL.mean) / 3, abs=0.01)
    assert Carry(shares=(0.5,)).shares == (0.5,)
