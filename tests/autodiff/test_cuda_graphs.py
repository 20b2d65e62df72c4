"""Functions as CUDA graphs, on an emulated GPU."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.emulated_gpu import EmulatedGpu
from zoomdream.autodiff.cuda_graphs import KEPT, TRIALS, WARM_UP, CudaGraphs
from zoomdream.machine.devices import to_device

SETTLED = WARM_UP + TRIALS


@dataclass(frozen=True, slots=True)
class Scaled:
    scale: Tensor
    power: float


def result(picture: Tensor, how: Scaled) -> Tensor:
    return how.scale * picture**how.power + picture.mean()


def there(*shape: int, seed: int = 0) -> Tensor:
    return to_device(torch.rand(shape, generator=torch.Generator().manual_seed(seed)), "cuda:0")


def calls(graphed: CudaGraphs, count: int, function: Callable[..., Tensor] = result, power: Any = 2.0) -> None:
    """With other numbers each time; each must give what the function gives, and keep it."""
    before: list[tuple[Tensor, Tensor]] = []
    for number in range(count):
        arguments = (there(1, 3, 6, 8, seed=number), Scaled(there(seed=100 + number), power))
        before.append((graphed(function, *arguments), function(*arguments)))
        assert all(torch.equal(found, wanted) for found, wanted in before[-2:])


def test_after_a_few_calls_a_graph_gives_what_the_function_gives(emulated_gpu: EmulatedGpu) -> None:
    graphed, asked = CudaGraphs(), []
    calls(graphed, WARM_UP)
    assert emulated_gpu.captures == 0, "what is asked for but a few times is not worth it"
    calls(graphed, TRIALS)
    assert (emulated_gpu.captures, emulated_gpu.replays) == (1, TRIALS)

    def function(picture: Tensor, how: Scaled) -> Tensor:
        asked.append(how.power)
        return result(picture, how)

    calls(graphed, SETTLED + 5, function)
    assert len(asked) == (SETTLED + 5) + SETTLED + 2, "by this test; until it is trusted, to get ready and to capture"


def test_what_is_no_tensor_a_size_a_precision_or_a_layout_makes_another_graph(emulated_gpu: EmulatedGpu) -> None:
    graphed = CudaGraphs()
    for power in (1.0, 2.0, 3.0):
        calls(graphed, SETTLED + 2, power=power)
    assert emulated_gpu.captures == 3
    picture = there(1, 3, 6, 8)
    for other in (there(1, 3, 8, 6), picture.to(memory_format=torch.channels_last), picture.half()):
        graphed(result, other, Scaled(there(), 2.0))
    assert (emulated_gpu.captures, len(graphed._kinds)) == (3, 6)


def test_what_changes_with_each_call_is_neither_captured_nor_kept(emulated_gpu: EmulatedGpu) -> None:
    graphed = CudaGraphs()
    for number in range(KEPT + 2):
        calls(graphed, 4, power=1 + number / 100)
    unhashable = type("Unhashable", (float,), {"__hash__": None})
    calls(graphed, SETTLED + 1, power=unhashable(2))  # there is nothing to know it by
    assert emulated_gpu.captures == 0
    assert len(graphed._kinds) == KEPT


def test_of_many_graphs_those_asked_for_last_are_kept(emulated_gpu: EmulatedGpu) -> None:
    graphed = CudaGraphs()
    for power in range(1, KEPT + 3):
        calls(graphed, SETTLED, power=float(power))
        calls(graphed, 1, power=1.0)
    calls(graphed, 3, power=float(KEPT + 2))
    calls(graphed, 3, power=1.0)
    assert emulated_gpu.captures == KEPT + 2


@pytest.mark.parametrize("seen", [True, False], ids=["seen before", "seen midway"])
@pytest.mark.parametrize(
    "function",
    [
        lambda picture, how: picture * float(picture.sum()),
        lambda picture, how: picture + picture[picture > 0.5].sum(),
        lambda picture, how: picture + to_device(torch.ones(8), "cuda:0"),
    ],
)
def test_a_function_that_waits_is_called_as_it_is(
    function: Callable[..., Tensor],
    seen: bool,
    emulated_gpu: EmulatedGpu,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if not seen:
        monkeypatch.setattr("zoomdream.autodiff.cuda_graphs._Watch", nullcontext)
    stream = emulated_gpu.stream
    calls(CudaGraphs(), SETTLED + 3, function)
    assert emulated_gpu.stream is stream
    assert (emulated_gpu.captures, emulated_gpu.replays) == (0 if seen else 1, 0)
    assert len(caplog.records) == 1
    assert ("not permitted when stream is capturing" in caplog.text) != seen


@pytest.mark.parametrize("fault", ["capture", "replay", "memory", "numbers"])
def test_whatever_is_wrong_with_graphs_costs_nothing_but_speed(
    fault: str, emulated_gpu: EmulatedGpu, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise AttributeError("another version of PyTorch")

    graphed = CudaGraphs()
    match fault:
        case "capture":
            monkeypatch.setattr(torch.cuda, "graph", broken)
        case "replay":
            monkeypatch.setattr("tests.emulated_gpu.Graph.replay", broken)
        case "memory":
            emulated_gpu.free = emulated_gpu.taken
        case "numbers":
            calls(graphed, WARM_UP + TRIALS // 2)
            (kind,) = graphed._kinds.values()
            assert kind.graph is not None
            forgotten = kind.graph._inputs[0]  # it lives on, and holds the numbers of an earlier call
            kind.graph._inputs[0] = forgotten.clone()
    calls(graphed, 2 * SETTLED)
    assert emulated_gpu.captures <= 1
    assert not graphed._kinds
    assert len(caplog.records) == 1


def test_memory_that_runs_out_is_given_back_and_tried_again(
    emulated_gpu: EmulatedGpu, caplog: pytest.LogCaptureFixture
) -> None:
    graphed, errors = CudaGraphs(), [torch.OutOfMemoryError("CUDA out of memory")]

    def function(picture: Tensor) -> Tensor:
        if errors:
            raise errors.pop()
        return picture + 1

    with pytest.raises(torch.OutOfMemoryError):
        graphed(function, there(3))
    assert not caplog.records, "what goes wrong without graphs is no matter of theirs"
    calls(graphed, SETTLED)
    errors.append(torch.OutOfMemoryError("CUDA out of memory"))
    assert torch.equal(graphed(function, there(3)), there(3) + 1)
    assert not graphed._kinds
    assert len(caplog.records) == 1
