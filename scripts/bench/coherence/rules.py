"""Frame-by-frame dreaming and the three published rules for clips, with a dream step that they share.

Each takes the source's frames and a dream (a picture and its number in, a dreamt picture in [0, 1] out) and returns
one dreamt picture per frame. None of them starts afresh at a cut: neither do the originals. Nothing is rounded to 8
bits from frame to frame, though the originals do; and their flow is here the dense inverse search of OpenCV at full
size, so that no rule is better or worse for its estimator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from bench.coherence.dreaming import Dream
from torch import Tensor

Rule = Callable[[Sequence[Tensor], Dream], list[Tensor]]
Flow = np.ndarray  # (H, W, 2), pixels, x then y


def frame_by_frame(sources: Sequence[Tensor], dream: Dream) -> list[Tensor]:
    """Each frame for itself."""
    return [dream(source, index) for index, source in enumerate(sources)]


def linear_blend(sources: Sequence[Tensor], dream: Dream, share: float = 0.85) -> list[Tensor]:
    """pytorch-deepdream (f37d99a): dream on `share` of the frame and the rest of the last dream, at the same place."""
    outputs: list[Tensor] = []
    for index, source in enumerate(sources):
        start = outputs[-1] + share * (source - outputs[-1]) if outputs else source
        outputs.append(dream(start, index))
    return outputs


def negated_residual(sources: Sequence[Tensor], dream: Dream) -> list[Tensor]:
    """DeepDreamAnim (4a0136c): all that the last dream had added, fetched along the negated forward flow, on top.

    The forward flow is read where the pixel is now, not where it came from. No mask and no fading.
    """
    outputs: list[Tensor] = []
    for index, source in enumerate(sources):
        start = source
        if outputs:
            added = outputs[-1] - sources[index - 1]
            start = source + moved(added, -forward_flow(sources[index - 1], source))
        outputs.append(dream(start, index))
    return outputs


def half_masked_warp(sources: Sequence[Tensor], dream: Dream, share: float = 0.5) -> list[Tensor]:
    """deepdream-video-pytorch (5bd9049): dream on half the frame and half the last dream, moved, where the frame
    before, moved, looks like this one; elsewhere on the frame alone. Moved along the negated forward flow.
    """
    outputs: list[Tensor] = []
    for index, source in enumerate(sources):
        start = source
        if outputs:
            flow = -forward_flow(sources[index - 1], source)
            mask = alike(source, moved(sources[index - 1], flow))
            guided = mask * moved(outputs[-1], flow) + (1 - mask) * source
            start = (1 - share) * source + share * guided
        outputs.append(dream(start, index))
    return outputs


def forward_flow(before: Tensor, now: Tensor) -> Flow:
    """Where the pixels of the frame before have gone."""
    estimator: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    estimator.setFinestScale(0)
    return np.asarray(estimator.calc(_grey(_image(before)), _grey(_image(now)), None))


def moved(picture: Tensor, flow: Flow) -> Tensor:
    """picture(p + flow(p)), bilinear; nothing comes from outside (0)."""
    height, width = flow.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    values = picture[0].permute(1, 2, 0).contiguous().numpy()
    found = cv2.remap(values, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR)
    return torch.from_numpy(found).permute(2, 0, 1)[None].contiguous()


def alike(now: Tensor, before_moved: Tensor, threshold: int = 30) -> Tensor:
    """1 where two pictures differ by at most `threshold` of 255 grey levels, opened and blurred; (1, 1, H, W)."""
    difference = _grey(cv2.absdiff(_image(now), _image(before_moved)))
    edge = int(np.sqrt(difference.size))
    _, mask = cv2.threshold(difference, threshold, 255, cv2.THRESH_BINARY_INV)
    opening, blur = max(3, int(edge * 0.003)) | 1, max(5, int(edge * 0.009)) | 1
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((opening, opening), np.uint8))
    mask = cv2.GaussianBlur(mask, (blur, blur), 0)
    return torch.from_numpy(mask)[None, None].float() / 255


def _image(picture: Tensor) -> np.ndarray:
    return (picture[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous().numpy()


def _grey(image: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))


FRAME_BY_FRAME = "frame by frame"
RULES: Mapping[str, Rule] = {
    "linear blend 0.85": linear_blend,
    "negated residual 100 %": negated_residual,
    "half masked warp": half_masked_warp,
}
