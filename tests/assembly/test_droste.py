"""The Droste space from a config to its frames: what is dreamt once comes back for ever."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.tiny_network import TinyNetwork
from zoomdream import assembly, load_config, pipeline, pipeline_droste
from zoomdream.camera.droste import Levels
from zoomdream.config import Config
from zoomdream.rendering.state_file import read_state, save_state
from zoomdream.stages import DrosteStages
from zoomdream.timeline import droste_note
from zoomdream.types import Plan, State

PLAN = Plan(device="cpu", precision="float32", threads=1, pixel_format="yuv420p")


def configured(droste: dict[str, Any] | None = None, **changes: Any) -> Config:
    camera = {"space": "droste", "zoom": 4, "rotate": 0, "droste": {"period": 2, **(droste or {})}}
    plain = {
        "size": [96, 64],
        "frames": 13,
        "fps": 12,
        "objective": [{"layer": "shapes"}],
        "dream": {"octaves": 2, "steps": 2, "warmup": 2},
        "camera": camera | changes.pop("camera", {}),
    }
    return load_config(plain | changes)


def opened(config: Config) -> DrosteStages:
    stages = assembly.open_stages(config, PLAN, TinyNetwork())
    assert isinstance(stages, DrosteStages)
    return stages


def states(config: Config, start: State | None = None) -> list[State]:
    return list(pipeline.frames(opened(config), start, config.frames))


def psnr(one: Tensor, other: Tensor) -> float:
    return -10 * math.log10(float((one - other).square().mean()) + 1e-12)


def test_a_film_of_one_period_ends_with_the_frame_that_it_began_with() -> None:
    film = states(configured())
    assert [state.index for state in film] == list(range(13))
    assert all(state.picture.shape == (1, 3, 64, 96) for state in film)
    assert psnr(film[0].picture, film[12].picture) > 60
    assert psnr(film[0].picture, film[6].picture) < 35


def test_arms_are_seen_again_after_a_part_of_a_turn() -> None:
    turning = configured({"arms": 4}, camera={"zoom": 1, "rotate": 90})
    assert psnr(states(turning)[0].picture, states(turning)[12].picture) > 60
    assert psnr(states(turning)[0].picture, states(turning)[6].picture) < 35


def test_the_frames_after_any_state_are_those_of_a_render_that_never_stopped() -> None:
    for droste in ({}, {"alive": 3}):
        whole = states(configured(droste))
        for stop in (0, 5, 8):
            rest = states(configured(droste), start=whole[stop])
            assert [state.index for state in rest] == list(range(stop + 1, 13))
            assert all(
                torch.equal(one.picture, other.picture) for one, other in zip(rest, whole[stop + 1 :], strict=True)
            )


def test_a_state_from_the_disk_goes_on_as_the_one_that_was_written(tmp_path: Path) -> None:
    whole = states(configured())
    save_state(tmp_path / "state", whole[5])
    rest = states(configured(), start=read_state(tmp_path / "state"))
    pairs = zip(rest, whole[6:], strict=True)
    assert all(torch.equal(one.picture, other.picture) for one, other in pairs)


def test_the_network_is_asked_only_before_the_film_unless_the_picture_is_alive() -> None:
    network = TinyNetwork()
    film = pipeline.frames(assembly.open_stages(configured(), PLAN, network), None, 13)
    next(film)
    asked = len(network.asked)
    assert len({state.key.picture.data_ptr() for state in film if state.key}) == 1
    assert len(network.asked) == asked > 0


def test_a_living_picture_goes_evenly_from_dream_to_dream() -> None:
    still = {"camera": {"zoom": 1, "rotate": 0}}
    film = [state.picture for state in states(configured({"alive": 3}, **still))]
    changes = [float((after - before).abs().mean()) for before, after in pairwise(film)]
    for begin in (0, 4, 8):  # three dreams a second, at 12 frames
        assert changes[begin : begin + 4] == pytest.approx([changes[begin]] * 4, rel=1e-3)
        assert changes[begin] > 0
    assert torch.equal(*(state.picture for state in states(configured({}, **still))[:2]))


@pytest.mark.parametrize("axis", [2, 3])
def test_what_is_alike_all_around_stays_so_whatever_is_dreamt(axis: int) -> None:
    """No border of the network shows: what has its stride as a period keeps it."""
    film = opened(configured(dream={"octaves": 1, "steps": 3, "warmup": 0, "step_size": 0.02}))
    strip = torch.rand((1, 3, 64, 128), generator=torch.Generator().manual_seed(1))
    strip = strip.mean(dim=axis, keepdim=True).expand(1, 3, 64, 128)
    dreamt = pipeline_droste.dream_on_strip(strip, film, 0)
    assert (dreamt - strip).abs().mean() > 0.01
    assert (dreamt - dreamt.roll(4, axis)).abs().mean() < 3e-4


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Red to the right, green to the bottom, blue along both: every place has another colour."""
    x, y = torch.meshgrid(torch.linspace(0, 1, 96), torch.linspace(0, 1, 64), indexing="xy")
    levels = torch.stack([x, y, (x + y) / 2], dim=-1).mul(255).byte().numpy()
    Image.fromarray(levels).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_a_picture_is_the_first_frame_and_contains_itself(picture: Path) -> None:
    config = configured(
        source={"kind": "image", "path": str(picture)}, dream={"steps": 0}, camera={"pivot": [0.4, 0.6]}
    )
    begun, *_, later = states(config)
    original = to_tensor(Image.open(picture))
    middle = original[:, :, 16:54, 18:72], begun.picture[:, :, 16:54, 18:72]
    outer = torch.ones(64, 96, dtype=torch.bool)
    outer[22:56, 22:66] = False  # where the smaller copy is: a quarter of the edges, around the pivot
    outer[:7], outer[-7:], outer[:, :9], outer[:, -9:] = (
        False,
        False,
        False,
        False,
    )  # the rim blends into what it lies in
    assert psnr(begun.picture[..., outer], original[..., outer]) > 35
    assert psnr(*middle) < 25
    assert psnr(later.picture, begun.picture) > 60


def to_tensor(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255


@pytest.mark.parametrize("droste", [{}, {"arms": 3}, {"period": 4, "twist": 1}])
def test_a_loop_takes_the_speeds_next_to_the_wanted_ones_that_close_it(droste: dict[str, Any]) -> None:
    config = configured(droste, loop=True, camera={"zoom": 3, "rotate": 5})
    film = opened(config)
    levels = Levels.of(film.source(0))
    assert len(film.camera.moved) == config.frames + 1
    assert psnr(film.camera(levels, 0), replace(film.camera, moved=film.camera.moved[-1:])(levels, 0)) > 50
    assert f"instead of {3} and {5}" in droste_note(config)
    assert droste_note(configured(droste)) == ""
