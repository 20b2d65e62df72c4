"""Optical flow between two frames of a clip: OpenCV's DIS and Farneback, torchvision's RAFT.

An estimator is called with a frame and the one before it and returns backward flow: now(p) is before(p + flow(p)). It
works at a size of its own, and its flow is enlarged.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from zoomdream.color.statistics import luma
from zoomdream.flow import raft
from zoomdream.flow.confidence import resize_flow
from zoomdream.machine.devices import to_device
from zoomdream.machine.opencv import opencv

_WORKING_EDGE = 640  # pixels of the longer edge at which flow is estimated; RAFT's memory and time grow with its
# fourth power: 70 MB of correlations here, 350 MB at 960
_STRETCH = 4096.0  # of the levels 0..1 for Farneback
_SHORTEST_EDGE = 64  # pixels below which OpenCV's pyramids have too few levels, or none at all


class Estimator(Protocol):
    """now and before (1, 3, H, W) RGB float32 in [0, 1]; returns the flow (1, 2, H, W) from now to before in pixels.

    The same pictures always give the same flow.
    """

    def __call__(self, now: Tensor, before: Tensor) -> Tensor: ...


def open_estimator(method: str, weights: Path | None, device: torch.device) -> Estimator:
    """The estimator of that name. `weights` and `device` are RAFT's; the others run on the CPU.

    Raises InputError where OpenCV cannot be loaded, or RAFT's weights are missing or broken.
    """
    match method:
        case "dis":
            opencv()
            return DisFlow()
        case "farneback":
            opencv()
            return FarnebackFlow()
        case _ if method in raft.NAMES:
            return RaftFlow(raft.load(method, weights, device))
    raise ValueError(f"no flow estimator is called {method!r}")


@dataclass(frozen=True, slots=True)
class DisFlow:
    """Dense Inverse Search (Kroeger et al. 2016), the preset "medium": full detail at the working size."""

    def __call__(self, now: Tensor, before: Tensor) -> Tensor:
        cv2 = opencv()
        levels = (np.rint(255 * grey).astype(np.uint8) for grey in _grey_pair(now, before))  # it takes nothing finer
        search: Any = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        return _to_flow(search.calc(*levels, None), now)


@dataclass(frozen=True, slots=True)
class FarnebackFlow:
    """Polynomial expansion (Farneback 2003).

    OpenCV adds a thousandth to a product of slopes to keep a division finite. With levels of 0 to 255 that halves the
    flow of misty pictures; levels sixteen times as large make it nothing.
    """

    def __call__(self, now: Tensor, before: Tensor) -> Tensor:
        levels = (_STRETCH * grey for grey in _grey_pair(now, before))
        found = opencv().calcOpticalFlowFarneback(
            *levels, None, pyr_scale=0.5, levels=5, winsize=21, iterations=5, poly_n=7, poly_sigma=1.5, flags=0
        )
        return _to_flow(found, now)


@dataclass(frozen=True, slots=True)
class RaftFlow:
    """RAFT with `model`, which must be on the pictures' device."""

    model: nn.Module

    def __call__(self, now: Tensor, before: Tensor) -> Tensor:
        size = working_size(_size(now), raft.SHORTEST_EDGE)
        return resize_flow(raft.estimate(self.model, _resized(now, size), _resized(before, size)), _size(now))


def working_size(size: tuple[int, int], shortest: int) -> tuple[int, int]:
    """(height, width) at which the flow of pictures of `size` is estimated: of the same shape, but no edge longer than
    _WORKING_EDGE and none shorter than `shortest`, which the estimators' pyramids need."""
    scale = min(1.0, _WORKING_EDGE / max(size))
    height, width = (max(shortest, round(edge * scale)) for edge in size)
    return height, width


def _grey_pair(*pictures: Tensor) -> list[NDArray[np.float32]]:
    """Luma in 0..1 at the working size, (height, width) each."""
    size = working_size(_size(pictures[0]), _SHORTEST_EDGE)
    return [_resized(luma(picture.float()), size)[0, 0].clamp(0, 1).cpu().numpy() for picture in pictures]


def _to_flow(found: NDArray[np.float32], like: Tensor) -> Tensor:
    """OpenCV's flow (height, width, 2), as a tensor for a picture (1, 3, H, W)."""
    field = torch.from_numpy(np.asarray(found, np.float32)).permute(2, 0, 1)[None]
    return resize_flow(to_device(field, like.device), _size(like))


def _resized(picture: Tensor, size: tuple[int, int]) -> Tensor:
    if picture.shape[-2:] == size:
        return picture
    return F.interpolate(picture, size=size, mode="bilinear", align_corners=False, antialias=True)


def _size(picture: Tensor) -> tuple[int, int]:
    return picture.shape[-2], picture.shape[-1]
