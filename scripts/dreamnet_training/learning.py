"""What is learned and how far it has come: targets, loss, averaged weights, explained variance, first weights."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from dreamnet_training.teacher import Teacher
from torch import Tensor, nn
from torch.nn import functional

from zoomdream.nets.dreamnet import LOGITS, NAMES, STEM, DreamNet

EVERYTHING = frozenset([*NAMES, LOGITS])
_SHARES = (0.7, 1.0, 1.0, 1.0, 1.2, 1.2, 1.0, 0.7, 0.7)  # of the layers 3a to 5b in the loss


@torch.no_grad()
def channel_rms(teacher: Teacher, pictures: Tensor) -> dict[str, Tensor]:
    """Each layer's channel RMS (C,), at least 1/20 of the whole layer's: a channel that never fires is no target."""
    sums: dict[str, Tensor] = {}
    for part in pictures.split(16):
        for name, activation in teacher(part, frozenset(NAMES)).items():
            sums[name] = sums.get(name, 0) + activation.float().square().mean(dim=(2, 3)).sum(dim=0)
    squares = {name: value / len(pictures) for name, value in sums.items()}
    return {name: value.clamp(min=value.mean() / 400).sqrt() for name, value in squares.items()}


def loss_of(found: Mapping[str, Tensor], target: Mapping[str, Tensor], rms: Mapping[str, Tensor]) -> Tensor:
    """Squared error of the activations in RMS units, plus that of the logits, plus the classes' divergence.

    Each picture's error is relative to its own energy, so that loud dreams do not drown photos.
    """
    total = torch.zeros((), device=found[LOGITS].device)
    for name, share in zip(NAMES, _SHARES, strict=True):
        wanted = target[name].float() / rms[name].view(1, -1, 1, 1)
        error = (found[name].float() - wanted).square().mean(dim=(1, 2, 3))
        total = total + share * (error / (0.3 + wanted.square().mean(dim=(1, 2, 3)))).mean()
    wanted, logits = target[LOGITS].float(), found[LOGITS].float()
    relative = (logits - wanted).square().mean(dim=1) / (1 + wanted.square().mean(dim=1))
    divergence = functional.kl_div(
        logits.log_softmax(dim=1), wanted.log_softmax(dim=1), reduction="batchmean", log_target=True
    )
    return total + 0.25 * relative.mean() + 0.05 * divergence


@torch.no_grad()
def explained_variance(
    student: nn.Module, teacher: Teacher, rms: Mapping[str, Tensor], pictures: Tensor
) -> dict[str, float]:
    """1 - squared error / variance about each channel's (each class's) mean, in RMS units, per layer."""
    pairs: dict[str, list[tuple[Tensor, Tensor]]] = {name: [] for name in EVERYTHING}
    for part in pictures.split(12):
        found, target = student(part, EVERYTHING), teacher(part, EVERYTHING)
        for name in EVERYTHING:
            scale = rms[name].view(1, -1, 1, 1) if name in rms else 1.0
            pairs[name].append((found[name].float(), target[name].float() / scale))
    result: dict[str, float] = {}
    for name in (*NAMES, LOGITS):
        wanted = torch.cat([pair[1].flatten(2) if pair[1].ndim == 4 else pair[1][:, :, None] for pair in pairs[name]])
        got = torch.cat([pair[0].flatten(2) if pair[0].ndim == 4 else pair[0][:, :, None] for pair in pairs[name]])
        spread = (wanted - wanted.mean(dim=(0, 2), keepdim=True)).square().sum()
        result[name] = 1 - ((got - wanted).square().sum() / spread).item()
    return result


class Average:
    """Moving average of weights and batch norm statistics; short at first, then over 1 / (1 - decay) steps."""

    def __init__(self, network: DreamNet, decay: float = 0.9985) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay, self.steps = decay, 0

    @torch.no_grad()
    def update(self, network: DreamNet) -> None:
        self.steps += 1
        keep = min(self.decay, (1 + self.steps) / (20 + self.steps))
        mine, theirs = self.network.state_dict(), network.state_dict()
        for key, value in mine.items():
            if value.dtype.is_floating_point:
                value.lerp_(theirs[key], 1 - keep)
            else:
                value.copy_(theirs[key])


@torch.no_grad()
def start_from_teacher(student: DreamNet, teacher: Teacher, rms: Mapping[str, Tensor], pictures: Tensor) -> None:
    """The stem begins as those filters of the teacher that say most about all 64, the classifier as its own."""
    weight, bias = (tensor.float() for tensor in teacher.pair("conv1_7x7_s2"))
    centred = (pictures * 255).flip(1) - teacher.mean.float()
    before = functional.conv2d(centred, weight, bias, stride=2, padding=3)
    samples = functional.relu(before[:, :, ::4, ::4]).permute(1, 0, 2, 3).flatten(1)
    samples = samples / samples.square().mean(dim=1, keepdim=True).sqrt().clamp(min=1e-6)
    residual, chosen = samples.clone(), []
    for _ in range(STEM):
        best = int(
            (residual @ residual.T).square().sum(dim=1).div(residual.square().sum(dim=1).clamp(min=1e-3)).argmax()
        )
        chosen.append(best)
        direction = residual[best] / residual[best].norm()
        residual = residual - (residual @ direction)[:, None] * direction[None, :]
        residual[chosen] = 0
    deviation = before.std(dim=(0, 2, 3))[chosen]
    student.stem.conv.weight.copy_(weight[chosen].flip(1) * 255 / deviation.view(-1, 1, 1, 1))
    student.stem.norm.bias.copy_(before.mean(dim=(0, 2, 3))[chosen] / deviation)
    class_weight, class_bias = (tensor.float() for tensor in teacher.pair("loss3_classifier"))
    student.classifier.weight.copy_(class_weight * rms[NAMES[-1]])
    student.classifier.bias.copy_(class_bias)
