"""The first weights: each of the student's channels is one of the teacher's, as well as the narrower net can have it.

Layer by layer, the teacher's channels that say most about all of its channels are chosen (greedy column selection by
pivoted Cholesky decomposition), and least squares find the weights that give them from what the student has already
(channel pruning by reconstruction: He, Zhang, Sun 2017, arXiv:1707.06168; what ReLU cuts off anyway is no error:
Zhang, Zou, He, Sun 2015, arXiv:1505.06798). All channels are in units of their root mean square.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from dreamnet.teacher import Teacher
from torch import Tensor, nn
from torch.nn import functional

from zoomdream.autodiff.tape import Tape, Value
from zoomdream.networks.dreamnet import NAMES, POOLED_BEFORE, SEES_BEFORE, SHAPES, Block, DivisiveNorm, DreamNet

_SAMPLES = 60_000
_ROUNDS = 4  # of least squares; the target where ReLU cuts off is what the last round gave, if that is negative too
_RIDGE = 1e-4


def in_parts(function: Callable[[Tensor], Tensor], pictures: Tensor) -> Tensor:
    return torch.cat([function(part) for part in pictures.split(40)])


def seen(module: nn.Module, pictures: Tensor) -> Tensor:
    """What comes out of a part of the student."""
    return in_parts(lambda part: module(Tape(recording=False), Value(part)).tensor, pictures)


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
def inherit(student: DreamNet, teacher: Teacher, layer_rms: dict[str, Tensor], pictures: Tensor) -> None:
    """Gives the student its first weights. pictures (N, 3, size, size); `layer_rms` are the units of the heads."""
    generator = torch.Generator().manual_seed(0)

    def raw(name: str, picture: Tensor, stride: int = 1) -> Tensor:
        weight, bias = teacher.pair(name)
        return in_parts(lambda p: functional.conv2d(p, weight, bias, stride, weight.shape[-1] // 2), picture)

    def pool(picture: Tensor) -> Tensor:
        return functional.max_pool2d(picture, 3, 2, ceil_mode=True)

    def scaled(before: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """The chosen channels before ReLU in units of their RMS after it, and which they are."""
        after = functional.relu(before)
        places = choose(after[:, :, ::2, ::2], count)
        return before[:, places] / rms(after)[places].view(1, -1, 1, 1), places

    centred = (pictures * 255).flip(1) - teacher.mean
    before = raw("conv1_7x7_s2", centred, stride=2)
    target, places = scaled(before, student.stem.conv.out_channels)
    units = rms(functional.relu(before))[places]
    weight, bias = teacher.pair("conv1_7x7_s2")
    student.stem.conv.weight.copy_(weight[places].flip(1) * 255 / units.view(-1, 1, 1, 1))
    student.stem.conv.bias.copy_(bias[places] / units)
    theirs, mine = pool(functional.relu(before)), pool(functional.relu(target))
    normed = in_parts(teacher._local_norm, theirs)
    factors = (normed / theirs.clamp(min=1e-3))[:, places].clamp(min=1e-3)
    factors = torch.where(theirs[:, places] > 1e-2, factors, torch.ones(()))
    fit_norm(student.gain, mine, factors)
    mine, theirs = seen(student.gain, mine), normed
    for name, convolution in (("conv2_3x3_reduce", student.squeeze), ("conv2_3x3", student.detail)):
        before = raw(name, theirs)
        target, places = scaled(before, convolution.conv.out_channels)
        fit(convolution.conv, mine, target, generator)
        mine, theirs = functional.relu(seen(convolution, mine)), functional.relu(before)
    normed = in_parts(teacher._local_norm, theirs)
    factors = (normed / theirs.clamp(min=1e-3))[:, places].clamp(min=1e-3)
    factors = torch.where(theirs[:, places] > 1e-2, factors, torch.ones(()))
    fit_norm(student.balance, mine, factors)
    mine, theirs = seen(student.balance, pool(mine)), pool(normed)
    for name in NAMES:
        if name in POOLED_BEFORE:
            mine, theirs = pool(mine), pool(theirs)
        block, shape, key = student.blocks[name], SHAPES[name], f"inception_{name.removeprefix('mixed')}"
        assert isinstance(block, Block)
        direct = raw(f"{key}_1x1", theirs)
        reduced3, reduced5 = raw(f"{key}_3x3_reduce", theirs), raw(f"{key}_5x5_reduce", theirs)
        full3 = raw(f"{key}_3x3", functional.relu(reduced3))
        full5 = raw(f"{key}_5x5", functional.relu(reduced5))
        pooled = raw(f"{key}_pool_proj", functional.max_pool2d(theirs, 3, 1, 1))
        aims = [
            scaled(direct, shape.direct)[0],
            scaled(reduced3, shape.reduced3)[0],
            scaled(reduced5, shape.reduced5)[0],
            scaled(pooled, shape.pooled)[0],
        ]
        fit(block.entry.conv, mine, torch.cat(aims, dim=1), generator)
        _, small3, small5, _ = seen(block.entry, mine).split(block.split, dim=1)
        fit(block.conv3.conv, small3, scaled(full3, shape.full3)[0], generator)
        fit(block.conv5.conv, small5, scaled(full5, shape.full5)[0], generator)
        before, mine = mine, seen(block, mine)
        theirs = torch.cat([functional.relu(part) for part in (direct, full3, full5, pooled)], dim=1)
        visible = torch.cat([before, mine], dim=1) if name in SEES_BEFORE else mine
        fit(student.heads[name].conv, visible, theirs / layer_rms[name].view(1, -1, 1, 1), generator)
    weight, bias = teacher.pair("loss3_classifier")
    student.classifier.weight.copy_(weight * layer_rms[NAMES[-1]])
    student.classifier.bias.copy_(bias)
