"""What is learned and how far it has come: targets, loss, averaged weights, explained variance, first weights."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from dreamnet.dreams import Look, gradient_of_energy, laplacian_normalize
from torch import Tensor
from torch.nn import functional

from zoomdream.networks.dreamnet import EVERYTHING, LOGITS, MEAN, NAMES, DreamNet

_SHARES = (1.0, 2.5, 1.5, 1.0, 1.2, 1.2, 0.7, 0.4, 0.4)  # of the layers 3a to 5b in the loss


def seen_by(network: DreamNet) -> Look:
    """What a network that learns sees in pictures as they are."""
    return lambda pictures, wanted: network(pictures - pictures.new_tensor(MEAN).view(1, 3, 1, 1), wanted)


@torch.no_grad()
def channel_rms(teacher: Look, pictures: Tensor) -> dict[str, Tensor]:
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


def gradient_loss(student: Look, teacher: Look, pictures: Tensor, layer: str) -> Tensor:
    """1 - cosine of the two networks' input gradients of the layer's energy, mean over the pictures.

    A dream is made of input gradients (Laplacian-normalised, as here): two networks whose activations are near may
    still climb in different directions (Sobolev training: Czarnecki et al. 2017, arXiv:1706.04859).
    """
    theirs = laplacian_normalize(gradient_of_energy(teacher, pictures, layer))
    mine = laplacian_normalize(gradient_of_energy(student, pictures, layer, differentiable=True))
    return 1 - functional.cosine_similarity(mine.flatten(1), theirs.flatten(1)).mean()


@torch.no_grad()
def explained_variance(student: Look, teacher: Look, rms: Mapping[str, Tensor], pictures: Tensor) -> dict[str, float]:
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
    """Moving average of weights; short at first, then over 1 / (1 - decay) steps."""

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
