"""The public names: what `import zoomdream` offers, and the frames and dreams as tensors."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import zoomdream
from zoomdream import assembly, pipeline
from zoomdream.errors import ConfigError, OutputError
from zoomdream.rendering.plan import make_plan
from zoomdream.source.picture import read_image


@pytest.fixture
def tiny(untrained_weights: Path) -> dict[str, Any]:
    return {
        "size": [64, 48],
        "frames": 3,
        "network": {"weights": str(untrained_weights)},
        "dream": {"octaves": 2, "steps": 1, "warmup": 1},
    }


def test_every_public_name_is_there_and_no_other_is_shown() -> None:
    for name in zoomdream.__all__:
        assert getattr(zoomdream, name) is not None
    assert dir(zoomdream) == sorted(zoomdream.__all__)
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


def test_dream_takes_a_file_a_pil_picture_and_an_array_and_gives_back_what_it_got(
    tiny: dict[str, Any], tmp_path: Path
) -> None:
    image = (torch.rand(40, 50, 3, generator=torch.Generator().manual_seed(0)) * 255).round() / 255
    array = (image * 255).numpy().astype("uint8")
    path = zoomdream.save(image.permute(2, 0, 1), tmp_path / "a.png")
    wanted = (zoomdream.dream(image.permute(2, 0, 1), tiny, times=1).permute(1, 2, 0) * 255).round().numpy()
    with Image.open(path) as opened:
        of_file, of_picture, of_array = (zoomdream.dream(given, tiny, times=1) for given in (str(path), opened, array))
    assert isinstance(of_file, Image.Image)
    assert isinstance(of_picture, Image.Image)
    assert of_array.dtype == np.uint8
    for dreamt in (of_file, of_picture, of_array, zoomdream.dream(array / 255.0, tiny, times=1) * 255):
        assert np.abs(np.asarray(dreamt) - wanted).max() <= 1


@pytest.mark.parametrize("given", [None, 3, torch.zeros(3, 32, 32, dtype=torch.int64), np.zeros((3, 4, 32, 32))])
def test_dream_tells_what_it_takes(given: Any, tiny: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"dream takes a picture: a path, a PIL picture, an array \(H, W, 3\)"):
        zoomdream.dream(given, tiny)


def test_render_takes_a_file_a_mapping_or_a_config_and_shows_its_progress(
    tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "short.yaml").write_text(json.dumps(tiny))
    config = zoomdream.load_config(tiny)
    assert zoomdream.render("short.yaml") == Path("short.mp4")
    assert zoomdream.render(tiny, output="b.mkv") == Path("b.mkv")
    assert zoomdream.render(config, output="c.png", progress=True) == Path("c.png")
    assert [line.split("\r")[-1] for line in capsys.readouterr().out.splitlines()][-1].startswith("joining")
    heard: list[str] = []
    zoomdream.render(config, output="c.png", restart=True, progress=lambda progress: heard.append(str(progress)))
    assert any(line.startswith("frame 2 of 3 \u00b7 ") for line in heard), heard
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "b.mkv",
        "c.png",
        "c.png.yaml",
        "short.mp4",
        "short.yaml",
    ]


def test_a_frame_is_saved_by_its_ending(tmp_path: Path) -> None:
    frame = torch.linspace(0, 1, 3 * 16 * 20).reshape(3, 16, 20)
    for name in ("a.png", "a.JPG", "a.webp"):
        with Image.open(zoomdream.save(frame, tmp_path / name)) as image:
            assert image.size == (20, 16)
    saved = read_image(tmp_path / "a.png")
    assert torch.equal(saved[0].mul(255).round(), frame.mul(255).round())
    with pytest.raises(OutputError, match="no picture has this ending"):
        zoomdream.save(frame, tmp_path / "a.xyz")
    with pytest.raises(OutputError, match=r"a\.jpg: Pillow writes no such picture from one in mode RGBA"):
        zoomdream.save(Image.new("RGBA", (20, 16)), tmp_path / "a.jpg")
    with pytest.raises(OutputError, match=r"nowhere.a\.png cannot be written"):
        zoomdream.save(frame, tmp_path / "nowhere" / "a.png")


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
