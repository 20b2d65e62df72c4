"""Optical flow between two frames of a clip: OpenCV's DIS and Farneback, torchvision's RAFT.

An estimator is called with the frame that is now and the one before it and answers with backward flow: now(p) is
before(p + flow(p)).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from zoomdream.errors import InputError
from zoomdream.flow import raft
from zoomdream.machine.devices import to_device

METHODS = ("dis", "farneback", *raft.NAMES)
_WORKING_EDGE = 640  # pixels of the longer edge at which flow is estimated
_RAFT_EDGE = 640  # its memory and time grow with the fourth power of this: 70 MB of correlations here, 350 MB at 960
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
    if method == "dis":
        return _with_opencv(_dis)
    if method == "farneback":
        return _with_opencv(_farneback)
    if method in raft.NAMES:
        return _with_raft(raft.load(method, weights, device))
    raise ValueError(f"no flow estimator is called {method!r}")


Field = NDArray[np.float32]


def _dis(cv2: ModuleType) -> Callable[[Field, Field], Field]:
    """Dense Inverse Search (Kroeger et al. 2016), the preset "medium": full detail at the working size."""
    search: Any = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def estimate(now: Field, before: Field) -> Field:
        levels = (np.rint(255 * gray).astype(np.uint8) for gray in (now, before))  # it takes nothing finer
        return np.asarray(search.calc(*levels, None), np.float32)

    return estimate


def _farneback(cv2: ModuleType) -> Callable[[Field, Field], Field]:
    """Polynomial expansion (Farneback 2003).

    OpenCV adds a thousandth to a product of slopes to keep a division finite. With levels of 0 to 255 that halves the
    flow of misty pictures; levels sixteen times as large make it nothing.
    """

    def estimate(now: Field, before: Field) -> Field:
        flow = cv2.calcOpticalFlowFarneback(
            _STRETCH * now,
            _STRETCH * before,
            None,
            pyr_scale=0.5,
            levels=5,
            winsize=21,
            iterations=5,
            poly_n=7,
            poly_sigma=1.5,
            flags=0,
        )
        return np.asarray(flow, np.float32)

    return estimate


def _with_opencv(make: Callable[[ModuleType], Callable[[Field, Field], Field]]) -> Estimator:
    """An estimator out of a function on grey pictures in 0..1, run at the working size."""
    cv2 = _opencv()
    estimate = make(cv2)

    def flow(now: Tensor, before: Tensor) -> Tensor:
        height, width = now.shape[-2:]
        size = working_size((height, width), _WORKING_EDGE, _SHORTEST_EDGE)
        # One thread: DIS cuts the picture into as many strips as there are threads, and its result depends on them.
        cv2.setNumThreads(1)
        found = estimate(_gray(now, size), _gray(before, size))
        field = torch.from_numpy(found).permute(2, 0, 1)[None]
        return _enlarge(to_device(field, now.device), (height, width))

    return flow


def _with_raft(model: nn.Module) -> Estimator:
    """An estimator that runs RAFT at the working size. It is the one that works where the pictures are."""

    def flow(now: Tensor, before: Tensor) -> Tensor:
        height, width = now.shape[-2:]
        size = working_size((height, width), _RAFT_EDGE, raft.SHORTEST_EDGE)
        return _enlarge(raft.estimate(model, _resized(now, size), _resized(before, size)), (height, width))

    return flow


def working_size(size: tuple[int, int], longest: int, shortest: int) -> tuple[int, int]:
    """(height, width) at which the flow of pictures of `size` is estimated: of the same shape, but no edge longer than
    `longest` and none shorter than `shortest`, which the estimators' pyramids need."""
    scale = min(1.0, longest / max(size))
    height, width = (max(shortest, round(edge * scale)) for edge in size)
    return height, width


def _gray(picture: Tensor, size: tuple[int, int]) -> Field:
    """(height, width) luma in 0..1 at `size`."""
    weights = to_device(torch.tensor((0.2126, 0.7152, 0.0722)), picture.device).view(1, 3, 1, 1)
    luma = (picture.float() * weights).sum(dim=1, keepdim=True)
    gray: Field = _resized(luma, size)[0, 0].clamp(0, 1).cpu().numpy()
    return gray


def _resized(picture: Tensor, size: tuple[int, int]) -> Tensor:
    if picture.shape[-2:] == size:
        return picture
    return F.interpolate(picture, size=size, mode="bilinear", align_corners=False, antialias=True)


def _enlarge(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """The flow at another size; the vectors grow as the picture does."""
    height, width = flow.shape[-2:]
    if (height, width) == size:
        return flow
    scale = to_device(torch.tensor((size[1] / width, size[0] / height)), flow.device).view(1, 2, 1, 1)
    return F.interpolate(flow, size=size, mode="bilinear", align_corners=False) * scale


def _opencv() -> ModuleType:
    """OpenCV. InputError where a library of the system is missing: clips cannot do without it."""
    try:
        import cv2
    except ImportError as error:
        raise InputError(
            f"OpenCV does not load: {error}. Where libGL.so.1 or libgthread-2.0.so.0 is missing, install the "
            "system's packages with them, e.g. libgl1 and libglib2.0-0, or the Python package opencv-python-headless."
        ) from None
    return cv2
