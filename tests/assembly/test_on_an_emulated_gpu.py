"""Whole renders on an emulated GPU: nobody waits for anybody, and CUDA graphs make the very same pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from synthetic import clip as drawn_clip
from torch import Tensor

from tests.emulated_gpu import EmulatedGpu, on_gpu
from tests.tiny_network import TinyNetwork
from zoomdream import assembly, pipeline
from zoomdream.api import load_config
from zoomdream.autodiff.cuda_graphs import eager
from zoomdream.dream import tile_size
from zoomdream.machine.devices import to_device
from zoomdream.networks import custom
from zoomdream.rendering.readback import read_back
from zoomdream.source.prefetch import FramePrefetch
from zoomdream.types import Network, Plan, State

PLAN = Plan(device="cuda", precision="float32", threads=1, pixel_format="yuv420p")
DREAM = {"octaves": 2, "steps": 2, "warmup": 1, "jitter": 4}
SHAPES: dict[str, Any] = {"objective": [{"layer": "shapes"}]}
PRIORS = {"turn": 5, "stretch": 0.1, "blur": 0.5, "smooth": 0.1, "decay": 0.01, "hues": "natural"}
TERMS: list[dict[str, Any]] = [
    {"layer": "shapes", "channels": [1, 2, 3], "weight": 0.7},
    {"layer": "edges", "pick": "strongest 3"},
    {"layer": "shapes", "pick": "average 3"},
    {"layer": "shapes", "at": [0.5, 0.5], "weight": -0.5},
]
RENDERS: dict[str, dict[str, Any]] = {
    "priors, every second": SHAPES | {"dream": DREAM | PRIORS | {"every": 2, "steps": [3, 4]}},
    "many terms, turning": {"objective": TERMS, "camera": {"zoom": 1.3, "rotate": 20, "border": "wrap"}},
    "steps that grow, out of mirrors": SHAPES
    | {"dream": DREAM | {"step_size": "0.005 + 0.01 * t", "normalize": "mean"}, "camera": {"zoom": 0.6}},
    "fourier": SHAPES | {"dream": DREAM | {"parameters": "fourier"}},
    "phase": SHAPES | {"dream": DREAM | {"parameters": "phase", "normalize": "std"}},
}


class Asking(TinyNetwork):
    """As a network of somebody else's may, it asks for a number on its way."""

    def forward(self, image: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
        found = super().forward(image, wanted)
        return found if float(image.detach().mean()) < 10 else {}


Rendered = tuple[list[State], dict[str, int]]
Render = Callable[..., Rendered]
Compare = Callable[..., dict[str, int]]
"""tree, plan, network, start → the frames, and how often what was noted in which file for the last three of them, after
those that bring up what lasts, and on their way to the recorder; but for rows and columns in double precision, which
the camera needs.
"""


@pytest.fixture
def render(emulated_gpu: EmulatedGpu, monkeypatch: pytest.MonkeyPatch) -> Render:
    """With graphs after fewer calls than in long renders, and without the threads of readers, which nobody watches."""
    monkeypatch.setattr("zoomdream.autodiff.cuda_graphs.WARM_UP", 4)
    monkeypatch.setattr("zoomdream.autodiff.cuda_graphs.TRIALS", 2)
    monkeypatch.setattr(
        "zoomdream.assembly.stages.FramePrefetch",
        lambda *given, **options: FramePrefetch(*given, **options | {"threaded": False}),
    )

    def rendered(
        tree: dict[str, Any], plan: Plan = PLAN, network: Network | None = None, start: State | None = None
    ) -> Rendered:
        config = load_config({"size": [96, 64], "frames": 7, "fps": 12, "dream": DREAM} | tree)
        found = []
        with closing(assembly.open_stages(config, plan, network)) as stages:
            for state in pipeline.frames(stages, start, config.frames):
                if state.index == config.frames - 4:
                    emulated_gpu.notes.clear()
                last, there = state.index % 2 == 0, plan.device == "cuda"
                assert on_gpu(state.picture) == there
                frame = read_back(state, (64, 96), 8, last=last)
                assert (frame.arrived is not None, frame.kept is not None) == (there, last)
                assert float(frame.shown.float().std()) > 0.01
                found.append(state)
        pairs = [(kind, line.partition(":")[0]) for kind, _, line in emulated_gpu.notes]
        return found, Counter(" ".join(pair) for pair in pairs if pair != ("double", "/camera/motion.py"))

    return rendered


@pytest.fixture
def compare(
    render: Render, emulated_gpu: EmulatedGpu, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Compare:
    """What is noted of a render without graphs. By a few of them, many times replayed, it must be the very same."""

    def compared(*arguments: Any) -> dict[str, int]:
        with monkeypatch.context() as patch:
            patch.setattr("zoomdream.assembly.dream.CudaGraphs", lambda: eager)
            wanted, notes = render(*arguments)
        assert emulated_gpu.captures == 0
        assert same(render(*arguments)[0], wanted)
        assert 1 <= emulated_gpu.captures <= 2, "one for each octave"
        assert emulated_gpu.replays >= 8 * emulated_gpu.captures
        assert not caplog.records
        return notes

    return compared


def same(mine: list[State], others: list[State]) -> bool:
    return all(torch.equal(one.picture, other.picture) for one, other in zip(mine, others, strict=True))


@pytest.mark.parametrize("name", RENDERS)
def test_a_zoom_waits_for_nothing_and_is_the_same_by_graphs(name: str, compare: Compare) -> None:
    assert compare(RENDERS[name], PLAN, TinyNetwork()) == {}


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_so_it_is_in_each_precision_with_classes_and_layers_of_real_networks(
    precision: str, random_googlenet: Path, untrained_weights: Path, compare: Compare
) -> None:
    tree: dict[str, Any] = {"network": {"weights": str(untrained_weights)}, "size": [64, 48]}
    tree |= {"objective": [{"layer": "mixed3b"}, {"class": "banana"}], "dream": DREAM | {"octaves": 1, "warmup": 0}}
    if precision == "float32":
        other = {"name": "googlenet", "weights": str(random_googlenet)}
        tree["objective"] = [{"layer": "mixed3a"}, {"layer": "mixed4c", "network": other}]
    assert compare(tree, replace(PLAN, precision=precision)) == {}


def test_so_it_is_with_a_users_network_through_which_autograd_follows(tmp_path: Path, compare: Compare) -> None:
    layers = "nn.Conv2d(3, 8, 5, 4, 2), nn.Softmax(1), nn.Conv2d(8, 6, 3, 1, 1), nn.ReLU()"
    (tmp_path / "mine.py").write_text(f"from torch import nn\ndef small(): return nn.Sequential({layers})\n")
    tree = {"objective": [{"layer": "2"}, {"layer": "0"}], "dream": DREAM | {"octaves": 1}}
    assert compare(tree, PLAN, custom.load("mine.py:small", tmp_path, {})) == {}


@pytest.mark.parametrize("match", ["places", "channels"])
def test_so_it_is_with_a_guide_and_a_mask(match: str, picture: Path, compare: Compare) -> None:
    objective = [{"layer": "shapes", "guide": str(picture), "match": match}]
    assert compare({"objective": objective, "dream": DREAM | {"mask": str(picture)}}, PLAN, TinyNetwork()) == {}


def test_a_clip_waits_once_a_frame_for_its_colours_and_for_what_dis_looks_at(
    clip: Path, picture: Path, compare: Compare
) -> None:
    """Its colours, and a guide that is a clip, are others in each frame."""
    tree: dict[str, Any] = {"source": {"kind": "video", "path": str(clip)}, "dream": DREAM | {"mask": str(picture)}}
    tree |= {"objective": [{"layer": "shapes", "guide": str(clip)}], "camera": {"zoom": 1.1}}
    dis = {"fetched /flow/estimators.py": 3 * 2 * 2}  # two pictures, forward and backward
    assert compare(tree, PLAN, TinyNetwork()) == {"waits /color/statistics.py": 3} | dis


def test_a_border_of_noise_is_waited_for_once_a_frame(compare: Compare) -> None:
    """Whether any is needed: drawing it takes longer still."""
    tree = SHAPES | {"camera": {"zoom": 0.6, "border": "noise"}}
    assert compare(tree, PLAN, TinyNetwork()) == {"waits /camera/camera.py": 3}


def test_a_render_that_goes_on_ends_with_the_same_frames(render: Render) -> None:
    whole, _ = render(SHAPES, PLAN, TinyNetwork())
    assert same(render(SHAPES, PLAN, TinyNetwork(), whole[3])[0], whole[4:])


def test_a_network_that_no_graph_can_hold_is_dreamt_with_all_the_same(
    render: Render, emulated_gpu: EmulatedGpu, caplog: pytest.LogCaptureFixture
) -> None:
    frames, _ = render(SHAPES, PLAN, Asking())
    assert emulated_gpu.captures == 0
    assert len(caplog.records) == 1
    assert len(frames) == 7


@pytest.mark.parametrize(
    ("tree", "plan"),
    [
        (SHAPES | {"performance": {"memory": "6 GiB"}}, PLAN),
        (SHAPES, replace(PLAN, device="cpu")),
        (SHAPES | {"size": [600, 300]}, replace(PLAN, tile=256)),
        (SHAPES | {"dream": DREAM | {"diversity": "0.2 + t"}}, PLAN),
        ({"objective": [{"layer": "shapes", "weight": "1 + t"}, {"layer": "edges"}]}, PLAN),
    ],
    ids=["limit", "cpu", "tiles", "diversity", "weight"],
)
def test_where_memory_is_scarce_or_each_frame_needs_its_own_there_are_no_graphs_and_nobody_waits(
    tree: dict[str, Any], plan: Plan, render: Render, emulated_gpu: EmulatedGpu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tile_size, "receptive_field", lambda *_: 16)
    assert render(tree, plan, TinyNetwork())[1] == {}
    assert emulated_gpu.captures == 0


def test_what_is_watched_for_is_seen(emulated_gpu: EmulatedGpu) -> None:
    here = torch.rand(4, 4)
    there = to_device(here, "cuda")
    assert there.device.type == "cuda"
    assert not emulated_gpu.notes
    for fault, kind in [
        (lambda: there + here, "mixed"),
        (lambda: there[[0, 2]], "mixed"),
        (lambda: float(there.sum()), "waits"),
        (lambda: there[there > 0.5], "waits"),
        (lambda: there.nonzero(), "waits"),
        (lambda: here.to("cuda"), "uploaded"),
        (lambda: torch.tensor([1.0], device=there.device), "uploaded"),
        (lambda: there.cpu(), "fetched"),
        (lambda: there.double(), "double"),
    ]:
        fault()  # type: ignore[no-untyped-call]
        assert [note[0] for note in emulated_gpu.notes[:1]] == [kind]
        emulated_gpu.notes.clear()
    assert torch.equal(there.cpu(), here)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    drawn = drawn_clip.DrawnClip(size=(64, 96), fps=Fraction(12), seconds=Fraction(2, 3), cut=None)
    return drawn_clip.write(drawn, tmp_path_factory.mktemp("clip") / "drawn.mkv", encode=drawn_clip.LOSSLESS)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    levels = torch.randint(0, 256, (48, 64, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    Image.fromarray(levels.numpy()).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"
