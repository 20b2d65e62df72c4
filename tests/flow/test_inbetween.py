from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from zoomdream.camera.motion import Motion, camera_flow, combined, inverse
from zoomdream.camera.warp import warp
from zoomdream.flow.bidirectional import BidirectionalFlow, ConfidentFlow
from zoomdream.flow.inbetween import KeyInterval, between, blend_by_visibility, interpolate_added
from zoomdream.randomness import generator

SIZE = (48, 64)
TURNING = Motion(scale=1.02, degrees=2, pan=(0.01, 0.02), pivot=(0.3, 0.6))


def smooth() -> Tensor:
    y, x = torch.meshgrid(torch.arange(48.0), torch.arange(64.0), indexing="ij")
    waves = [0.5 + 0.3 * torch.sin(x / 4 + phase) * torch.cos(y / 5 - phase) for phase in (0, 1, 2)]
    return torch.stack(waves)[None]


def interval_by(motion: Motion, frames: int, start: Tensor, change: Tensor | float) -> KeyInterval:
    moved = warp(start, camera_flow(combined([motion] * frames, SIZE), SIZE))
    return KeyInterval(0, frames, start, moved, moved + change)


def at(interval: KeyInterval, index: int, motion: Motion) -> Tensor:
    there = camera_flow(combined([motion] * index, SIZE), SIZE)
    home = camera_flow(inverse(combined([motion] * (interval.end - index), SIZE)), SIZE)
    return between(interval, index, there, home, "reflect")


def psnr(one: Tensor, two: Tensor) -> float:
    inner = (one - two)[..., 6:-6, 6:-6]
    return -10 * math.log10(float(inner.square().mean()))


def test_what_the_dream_leaves_alone_only_moves() -> None:
    interval = interval_by(TURNING, 4, smooth(), 0.0)
    for index in (1, 2, 3):
        moved = warp(smooth(), camera_flow(combined([TURNING] * index, SIZE), SIZE))
        assert psnr(at(interval, index, TURNING), moved) > 50


def test_what_the_dream_changes_fades_in_at_the_place_that_moves_there() -> None:
    spot = torch.zeros(1, 3, *SIZE)
    spot[..., 20:25, 40:45] = 0.2
    still = Motion(pan=(4 / 64, 0))
    interval = interval_by(still, 4, torch.full((1, 3, *SIZE), 0.5), spot)
    for index in (1, 2, 3):
        seen = at(interval, index, still) - 0.5
        place = int(seen[0, 0, 22].argmax())
        assert abs(place - (42 - 4 * (4 - index))) <= 2
        assert float(seen[0, 0, 22, 42 - 4 * (4 - index)]) == pytest.approx(0.2 * index / 4, rel=0.1)


def test_nothing_fades_in_where_the_next_dreamt_frame_no_longer_looks() -> None:
    away = Motion(pan=(0.25, 0))
    interval = interval_by(away, 2, torch.full((1, 3, *SIZE), 0.5), 0.2)
    seen = at(interval, 1, away)
    assert torch.allclose(seen[..., 52:], torch.tensor(0.5), atol=1e-3)  # leaves the picture before it is dreamt on
    assert torch.allclose(seen[..., 20:44], torch.tensor(0.6), atol=1e-3)


@pytest.mark.parametrize("frames", [2, 4])
def test_frames_between_are_as_sharp_as_the_dreamt_ones(frames: int) -> None:
    """Grain of single pixels is what moving a picture takes first."""

    def sharpness(picture: Tensor) -> float:
        inner = picture[..., 4:-4, 4:-4]
        return float(inner.diff(dim=2).abs().mean() + inner.diff(dim=3).abs().mean())

    start = smooth() + 0.03 * torch.randn(1, 3, *SIZE, generator=generator(1))
    change = 0.03 * torch.randn(1, 3, *SIZE, generator=generator(2))
    interval = interval_by(TURNING, frames, start, 0.0)
    moved = interval.moved
    interval = KeyInterval(0, frames, start, moved, moved + change)
    ends = sharpness(interval.start), sharpness(interval.dreamt)
    for index in range(1, frames):
        share = index / frames
        assert sharpness(at(interval, index, TURNING)) == pytest.approx(ends[0] + share * (ends[1] - ends[0]), rel=0.05)


def test_noise_that_came_in_over_the_border_is_the_same_in_the_frames_between() -> None:
    away = Motion(pan=(0.25, 0))
    start = torch.full((1, 3, *SIZE), 0.5)
    moved = start.clone()
    moved[..., :32] = 0.9  # what came in by the end
    there = camera_flow(away, SIZE)
    home = camera_flow(inverse(away), SIZE)
    interval = KeyInterval(0, 2, start, moved, moved)
    assert torch.allclose(
        between(interval, 1, there, home, "reflect", known=False)[..., 0], torch.tensor(0.9), atol=0.01
    )
    assert torch.allclose(between(interval, 1, there, home, "reflect")[..., 0], torch.tensor(0.5), atol=0.01)


def test_a_pixel_gets_as_much_of_the_new_dream_as_it_has_been_visible_since_the_last_key_frame() -> None:
    def blended(*confidences: float) -> float:
        """Nothing moves; `confidences` of the frames since the last key frame. Carried is 0, new is 1."""
        still = torch.zeros(1, 2, *SIZE)
        flows = [ConfidentFlow(still, torch.full((1, 1, *SIZE), confidence)) for confidence in confidences]
        motions = [BidirectionalFlow(flow) for flow in flows]
        return float(blend_by_visibility(torch.zeros(1, 3, *SIZE), torch.ones(1, 3, *SIZE), motions).mean())

    assert blended(1, 1, 1, 1) == 1, "seen all the time"
    assert blended(1, 1, 1, 0) == pytest.approx(1 / 4), "only just come into sight"
    assert blended(1, 0, 1, 1) == pytest.approx(3 / 4)
    assert blended(0) == 1, "without frames in between there is nothing to make up for"


def test_what_is_new_fades_in_over_the_frames_of_a_clip_between_two_key_frames() -> None:
    still = ConfidentFlow(torch.zeros(1, 2, *SIZE), torch.ones(1, 1, *SIZE))
    motions = [BidirectionalFlow(still, (still.flow, still.flow)) for _ in range(4)]
    carried = [torch.zeros(1, 3, *SIZE)] * 5
    shown = [float(added.mean()) for added in interpolate_added(carried, motions, torch.ones(1, 3, *SIZE))]
    assert shown == pytest.approx([1 / 4, 2 / 4, 3 / 4], abs=1e-3)
