"""The public names: what `import zoomdream` offers, and the frames and dreams as tensors."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import zoomdream
from zoomdream import assembly, pipeline
from zoomdream.errors import ConfigError
from zoomdream.rendering.plan import make_plan


@pytest.fixture
def tiny(untrained_weights: Path) -> dict[str, Any]:
    return {
        "size": [64, 48],
        "frames": 3,
        "network": {"weights": str(untrained_weights)},
        "dream": {"octaves": 2, "steps": 1, "warmup": 1},
    }


def test_every_public_name_is_there() -> None:
    for name in zoomdream.__all__:
        assert getattr(zoomdream, name) is not None
        assert name in dir(zoomdream)
    with pytest.raises(AttributeError, match="no attribute 'rendr'"):
        _ = zoomdream.rendr


def test_dream_stays_a_function_when_the_room_of_that_name_is_imported() -> None:
    module = importlib.import_module("zoomdream.dream")
    assert isinstance(module, ModuleType)
    # What Python does when it imports a submodule for the first time:
    setattr(zoomdream, "dream", module)  # noqa: B010
    assert zoomdream.dream is importlib.import_module("zoomdream.api").dream


@pytest.mark.parametrize("camera", [{"zoom": 1.3}, {"zoom": 0.8, "border": "noise"}], ids=["in", "out"])
def test_frames_are_pictures_in_range_and_the_same_every_time(camera: dict[str, Any], tiny: dict[str, Any]) -> None:
    tiny = {**tiny, "camera": camera}
    frames = list(zoomdream.frames(tiny))
    assert [frame.shape for frame in frames] == [(3, 48, 64)] * 3
    for frame in frames:
        assert frame.dtype == torch.float32
        assert 0 <= frame.min() <= frame.max() <= 1
    again = list(zoomdream.frames(zoomdream.load_config(tiny)))
    assert all(torch.equal(one, other) for one, other in zip(frames, again, strict=True))
    assert not torch.equal(frames[0], frames[1])


def test_dream_changes_a_picture_in_place_and_keeps_its_shape(tiny: dict[str, Any]) -> None:
    image = torch.rand(3, 40, 50, generator=torch.Generator().manual_seed(0))
    before = image.clone()
    dreamt = zoomdream.dream(image, tiny, times=2)
    assert dreamt.shape == image.shape
    assert dreamt.dtype == torch.float32
    assert torch.equal(image, before), "the picture that was given stays as it was"
    assert 0 <= dreamt.min() <= dreamt.max() <= 1
    assert not torch.equal(dreamt, image)
    batch = zoomdream.dream(image[None], tiny, times=2)
    assert torch.equal(batch[0], dreamt)


def test_a_class_is_dreamt_on_a_picture_as_in_a_render_that_begins_with_one(tiny: dict[str, Any]) -> None:
    image = torch.rand(3, 40, 50, generator=torch.Generator().manual_seed(0))
    tiny = {**tiny, "objective": [{"class": 954}]}
    of_picture = zoomdream.load_config({**tiny, "source": {"kind": "image", "path": "picture.png"}})
    dreamt = zoomdream.dream(image, tiny, times=1)
    assert torch.equal(dreamt, zoomdream.dream(image, of_picture, times=1))
    assert not torch.equal(dreamt, zoomdream.dream(image, zoomdream.load_config(tiny), times=1))


@pytest.mark.parametrize("shape", [(40, 50), (4, 40, 50), (2, 3, 40, 50), (3, 8, 50)])
def test_dream_refuses_what_is_no_picture(shape: tuple[int, ...], tiny: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="dream takes"):
        zoomdream.dream(torch.zeros(shape), tiny)


def switches() -> tuple[int, bool, bool]:
    cudnn = torch.backends.cudnn
    return torch.get_num_threads(), cudnn.deterministic, cudnn.allow_tf32


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, bool, bool]]:
    """A program of the user's own, with settings that no render has; it says nothing to the C library."""
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    with monkeypatch.context() as patch:
        patch.setattr(ctypes, "CDLL", lambda *_: pytest.fail("a library call may not set malloc for good"))
        yield switches()
    torch.set_num_threads(before)


CALLS = {
    "dream": lambda tiny: zoomdream.dream(torch.rand(3, 40, 50), tiny, times=1),
    "frames": lambda tiny: list(zoomdream.frames(tiny)),
    "frames, not all of them": lambda tiny: take_one(zoomdream.frames(tiny)),
    "render": lambda tiny: zoomdream.render(zoomdream.load_config(tiny)),
}


def take_one(frames: Any) -> None:
    with contextlib.closing(frames):
        next(frames)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_library_call_leaves_its_process_as_it_found_it(
    call: Any, tiny: dict[str, Any], host: tuple[int, bool, bool], tmp_path: Path
) -> None:
    threads = host[0]
    call({**tiny, "output": str(tmp_path / "a.png"), "performance": {"threads": threads + 1}})
    assert switches() == host


def test_a_dream_that_fails_leaves_its_process_as_it_found_it(
    tiny: dict[str, Any], host: tuple[int, bool, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(pipeline, "dream_on_zoom", fail)
    with pytest.raises(ZeroDivisionError):
        zoomdream.dream(torch.rand(3, 40, 50), {**tiny, "performance": {"threads": host[0] + 1}})
    assert switches() == host


def test_stages_that_nobody_closed_do_not_keep_a_later_call_from_leaving_its_process_as_it_was(
    tiny: dict[str, Any], host: tuple[int, bool, bool]
) -> None:
    config = zoomdream.load_config(tiny)
    assembly.open_stages(config, make_plan(config))  # and dropped
    torch.set_num_threads(host[0])
    torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32 = host[1:]
    zoomdream.dream(torch.rand(3, 40, 50), {**tiny, "performance": {"threads": host[0] + 1}}, times=1)
    assert switches() == host
