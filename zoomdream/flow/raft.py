"""RAFT (Teed and Deng 2020) as torchvision has it: flow from a network, finer at edges than DIS and far slower."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoomdream.errors import InputError
from zoomdream.networks.weights import download
from zoomdream.networks.weights.read import read_tensors

NAMES = ("raft_small", "raft_large")
_MAX_BYTES = 100 * 10**6  # of a download; the large one has 21 MB
_STRIDE = 8  # of its features; the picture must be whole cells
SHORTEST_EDGE = 128  # pixels: below, its coarsest correlations are empty and come out as NaN


def load(name: str, weights: Path | None, device: torch.device) -> nn.Module:
    """The network of that name (one of NAMES), in float32. weights: None is torchvision's own file, downloaded once.

    Raises InputError where the file is missing, broken, of another network, or cannot be downloaded.
    """
    # Here, because importing torchvision takes a second and few clips need it.
    from torchvision.models import optical_flow

    model: nn.Module = getattr(optical_flow, name)(weights=None)
    path = weights or _downloaded(name)
    tensors = read_tensors(path)
    wanted = {key: value for key, value in model.state_dict().items() if not key.endswith("num_batches_tracked")}
    wrong = [key for key in wanted if key not in tensors or tensors[key].shape != wanted[key].shape]
    if wrong or len(tensors) != len(wanted):
        strange = wrong[0] if wrong else next(key for key in tensors if key not in wanted)
        raise InputError(
            f"{path} holds the weights of another network than {name}: the tensor {strange!r} does not fit. "
            f"Give a file of torchvision's {name}."
        )
    model.load_state_dict(tensors, strict=False)  # batch norm's counters are not in `tensors`, nor ever used
    return model.eval().requires_grad_(False).to(device)


def estimate(model: nn.Module, now: Tensor, before: Tensor) -> Tensor:
    """Backward flow (1, 2, H, W) in pixels of pictures (1, 3, H, W) in 0..1 with edges of at least SHORTEST_EDGE."""
    height, width = now.shape[-2:]
    right, below = -width % _STRIDE, -height % _STRIDE
    pair = (F.pad(2 * picture.float() - 1, (0, right, 0, below), mode="replicate") for picture in (now, before))
    with torch.no_grad():
        steps: list[Tensor] = model(*pair)
    return steps[-1][..., :height, :width]


def _downloaded(name: str) -> Path:
    """torchvision's file in torch's cache, fetched if it is not there yet."""
    from zoomdream.networks.torchvision_zoo import cached, origin

    path = cached(name)
    if path.is_file():
        return path
    address, digest, _ = origin(name)
    try:
        return download.fetch([address], path, digest=f"sha256:{digest}", max_bytes=_MAX_BYTES)
    except InputError as error:
        raise InputError(
            f"{name} has no weights here, and {error} Get {address} where there is a network and name the file in "
            "`flow.weights`, or choose dis, which needs none."
        ) from None
