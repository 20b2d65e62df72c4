"""Whole renders on an emulated GPU: nobody waits for anybody, and CUDA graphs make the very same pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.emulated_gpu import EmulatedGpu, GpuTensor
from tests.tiny_network import TinyNetwork
from zoomdream import assembly, pipeline
from zoomdream.api import load_config
from zoomdream.autodiff.cuda_graphs import eager
from zoomdream.dream import tile_size
from zoomdream.machine.devices import to_device
from zoomdream.rendering.readback import read_back
from zoomdream.source.prefetch import FramePrefetch
from zoomdream.types import Plan, State

PLAN = Plan(device="cuda:0", precision="float32", threads=1, pixel_format="yuv420p")
DREAM = {"octaves": 2, "steps": 2, "warmup": 1, "jitter": 4}
SHAPES: dict[str, Any] = {"objective": [{"layer": "shapes"}]}
PRIORS = {"turn": 5, "stretch": 0.1, "blur": 0.5, "smooth": 0.1, "decay": 0.01, "hues": "natural"}
TERMS: list[dict[str, Any]] = [
    {"layer": "shapes", "channels": [1, 2, 3], "weight": 0.7},
    {"layer": "edges", "pick": "strongest 3"},
    {"layer": "shapes", "at": [0.5, 0.5], "pick": "average 3", "weight": -0.5},
]
CONFIGS = Path(__file__).parents[2] / "configs"
PICTURE, CLIP = str(CONFIGS / "landscape.jpg"), str(CONFIGS / "clip_sample.mp4")
GUIDES = [{"layer": "shapes", "guide": PICTURE, "match": match} for match in ("places", "channels")]
MASKED = DREAM | {"mask": PICTURE}
GROWING = DREAM | {"step_size": "0.01 * (1 + t)"}
HALF = replace(PLAN, precision="bfloat16")
RENDERS: dict[str, tuple[dict[str, Any], Plan, dict[str, int]]] = {
    "priors, every second": (SHAPES | {"dream": DREAM | PRIORS | {"every": 2, "steps": [3, 4]}}, PLAN, {}),
    "many terms, turning": ({"objective": TERMS, "camera": {"zoom": 1.3, "rotate": 20, "border": "wrap"}}, PLAN, {}),
    "steps that grow, mirrors": (SHAPES | {"dream": GROWING, "camera": {"zoom": 0.6}}, PLAN, {}),
    "phase": (SHAPES | {"dream": DREAM | {"parameters": "phase", "normalize": "std"}}, PLAN, {}),
    "guides and a mask": ({"objective": GUIDES, "dream": MASKED}, PLAN, {}),
    "dreamnet, a class": ({"network": {}, "objective": [{"layer": "mixed3b"}, {"class": "banana"}]}, HALF, {}),
    # Whether any of it is needed: drawing it takes longer still.
    "noise around it": (SHAPES | {"camera": {"zoom": 0.6, "border": "noise"}}, PLAN, {"waits /camera/camera.py": 3}),
    # Of each frame the colours, and two pictures that DIS looks at, forward and backward.
    "a clip, guided by a clip": (
        {"source": {"kind": "video", "path": CLIP}, "objective": [{"layer": "shapes", "guide": CLIP}], "dream": MASKED},
        PLAN,
        {
            "fetched /color/statistics.py": 3,
            "fetched /flow/estimators.py": 3 * 2 * 2,
            "waits /flow/bidirectional.py": 3,
        },
    ),
}
Render = Callable[..., tuple[list[State], dict[str, int]]]


@pytest.fixture
def render(emulated_gpu: EmulatedGpu, monkeypatch: pytest.MonkeyPatch) -> Render:
    """tree, plan, start → the frames, and how often what was noted in which file for the last three of them,
    after those that bring up what lasts, and on their way to the recorder; but for rows and columns in double
    precision, which the camera needs. With graphs after fewer calls than in long renders, and without the threads of
    readers, which nobody watches.
    """
    monkeypatch.setattr("zoomdream.autodiff.cuda_graphs.WARM_UP", 4)
    monkeypatch.setattr("zoomdream.autodiff.cuda_graphs.TRIALS", 2)
    unthreaded = lambda *given, **options: FramePrefetch(*given, **options | {"threaded": False})  # noqa: E731
    monkeypatch.setattr("zoomdream.assembly.stages.FramePrefetch", unthreaded)

    def rendered(tree: dict[str, Any], plan: Plan = PLAN, start: State | None = None) -> Any:
        config = load_config({"size": [64, 48], "frames": 7, "fps": 12, "dream": DREAM} | tree)
        found = []
        with closing(assembly.open_stages(config, plan, None if "network" in tree else TinyNetwork())) as stages:
            for state in pipeline.frames(stages, start, config.frames):
                if state.index == config.frames - 4:
                    emulated_gpu.notes.clear()
                last, there = state.index % 2 == 0, plan.device != "cpu"
                frame = read_back(state, (48, 64), 8, last=last)
                seen = (isinstance(state.picture, GpuTensor), frame.arrived is not None, frame.kept is not None)
                assert seen == (there, there, last)
                assert float(frame.shown.float().std()) > 0.01
                found.append(state)
        pairs = [(kind, line.partition(":")[0]) for kind, _, line in emulated_gpu.notes]
        return found, Counter(" ".join(pair) for pair in pairs if pair != ("double", "/camera/motion.py"))

    return rendered


def same(mine: list[State], others: list[State]) -> bool:
    return all(torch.equal(one.picture, other.picture) for one, other in zip(mine, others, strict=True))


@pytest.mark.parametrize(("tree", "plan", "notes"), RENDERS.values(), ids=RENDERS)
def test_a_render_waits_for_nothing_else_and_is_the_very_same_by_a_few_graphs_many_times_replayed(
    tree: dict[str, Any],
    plan: Plan,
    notes: dict[str, int],
    render: Render,
    emulated_gpu: EmulatedGpu,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("zoomdream.assembly.dream.CudaGraphs", lambda: eager)
        wanted, noted = render(tree, plan)
    assert noted == notes
    assert emulated_gpu.captures == 0
    assert same(render(tree, plan)[0], wanted)
    assert 1 <= emulated_gpu.captures <= 2, "one for each octave"
    assert emulated_gpu.replays >= 8 * emulated_gpu.captures
    assert not caplog.records


def test_a_render_that_goes_on_ends_with_the_same_frames(render: Render) -> None:
    whole, _ = render(SHAPES)
    assert same(render(SHAPES, start=whole[3])[0], whole[4:])


@pytest.mark.parametrize(
    ("tree", "plan"),
    [
        (SHAPES | {"performance": {"memory": "6 GiB"}}, PLAN),
        (SHAPES, replace(PLAN, device="cpu")),
        (SHAPES | {"dream": DREAM | {"octaves": 1}, "size": [300, 64]}, replace(PLAN, tile=256)),
        (SHAPES | {"dream": DREAM | {"diversity": "0.2 + t"}}, PLAN),
        ({"objective": [{"layer": "shapes", "weight": "1 + t"}, {"layer": "edges"}]}, PLAN),
    ],
    ids=["limit", "cpu", "tiles", "diversity", "weight"],
)
def test_where_memory_is_scarce_or_each_frame_needs_its_own_there_are_no_graphs_and_nobody_waits(
    tree: dict[str, Any], plan: Plan, render: Render, emulated_gpu: EmulatedGpu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tile_size, "receptive_field", lambda *_: 16)
    assert render(tree, plan)[1] == {}
    assert emulated_gpu.captures == 0


def test_what_is_watched_for_is_seen(emulated_gpu: EmulatedGpu) -> None:
    here = torch.rand(4, 4)
    there = to_device(here, "cuda:0")
    assert there.device.type == "cuda"
    assert not emulated_gpu.notes
    for fault, kind in [
        (lambda: there + here, "mixed"),
        (lambda: there[[0, 2]], "uploaded"),
        (lambda: float(there.sum()), "waits"),
        (lambda: there[there > 0.5], "waits"),
        (lambda: there.nonzero(), "waits"),
        (lambda: here.to("cuda:0"), "uploaded"),
        (lambda: torch.tensor([1.0], device=there.device), "uploaded"),
        (lambda: there.cpu(), "fetched"),
        (lambda: there.double(), "double"),
    ]:
        fault()  # type: ignore[no-untyped-call]
        assert [note[0] for note in emulated_gpu.notes[:1]] == [kind]
        emulated_gpu.notes.clear()
    assert torch.equal(there.cpu(), here)
