"""Whole renders with emulated CUDA graphs: the very pictures that come without."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from synthetic import clip as drawn_clip
from torch import Tensor

from tests.emulated_graphs import EmulatedGraphs, emulated_graphs
from tests.test_on_a_gpu import DREAM, PLAN, without_a_thread
from tests.tiny_network import TinyNetwork
from zoomdream import assembly, pipeline
from zoomdream.api import load_config
from zoomdream.autodiff.cuda_graphs import eager
from zoomdream.networks import custom
from zoomdream.types import Network, Plan, State

SHAPES: dict[str, Any] = {"objective": [{"layer": "shapes"}]}
RENDERS: dict[str, dict[str, Any]] = {
    "plain": SHAPES,
    "every second": SHAPES | {"dream": DREAM | {"every": 2, "steps": [3, 4]}},
    "priors": SHAPES | {"dream": DREAM | {"blur": 0.5, "smooth": 0.1, "decay": 0.01, "hues": "natural"}},
    "views": SHAPES | {"dream": DREAM | {"turn": 5, "stretch": 0.1}},
    "fourier": SHAPES | {"dream": DREAM | {"parameters": "fourier"}},
    "std": SHAPES | {"dream": DREAM | {"normalize": "std"}},
    "steps that grow": SHAPES | {"dream": DREAM | {"step_size": "0.005 + 0.01 * t"}},
    "many": {
        "objective": [
            {"layer": "shapes", "channels": [1, 2, 3], "weight": 0.7},
            {"layer": "edges", "pick": "strongest 3"},
            {"layer": "shapes", "pick": "average 3"},
            {"layer": "shapes", "at": [0.5, 0.5], "weight": -0.5},
        ]
    },
}
SCHEDULED: dict[str, dict[str, Any]] = {
    "weight": {"objective": [{"layer": "shapes", "weight": "1 + t"}, {"layer": "edges"}]},
    "diversity": SHAPES | {"dream": DREAM | {"diversity": "0.2 + t"}},
}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Graphs are made, and trusted, after fewer calls than in long renders."""
    monkeypatch.setattr("zoomdream.autodiff.cuda_graphs.WARM_UP", 4)
    monkeypatch.setattr("zoomdream.autodiff.cuda_graphs.TRIALS", 2)


def rendered(
    tree: dict[str, Any], planned: Plan = PLAN, network: Network | None = None, start: State | None = None
) -> list[State]:
    config = load_config({"size": [96, 64], "frames": 8, "fps": 12, "dream": DREAM} | tree)
    with closing(assembly.open_stages(config, planned, network)) as stages:
        return list(pipeline.frames(stages, start, config.frames))


def without(monkeypatch: pytest.MonkeyPatch, tree: dict[str, Any], *arguments: Any) -> list[State]:
    with monkeypatch.context() as patch:
        patch.setattr("zoomdream.assembly.dream.CudaGraphs", lambda: eager)
        return rendered(tree, *arguments)


def alike(mine: list[State], others: list[State]) -> bool:
    pairs = zip(mine, others, strict=True)
    return all(torch.equal(one.picture, other.picture) for one, other in pairs)


def proven(graphs: EmulatedGraphs, caplog: pytest.LogCaptureFixture, most: int) -> bool:
    """Whether graphs were used all the way: of a few captures many replays."""
    return not caplog.records and 1 <= graphs.captures <= most and graphs.replays >= 8 * graphs.captures


@pytest.mark.parametrize("name", RENDERS)
def test_a_zoom_by_graphs_is_the_zoom_without(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with emulated_graphs(monkeypatch) as graphs:
        wanted = without(monkeypatch, RENDERS[name], PLAN, TinyNetwork())
        assert graphs.captures == 0
        assert alike(rendered(RENDERS[name], PLAN, TinyNetwork()), wanted)
        assert proven(graphs, caplog, most=2), "one for each octave"


@pytest.mark.parametrize("name", SCHEDULED)
def test_what_graphs_would_have_to_be_made_for_anew_goes_without(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with emulated_graphs(monkeypatch) as graphs:
        wanted = without(monkeypatch, SCHEDULED[name], PLAN, TinyNetwork())
        assert alike(rendered(SCHEDULED[name], PLAN, TinyNetwork()), wanted)
        assert graphs.captures == 0


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_so_it_is_with_classes_and_layers_of_a_real_network_in_each_precision(
    precision: str, untrained_weights: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tree = {"network": {"weights": str(untrained_weights)}, "objective": [{"layer": "mixed3b"}, {"class": "banana"}]}
    tree["dream"] = DREAM | {"octaves": 1, "warmup": 0}
    with emulated_graphs(monkeypatch) as graphs:
        planned = replace(PLAN, precision=precision)
        assert alike(rendered(tree, planned), without(monkeypatch, tree, planned))
        assert proven(graphs, caplog, most=1)


def test_so_it_is_with_googlenet_and_another_network(
    random_googlenet: Path,
    untrained_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    other = {"name": "dreamnet", "weights": str(untrained_weights)}
    tree = {
        "network": {"name": "googlenet", "weights": str(random_googlenet)},
        "objective": [{"layer": "mixed4c"}, {"layer": "mixed3a", "network": other, "weight": 0.5}],
        "dream": DREAM | {"octaves": 1, "warmup": 0},
    }
    with emulated_graphs(monkeypatch) as graphs:
        assert alike(rendered(tree), without(monkeypatch, tree))
        assert proven(graphs, caplog, most=1)


MINE = """
from torch import nn


class Attentive(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 5, 4, 2), nn.Conv2d(8, 6, 3, 1, 1)

    def forward(self, picture):
        found = self.first(picture).relu()
        places = found.flatten(2)
        looked = (places.transpose(1, 2) @ places / 8).softmax(2)
        return self.second((places @ looked).view_as(found)).relu()


def small():
    return Attentive()
"""


def test_so_it_is_with_a_users_network_through_which_autograd_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")
    opened = custom.load("mine.py:small", tmp_path, {})
    tree = {"objective": [{"layer": "second"}, {"layer": "first"}], "dream": DREAM | {"octaves": 1}}
    with emulated_graphs(monkeypatch) as graphs:
        assert alike(rendered(tree, PLAN, opened), without(monkeypatch, tree, PLAN, opened))
        assert proven(graphs, caplog, most=1)


def test_a_render_that_goes_on_ends_with_the_same_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    with emulated_graphs(monkeypatch):
        whole = rendered(SHAPES, PLAN, TinyNetwork())
        assert alike(rendered(SHAPES, PLAN, TinyNetwork(), whole[4]), whole[5:])


@pytest.mark.parametrize("guided", [False, True])
def test_a_clip_by_graphs_is_the_clip_without(
    guided: bool, clip: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its look, and that of a guide that is a clip, are others in each frame."""
    monkeypatch.setattr("zoomdream.assembly.stages.FramePrefetch", without_a_thread)
    tree = {"source": {"kind": "video", "path": str(clip)}, "flow": {"method": "none"}}
    tree |= {"objective": [{"layer": "shapes", "guide": str(clip)}]} if guided else SHAPES
    with emulated_graphs(monkeypatch) as graphs:
        assert alike(rendered(tree, PLAN, TinyNetwork()), without(monkeypatch, tree, PLAN, TinyNetwork()))
        assert proven(graphs, caplog, most=2)


class Asking(TinyNetwork):
    """As a network of somebody else's may, it asks for a number on its way."""

    def forward(self, image: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
        found = super().forward(image, wanted)
        return found if float(image.detach().mean()) < 10 else {}


def test_a_network_that_no_graph_can_hold_is_dreamt_with_all_the_same(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with emulated_graphs(monkeypatch) as graphs:
        assert alike(rendered(SHAPES, PLAN, Asking()), without(monkeypatch, SHAPES, PLAN, TinyNetwork()))
        assert graphs.captures == 0
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("tree", "planned"),
    [
        (SHAPES | {"performance": {"memory": "6 GiB"}}, PLAN),
        (SHAPES, replace(PLAN, tile=256)),
        (SHAPES, replace(PLAN, device="cpu")),
    ],
    ids=["limit", "tiles", "cpu"],
)
def test_where_memory_is_scarce_and_on_a_cpu_there_are_none(
    tree: dict[str, Any], planned: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    with emulated_graphs(monkeypatch) as graphs:
        rendered(tree | {"frames": 6}, planned, TinyNetwork())
        assert graphs.captures == 0


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    drawn = drawn_clip.DrawnClip(size=(64, 96), fps=Fraction(12), seconds=Fraction(2, 3), cut=None)
    return drawn_clip.write(drawn, tmp_path_factory.mktemp("clip") / "drawn.mkv", encode=drawn_clip.LOSSLESS)
