"""Whole frames on an emulated GPU: nothing but queued work, so that it never waits for the CPU nor the CPU for it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from synthetic import clip as drawn_clip

from tests.emulated_gpu import EmulatedGpu, Note, emulated, on_gpu
from tests.tiny_network import TinyNetwork
from zoomdream import assembly, pipeline
from zoomdream.api import load_config
from zoomdream.dream import tile_size
from zoomdream.machine.devices import to_device
from zoomdream.rendering.readback import hand_over
from zoomdream.source.prefetch import FramePrefetch
from zoomdream.types import Network, Plan

PLAN = Plan(device="cuda", precision="float32", threads=1, pixel_format="yuv420p")
DREAM = {"octaves": 2, "steps": 2, "warmup": 1, "jitter": 4}

ZOOMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "every third": {"dream": DREAM | {"every": 3}},
    "turning, wrapped": {"camera": {"zoom": 1.3, "rotate": 20, "border": "wrap"}},
    "out of mirrors": {"camera": {"zoom": 0.6}},
    "mean": {"dream": DREAM | {"normalize": "mean"}},
    "fourier": {"dream": DREAM | {"parameters": "fourier"}},
    "phase": {"dream": DREAM | {"parameters": "phase"}},
    "priors": {
        "dream": DREAM | {"turn": 5, "stretch": 0.1, "blur": 0.5, "smooth": 0.1, "decay": 0.01, "hues": "natural"}
    },
    "channels": {
        "objective": [
            {"layer": "shapes", "channels": [1, 2, 3]},
            {"layer": "edges", "pick": "strongest 3", "weight": "1 + t"},
            {"layer": "shapes", "pick": "average 3"},
            {"layer": "shapes", "at": [0.5, 0.5], "weight": -0.5},
        ]
    },
}


def frames(gpu: EmulatedGpu, tree: dict[str, Any], planned: Plan, network: Network | None = None) -> list[Note]:
    """What is noted of the frames after the first two, which bring up what lasts, and of their way to the recorder."""
    config = load_config({"size": [96, 64], "frames": 6, "fps": 12, "dream": DREAM} | tree)
    with closing(assembly.open_stages(config, planned, network)) as stages:
        for state in pipeline.frames(stages, None, config.frames):
            if state.index == 2:
                gpu.forget()
            assert on_gpu(state.picture)
            assert float(hand_over(state, (64, 96), 8, last=state.index % 2 == 0).picture.float().std()) > 1
    return gpu.notes


def faults(notes: list[Note]) -> list[Note]:
    """But for the camera, whose double precision is that of rows and columns, and for what is fetched without
    waiting.
    """
    return [
        (kind, what, line)
        for kind, what, line in notes
        if not (kind == "double" and "camera/motion.py" in line) and not (kind == "fetched" and "queued" in what)
    ]


@pytest.mark.parametrize("name", ZOOMS)
def test_a_zoom_stays_on_the_gpu_and_nobody_waits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with emulated(monkeypatch) as gpu:
        tree = {"objective": [{"layer": "shapes"}]} | ZOOMS[name]
        assert faults(frames(gpu, tree, PLAN, TinyNetwork())) == []


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_so_it_is_in_each_precision_with_classes_and_layers(
    precision: str, untrained_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objective = [{"layer": "mixed3b", "weight": 0.3}, {"class": "banana"}]
    tree = {"network": {"weights": str(untrained_weights)}, "objective": objective}
    with emulated(monkeypatch) as gpu:
        assert faults(frames(gpu, tree, replace(PLAN, precision=precision))) == []


def test_so_it_is_in_tiles(untrained_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tile_size, "receptive_field", lambda *_: 16)
    tree = {"network": {"weights": str(untrained_weights)}, "objective": [{"layer": "mixed3a"}], "size": [600, 300]}
    tree["dream"] = DREAM | {"octaves": 1, "steps": 1, "warmup": 0}
    with emulated(monkeypatch) as gpu:
        assert faults(frames(gpu, tree | {"frames": 3}, replace(PLAN, tile=256))) == []


@pytest.mark.parametrize("match", ["places", "channels"])
def test_so_it_is_with_a_guide_and_a_mask(match: str, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    objective = [{"layer": "shapes", "guide": str(picture), "match": match}]
    tree = {"objective": objective, "dream": DREAM | {"mask": str(picture)}}
    with emulated(monkeypatch) as gpu:
        assert faults(frames(gpu, tree, PLAN, TinyNetwork())) == []


def test_a_border_of_noise_is_waited_for_once_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether any is needed: drawing it takes longer still."""
    tree = {"objective": [{"layer": "shapes"}], "camera": {"zoom": 0.6, "border": "noise"}}
    with emulated(monkeypatch) as gpu:
        found = faults(frames(gpu, tree, PLAN, TinyNetwork()))
    assert [(kind, line.partition(":")[0]) for kind, _, line in found] == [("waits", "/camera/border.py")] * 3


@pytest.mark.parametrize("method", ["none", "dis"])
def test_a_clip_is_waited_for_once_a_frame_for_its_look(
    method: str, clip: Path, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And once for each picture that DIS looks at, which runs on the CPU."""
    monkeypatch.setattr("zoomdream.assembly.stages.FramePrefetch", without_a_thread)
    tree = {"objective": [{"layer": "shapes"}], "source": {"kind": "video", "path": str(clip)}, "camera": {"zoom": 1.1}}
    tree["dream"] = DREAM | {"mask": str(picture)}
    with emulated(monkeypatch) as gpu:
        found = faults(frames(gpu, tree | {"size": [96, 64], "flow": {"method": method}}, PLAN, TinyNetwork()))
    grey = [note for note in found if "flow/estimators.py" in note[2]]
    assert len(grey) == (0 if method == "none" else 3 * 2 * 2), "two pictures, there and back"
    assert [kind for kind, _, line in found if "color/statistics.py" in line] == ["waits"] * 3
    assert len(found) == len(grey) + 3


def without_a_thread(*arguments: Any, threaded: bool, **options: Any) -> FramePrefetch[Any]:
    """Without a thread of its own, which nobody would watch."""
    return FramePrefetch(*arguments, threaded=False, **options)


def test_what_it_watches_for_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    here = torch.rand(4, 4)
    with emulated(monkeypatch) as gpu:
        there = to_device(here, "cuda")
        assert there.device.type == "cuda"
        assert not gpu.notes
        for fault, kind in [
            (lambda: there + here, "mixed"),
            (lambda: there[[0, 2]], "mixed"),
            (lambda: float(there.sum()), "waits"),
            (lambda: bool((there > 0).all()), "waits"),
            (lambda: there[there > 0.5], "waits"),
            (lambda: there.nonzero(), "waits"),
            (lambda: here.to("cuda"), "uploaded"),
            (lambda: torch.tensor([1.0], device=there.device), "uploaded"),
            (lambda: there.cpu(), "fetched"),
            (lambda: there.double(), "double"),
        ]:
            fault()  # type: ignore[no-untyped-call]
            assert [note[0] for note in gpu.notes[:1]] == [kind]
            gpu.forget()
        assert torch.equal(there.cpu(), here)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    drawn = drawn_clip.DrawnClip(size=(64, 96), fps=Fraction(12), seconds=Fraction(1, 2), cut=None)
    return drawn_clip.write(drawn, tmp_path_factory.mktemp("clip") / "drawn.mkv", encode=drawn_clip.LOSSLESS)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    levels = torch.randint(0, 256, (48, 64, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    Image.fromarray(levels.numpy()).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"
