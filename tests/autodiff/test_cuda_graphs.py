"""Functions as CUDA graphs, on emulated graphs: no GPU is needed, and none has been at hand."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.emulated_graphs import EmulatedGraphs, emulated_graphs
from zoomdream.autodiff.cuda_graphs import KEPT, TRIALS, WARM_UP, CudaGraphs
from zoomdream.machine.devices import to_device

SETTLED = WARM_UP + TRIALS


@dataclass(frozen=True, slots=True)
class Scaled:
    scale: Tensor
    power: float


@dataclass
class Unhashable:
    scale: Tensor
    power: float


def result(picture: Tensor, how: Scaled | Unhashable) -> Tensor:
    return how.scale * picture**how.power + picture.mean()


def there(*shape: int, seed: int = 0) -> Tensor:
    return to_device(torch.rand(shape, generator=torch.Generator().manual_seed(seed)), "cuda")


def calls(graphed: CudaGraphs, count: int, function: Callable[..., Tensor] = result, power: float = 2.0) -> None:
    """With other numbers each time; each must give what the function gives."""
    for number in range(count):
        arguments = (there(1, 3, 6, 8, seed=number), Scaled(there(seed=100 + number), power))
        found = graphed(function, *arguments)
        assert torch.equal(found, function(*arguments))


def test_after_a_few_calls_a_graph_gives_what_the_function_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    with emulated_graphs(monkeypatch) as graphs:
        graphed = CudaGraphs()
        calls(graphed, WARM_UP)
        assert graphs.captures == 0, "what is asked for but a few times is not worth it"
        calls(graphed, TRIALS)
        assert (graphs.captures, graphs.replays) == (1, TRIALS)
        asked = []

        def function(picture: Tensor, how: Scaled) -> Tensor:
            asked.append(1)
            return result(picture, how)

        for number in range(SETTLED + 5):
            picture, scale = there(1, 3, 6, 8, seed=number), there(seed=number)
            assert torch.equal(graphed(function, picture, Scaled(scale, 2.0)), result(picture, Scaled(scale, 2.0)))
        assert len(asked) == SETTLED + 2, "and once to get ready, and once to be captured"


def test_results_outlive_the_next_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    with emulated_graphs(monkeypatch):
        graphed = CudaGraphs()
        calls(graphed, SETTLED)
        how = Scaled(there(), 2.0)
        first = graphed(result, there(1, 3, 6, 8, seed=1), how)
        second = graphed(result, there(1, 3, 6, 8, seed=2), how)
        assert torch.equal(first, result(there(1, 3, 6, 8, seed=1), how))
        assert not torch.equal(first, second)


def test_what_is_no_tensor_makes_another_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    with emulated_graphs(monkeypatch) as graphs:
        graphed = CudaGraphs()
        for power in (1.0, 2.0, 3.0):
            calls(graphed, SETTLED + 2, power=power)
        assert graphs.captures == 3
        for shape in ((1, 3, 8, 6), (1, 3, 6, 8)):  # and so do a size, a precision and how it lies
            graphed(result, there(*shape), Scaled(there(), 2.0))
        graphed(result, there(1, 3, 6, 8).to(memory_format=torch.channels_last), Scaled(there(), 2.0))
        graphed(result, there(1, 3, 6, 8).half(), Scaled(there(), 2.0))
        assert graphs.captures == 3
        calls(graphed, 20)


def test_what_changes_with_each_call_is_never_captured_nor_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with emulated_graphs(monkeypatch) as graphs:
        graphed = CudaGraphs()
        for number in range(3 * KEPT):
            calls(graphed, 4, power=1 + number / 100)
        assert graphs.captures == 0
        assert len(graphed._kinds) == KEPT
        for _ in range(SETTLED + 1):
            assert torch.equal(
                graphed(result, there(3), Unhashable(there(), 2.0)), result(there(3), Scaled(there(), 2.0))
            )
        assert graphs.captures == 0, "nothing to know it by"


def test_of_many_graphs_the_last_ones_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with emulated_graphs(monkeypatch) as graphs:
        graphed = CudaGraphs()
        for power in range(1, KEPT + 3):
            calls(graphed, SETTLED, power=float(power))
        assert len(graphed._kinds) == KEPT
        calls(graphed, 3, power=float(KEPT + 2))
        assert graphs.captures == KEPT + 2


def sums(picture: Tensor, how: Scaled) -> Tensor:
    return picture * float(picture.sum())


def bright(picture: Tensor, how: Scaled) -> Tensor:
    return picture + picture[picture > 0.5].sum()


def chosen(picture: Tensor, how: Scaled) -> Tensor:
    return picture + picture[..., [0, 2]].sum()


def local(picture: Tensor, how: Scaled) -> Tensor:
    return picture + to_device(torch.ones(8), "cuda")


@pytest.mark.parametrize("function", [sums, bright, chosen, local])
def test_a_function_that_waits_is_called_as_it_is_and_never_graphed(
    function: Callable[..., Tensor], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with emulated_graphs(monkeypatch) as graphs:
        calls(CudaGraphs(), SETTLED + 3, function)
        assert graphs.captures == graphs.replays == 0
    assert [record.message[:38] for record in caplog.records] == ["zoomdream goes on without CUDA graphs,"]


@pytest.mark.parametrize("function", [sums, bright, chosen, local])
def test_a_capture_that_fails_midway_leaves_everything_as_it_was(
    function: Callable[..., Tensor], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("zoomdream.autodiff.cuda_graphs._Watch", nullcontext)
    with emulated_graphs(monkeypatch) as graphs:
        stream = graphs.stream
        calls(CudaGraphs(), SETTLED + 3, function)
        assert graphs.captures == 1
        assert graphs.stream is stream
    assert "not permitted when stream is capturing" in caplog.text


@pytest.mark.parametrize("fault", ["capture", "replay", "memory", "numbers"])
def test_whatever_is_wrong_with_graphs_costs_nothing_but_speed(
    fault: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with emulated_graphs(monkeypatch) as graphs:
        graphed = CudaGraphs()
        calls(graphed, WARM_UP + TRIALS // 2 if fault == "numbers" else 0)
        _break(fault, graphs, graphed, monkeypatch)
        calls(graphed, 2 * SETTLED)
        assert graphs.captures <= 1
        assert not graphed._kinds
    assert len(caplog.records) == 1


def _break(fault: str, graphs: EmulatedGraphs, graphed: CudaGraphs, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise AttributeError("another version of PyTorch")

    match fault:
        case "capture":
            monkeypatch.setattr(torch.cuda, "graph", broken)
        case "replay":
            monkeypatch.setattr("tests.emulated_graphs._Graph.replay", broken)
        case "memory":
            graphs.free = graphs.taken
        case "numbers":
            (kind,) = graphed._kinds.values()
            assert kind.graph is not None
            kind.graph._inputs[0] = kind.graph._inputs[0].clone()  # one that is forgotten


def test_memory_that_runs_out_is_given_back_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with emulated_graphs(monkeypatch):
        graphed = CudaGraphs()
        calls(graphed, SETTLED)
        full = [True]

        def function(picture: Tensor) -> Tensor:
            if full:
                full.pop()
                raise torch.OutOfMemoryError("CUDA out of memory")
            return picture + 1

        assert torch.equal(graphed(function, there(3)), there(3) + 1)
        assert not graphed._kinds
    assert len(caplog.records) == 1


def test_what_goes_wrong_without_graphs_is_no_matter_of_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    def function(picture: Tensor) -> Tensor:
        raise ValueError("mine")

    with emulated_graphs(monkeypatch), pytest.raises(ValueError, match="mine"):
        CudaGraphs()(function, there(3))
