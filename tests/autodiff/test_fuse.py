"""Which operations become one, so that as little as possible is computed."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from zoomdream.autodiff.fuse import fuse
from zoomdream.autodiff.graph import Fused, Graph
from zoomdream.autodiff.operations.convolution import Convolution
from zoomdream.autodiff.operations.pool import Pool
from zoomdream.autodiff.operations.relu import rectify, rectify_
from zoomdream.autodiff.trace import trace


def fused(model: nn.Module, *targets: str) -> dict[str, Fused]:
    """How the nodes of the graph are computed, by their names. targets: also by their names."""
    blueprint = trace(copy.deepcopy(model).eval().to("meta"), lambda name: ())
    users = {node: [user for user in node.users if user.op != "output"] for node in blueprint.graph.nodes}
    wanted = frozenset(node for node in blueprint.graph.nodes if node.name in targets)
    found = fuse(Graph(model, users, wanted, blueprint.shapes), blueprint.graph.nodes)
    return {node.name: how for node, how in found.items()}


def stem(pool: nn.Module) -> nn.Module:
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), pool, *head)


def test_a_relu_goes_into_the_convolution_before_it() -> None:
    found = fused(stem(nn.MaxPool2d(3, stride=1)))
    (convolution,) = found["_0"].operations
    assert isinstance(convolution, Convolution)
    assert convolution.rectified
    assert found["_1"].operations == ()
    assert [type(one) for one in found["_2"].operations] == [Pool]


def test_behind_a_pool_that_gives_fewer_pixels_a_relu_has_less_to_do() -> None:
    found = fused(stem(nn.MaxPool2d(3, stride=2)))
    (convolution,) = found["_0"].operations
    assert isinstance(convolution, Convolution)
    assert not convolution.rectified
    assert found["_2"].operations[1] is rectify_


def test_what_is_wanted_stays_what_it_is() -> None:
    before = fused(stem(nn.MaxPool2d(3, stride=2)), "_0")
    assert before["_1"].operations == (rectify,)
    behind = fused(stem(nn.MaxPool2d(3, stride=2)), "_1")
    assert behind["_1"].operations == ()
    assert len(behind["_2"].operations) == 1


class _Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.relu = nn.Conv2d(3, 3, 3, padding=1), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.conv(x) + x).mean((2, 3))


def test_a_relu_overwrites_a_sum_that_nothing_else_needs() -> None:
    found = fused(_Residual())
    assert found["relu"].operations == (rectify_,)
    assert fused(_Residual(), "add").keys() == {"conv"}


class _Splitting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3)

    def forward(self, x: Tensor) -> Tensor:
        first, second = torch.split(self.conv(x), [2, 3], dim=1)
        return torch.cat([second, first], 1).mean((2, 3))


def test_a_split_gives_the_parts_that_are_taken_of_it() -> None:
    found = fused(_Splitting())
    assert found.keys() == {"conv", "split", "getitem", "getitem_1", "cat"}
    assert [found[name].item for name in ("getitem", "getitem_1")] == [0, 1]


def test_what_has_a_hook_is_left_to_autograd() -> None:
    model = stem(nn.MaxPool2d(3, stride=2))
    model[0].register_forward_hook(lambda module, given, result: 2 * result)
    assert "_0" not in fused(model)
