"""Networks that chance has put together: whatever is fused, gradients are autograd's."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from tests.against_autograd import Answer, answer
from zoomdream.autodiff.operations.convolution import SameConv2d
from zoomdream.autodiff.operations.divisive_norm import DivisiveNorm
from zoomdream.autodiff.operations.pool import HalvingPool
from zoomdream.autodiff.trace import trace
from zoomdream.autodiff.traced import TracedNetwork

SIZE, LARGE = (19, 26), (64, 48)
STEPS = 24


class RandomNetwork(nn.Module):
    """Steps that each take what some of the steps before gave, mostly the last one."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.chance = random.Random(seed)
        self.parts = nn.ModuleList()
        self.steps: list[tuple[Callable[..., Any], tuple[int, ...]]] = []
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(seed)
            # What fits together in a picture of one size need not in another.
            pictures = [torch.rand(1, 3, *size) for size in (SIZE, LARGE)]
            first = self._convolution(pictures[0], stride=1)
            values = [tuple(first(picture) for picture in pictures)]
            while len(self.steps) < STEPS:
                taken = self._some(values)
                step = self._step([values[number][0] for number in taken])
                if step is not None:
                    self.steps.append((step, taken))
                    found = [step(*(values[number][size] for number in taken)) for size in (0, 1)]
                    values += zip(*found, strict=True) if isinstance(step, Split) else [tuple(found)]
        del self.chance

    def forward(self, x: Tensor) -> Tensor:
        values = [self.parts[0](x)]
        for step, taken in self.steps:
            found = step(*(values[number] for number in taken))
            values += [found[number] for number in range(step.count)] if isinstance(step, Split) else [found]
        return torch.cat([value.mean((2, 3)) for value in values[-3:]], 1)

    def _some(self, values: list[tuple[Tensor, ...]]) -> tuple[int, ...]:
        """Up to three of one height and width, the last one more often than others."""
        last = len(values) - 1
        first = last if self.chance.random() < 0.6 else self.chance.randrange(len(values))
        sizes = [[one.shape[2:] for one in value] for value in values]
        fitting = [number for number, size in enumerate(sizes) if size == sizes[first]]
        return (first, *self.chance.choices(fitting, k=self.chance.randrange(3)))

    def _step(self, taken: list[Tensor]) -> Callable[..., Any] | None:
        x, chance = taken[0], self.chance
        if len(taken) > 1:
            if len(taken) == 2 and taken[0].shape == taken[1].shape and chance.random() < 0.5:
                return chance.choice([torch.add, lambda a, b: a + b, lambda a, b: torch.cat([a, b], 2)])
            return (lambda *parts: torch.cat(parts, dim=1)) if sum(one.shape[1] for one in taken) < 30 else None
        large = min(x.shape[2:]) > 5
        kinds = [self._convolution, self._relu, self._relu, self._split, self._norm, self._other]
        kinds += [self._pool, self._pool] if large else []
        return chance.choice(kinds)(x)

    def _part(self, module: nn.Module) -> nn.Module:
        self.parts.append(module)
        return module

    def _convolution(self, x: Tensor, stride: int | None = None) -> nn.Module:
        chance = self.chance
        edge = chance.choice([1, 3, 5]) if min(x.shape[2:]) > 4 else 1
        stride = stride or (chance.choice([1, 1, 2, 2, (1, 2)]) if min(x.shape[2:]) > 5 else 1)
        kind = SameConv2d if stride == 2 and edge > 1 and chance.random() < 0.3 else nn.Conv2d
        padding = edge // 2 if kind is SameConv2d else chance.randint(0, edge // 2)
        return self._part(kind(x.shape[1], chance.randint(3, 8), edge, stride, padding, bias=chance.random() < 0.7))

    def _relu(self, x: Tensor) -> Callable[..., Any]:
        return self.chance.choice([self._part(nn.ReLU()), F.relu, torch.relu, lambda x: x.relu()])

    def _pool(self, x: Tensor) -> Callable[..., Any]:
        edge, stride, ceil = self.chance.choice([2, 3]), self.chance.choice([1, 2]), self.chance.random() < 0.5
        pools = [
            nn.MaxPool2d(edge, stride, 1, ceil_mode=ceil),
            nn.MaxPool2d((edge, 2), stride),
            HalvingPool(self.chance.random() < 0.5),
        ]
        if self.chance.random() < 0.2:
            return lambda x: F.max_pool2d(x, edge, stride, ceil_mode=ceil)
        return self._part(self.chance.choice(pools))

    def _split(self, x: Tensor) -> Callable[..., Any] | None:
        first = self.chance.randint(1, x.shape[1] - 1) if x.shape[1] > 1 else 0
        return Split([first, x.shape[1] - first]) if first else None

    def _norm(self, x: Tensor) -> nn.Module:
        divisive = DivisiveNorm(x.shape[1])
        nn.init.uniform_(divisive.weight)
        return self._part(
            self.chance.choice([nn.LocalResponseNorm(3, 0.3, 0.75), nn.LocalResponseNorm(2), divisive, divisive])
        )

    def _other(self, x: Tensor) -> Callable[..., Any]:
        return self.chance.choice([torch.sigmoid, lambda x: 0.5 * x, lambda x: x - x.mean((2, 3), keepdim=True)])


class Split:
    def __init__(self, widths: list[int]) -> None:
        self.widths, self.count = widths, len(widths)

    def __call__(self, x: Tensor) -> Any:
        return torch.split(x, self.widths, dim=1)


def by_autograd(network: TracedNetwork, image: Tensor, names: tuple[str, ...]) -> Answer:
    def activations(leaf: Tensor) -> dict[str, Tensor]:
        passes = fx.Interpreter(network.model, graph=network._blueprint.graph, garbage_collect_values=False)
        passes.run(leaf - network.mean)
        return {name: passes.env[network._blueprint.nodes[name]] for name in names}

    return answer(image, activations)


@pytest.mark.parametrize("seed", range(60))
def test_what_is_fused_gives_what_autograd_gives(seed: int) -> None:
    model = RandomNetwork(seed).requires_grad_(False)
    blueprint = trace(copy.deepcopy(model).to("meta"), lambda name: ())
    if seed % 2:
        blueprint = replace(blueprint, shapes=None)  # as of networks that are known to consist of grids
    network = TracedNetwork("random", model, blueprint, (0.4, 0.5, 0.6)).double()
    image = torch.rand((1, 3, *SIZE), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    every, chance = [layer.name for layer in network.layers], random.Random(seed)
    wanted = [
        ("logits",),
        (every[-2],),
        *(tuple(set(chance.choices(every, k=count))) for count in (1, 2, 3)),
        tuple(every),
    ]
    torch.testing.assert_close(network(image, frozenset(wanted[0]))["logits"], model(image - network.mean))
    for names in wanted:
        found = answer(image, lambda leaf, names=names: network(leaf, frozenset(names)))
        expected = by_autograd(network, image, names)
        for one, true in [(found[0][name], expected[0][name]) for name in names] + [(found[1], expected[1])]:
            assert float((one - true).norm()) <= 1e-10 * (float(true.norm()) + 1e-6), names
