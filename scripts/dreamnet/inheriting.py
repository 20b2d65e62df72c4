"""The first weights: each of the student's channels is one of the teacher's, as well as the narrower net can have it.

Layer by layer, the teacher's channels that say most about all of its channels are chosen (greedy column selection by
pivoted Cholesky decomposition), and least squares find the weights that give them from what the student has already
(channel pruning by reconstruction: He, Zhang, Sun 2017, arXiv:1707.06168; what ReLU cuts off anyway is no error:
Zhang, Zou, He, Sun 2015, arXiv:1505.06798). All channels are in units of their root mean square.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from zoomdream.autodiff.operations.divisive_norm import DivisiveNorm
from zoomdream.networks.dreamnet import MEAN, NAMES, POOLED_BEFORE, SEES_BEFORE, SHAPES, Block, DreamNet
from zoomdream.networks.googlenet import GoogLeNet

_SAMPLES = 60_000
_ROUNDS = 4  # of least squares; the target where ReLU cuts off is what the last round gave, if that is negative too
_RIDGE = 1e-4


def in_parts(function: Callable[[Tensor], Tensor], pictures: Tensor) -> Tensor:
    return torch.cat([function(part) for part in pictures.split(40)])


def rms(activation: Tensor) -> Tensor:
    """Of each channel (C,), at least 1/20 of the whole layer's."""
    squares = activation.square().mean(dim=(0, 2, 3))
    return squares.clamp(min=squares.mean() / 400).sqrt()


def choose(activation: Tensor, count: int) -> Tensor:
    """Numbers of the `count` channels from which all channels can best be told linearly, (count,), ascending."""
    flat = (activation / rms(activation).view(1, -1, 1, 1)).permute(1, 0, 2, 3).flatten(1)
    rest = (flat @ flat.T).double() / flat.shape[1]
    chosen: list[int] = []
    for _ in range(count):
        gain = rest.square().sum(dim=0) / rest.diagonal().clamp(min=1e-6)
        gain[chosen] = -1
        best = int(gain.argmax())
        chosen.append(best)
        column = rest[:, best].clone()
        rest -= column[:, None] * column[None, :] / column[best].clamp(min=1e-9)
    return torch.tensor(sorted(chosen))


def fit(convolution: nn.Conv2d, inputs: Tensor, target: Tensor, generator: torch.Generator) -> None:
    """Weights by which `convolution` gives `target` (N, C, h, w), before ReLU, from `inputs`."""
    kernel = convolution.kernel_size[0]
    each = max(1, _SAMPLES // len(inputs))
    columns, wanted = [], []
    for part, aim in zip(inputs.split(40), target.split(40), strict=True):
        unfolded = functional.unfold(part, kernel, padding=kernel // 2)
        for one, goal in zip(unfolded, aim.flatten(2), strict=True):
            places = torch.randperm(goal.shape[1], generator=generator)[:each]
            columns.append(one[:, places])
            wanted.append(goal[:, places])
    x = torch.cat(columns, dim=1)
    x = torch.cat([x, torch.ones(1, x.shape[1])])
    y = torch.cat(wanted, dim=1)
    gram = (x @ x.T).double()
    gram.diagonal().add_(_RIDGE * gram.diagonal().mean())
    factor = torch.linalg.cholesky(gram)
    goal = y
    for _ in range(_ROUNDS):
        found = torch.cholesky_solve((x @ goal.T).double(), factor).float().T
        goal = torch.where(y > 0, y, torch.minimum(found @ x, torch.zeros(())))
    with torch.no_grad():
        convolution.weight.copy_(found[:, :-1].view_as(convolution.weight))
        convolution.bias.copy_(found[:, -1])


def fit_norm(norm: DivisiveNorm, inputs: Tensor, factors: Tensor) -> None:
    """Weights, none negative, by which inputs / sqrt(1 + weighted squares) is near inputs * factors."""
    x = inputs.square().permute(1, 0, 2, 3).flatten(1)[:, ::7]
    y = (factors**-2 - 1).permute(1, 0, 2, 3).flatten(1)[:, ::7]
    gram, side = x @ x.T, y @ x.T
    weight = torch.full_like(norm.weight[:, :, 0, 0], 0.01)
    for _ in range(500):  # multiplicative updates keep them from being negative (Lee and Seung 2001)
        weight = weight * side.clamp(min=0) / (weight @ gram).clamp(min=1e-9)
    with torch.no_grad():
        norm.weight.copy_(weight.clamp(min=1e-5)[:, :, None, None])


@torch.no_grad()
def inherit(student: DreamNet, teacher: GoogLeNet, layer_rms: dict[str, Tensor], pictures: Tensor) -> None:
    """Gives the student its first weights. pictures (N, 3, size, size); `layer_rms` are the units of the heads."""
    generator = torch.Generator().manual_seed(0)

    def theirs_of(name: str, picture: Tensor) -> Tensor:
        """What one of the teacher's modules gives."""
        return in_parts(teacher.get_submodule(name), picture)

    def scaled(before: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """The chosen channels before ReLU in units of their RMS after it, and which they are."""
        after = functional.relu(before)
        places = choose(after[:, :, ::2, ::2], count)
        return before[:, places] / rms(after)[places].view(1, -1, 1, 1), places

    def norm_like(norm: DivisiveNorm, name: str, theirs: Tensor, mine: Tensor, places: Tensor) -> Tensor:
        """Fits a norm to what the teacher's does to the chosen channels; what the teacher's gives."""
        normed = theirs_of(name, theirs)
        factors = (normed / theirs.clamp(min=1e-3))[:, places].clamp(min=1e-3)
        fit_norm(norm, mine, torch.where(theirs[:, places] > 1e-2, factors, torch.ones(())))
        return normed

    before = theirs_of("conv1.conv", pictures - torch.tensor(MEAN).view(1, 3, 1, 1))
    target, places = scaled(before, student.stem.conv.out_channels)
    units = rms(functional.relu(before))[places]
    student.stem.conv.weight.copy_(teacher.conv1.conv.weight[places] / units.view(-1, 1, 1, 1))
    student.stem.conv.bias.copy_(teacher.conv1.conv.bias[places] / units)
    theirs, mine = student.pool(functional.relu(before)), student.pool(functional.relu(target))
    theirs = norm_like(student.gain, "norm1", theirs, mine, places)
    mine = in_parts(student.gain, mine)
    for name, convolution in (("conv2_reduce", student.squeeze), ("conv2", student.detail)):
        before = theirs_of(f"{name}.conv", theirs)
        target, places = scaled(before, convolution.conv.out_channels)
        fit(convolution.conv, mine, target, generator)
        mine, theirs = in_parts(convolution, mine), functional.relu(before)
    theirs = norm_like(student.balance, "norm2", theirs, mine, places)
    mine, theirs = in_parts(student.balance, student.pool(mine)), student.pool(theirs)
    for name in NAMES:
        if name in POOLED_BEFORE:
            mine, theirs = student.pool(mine), student.pool(theirs)
        block, shape = student.blocks[name], SHAPES[name]
        assert isinstance(block, Block)
        direct, reduced3, reduced5 = (
            theirs_of(f"{name}.{branch}.conv", theirs) for branch in ("1x1", "3x3_reduce", "5x5_reduce")
        )
        full3 = theirs_of(f"{name}.3x3.conv", functional.relu(reduced3))
        full5 = theirs_of(f"{name}.5x5.conv", functional.relu(reduced5))
        pooled = theirs_of(f"{name}.pool_proj.conv", theirs_of(f"{name}.pool", theirs))
        aims = [
            scaled(direct, shape.direct)[0],
            scaled(reduced3, shape.reduced3)[0],
            scaled(reduced5, shape.reduced5)[0],
            scaled(pooled, shape.pooled)[0],
        ]
        fit(block.entry.conv, mine, torch.cat(aims, dim=1), generator)
        _, small3, small5, _ = in_parts(block.entry, mine).split(block.split, dim=1)
        fit(block.conv3.conv, small3, scaled(full3, shape.full3)[0], generator)
        fit(block.conv5.conv, small5, scaled(full5, shape.full5)[0], generator)
        before, mine = mine, in_parts(block, mine)
        theirs = torch.cat([functional.relu(part) for part in (direct, full3, full5, pooled)], dim=1)
        visible = torch.cat([before, mine], dim=1) if name in SEES_BEFORE else mine
        fit(student.heads[name].conv, visible, theirs / layer_rms[name].view(1, -1, 1, 1), generator)
    student.classifier.weight.copy_(teacher.classifier.weight[:, :, 0, 0] * layer_rms[NAMES[-1]])
    student.classifier.bias.copy_(teacher.classifier.bias)
