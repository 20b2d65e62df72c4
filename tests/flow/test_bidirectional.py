"""Motion between two frames, both ways, and what a camera that moves over the clip makes of it."""

from __future__ import annotations

import pickle

import torch
from torch import Tensor

from zoomdream.camera.motion import Motion, camera_flow
from zoomdream.flow.bidirectional import BidirectionalFlow, ConfidentFlow, estimate_motion

SIZE = (48, 64)
PICTURE = torch.zeros(1, 3, *SIZE)
ZOOM = Motion(scale=1.1, degrees=3, pan=(0.02, -0.01))


def shift(x: float, y: float) -> Tensor:
    return torch.tensor((float(x), float(y))).view(1, 2, 1, 1).expand(1, 2, *SIZE).clone()


class Panned:
    """An estimator for a picture that moves right by 3 pixels: the first frame that it is given is frame 1."""

    def __call__(self, now: Tensor, before: Tensor) -> Tensor:
        return shift(-3 if now.mean() > before.mean() else 3, 0)


def panned() -> BidirectionalFlow:
    return estimate_motion(Panned(), PICTURE + 1, PICTURE)


def inner(values: Tensor) -> Tensor:
    return values[..., 10:-10, 10:-10]


def test_the_two_directions_are_opposite_and_sure_of_themselves() -> None:
    motion = panned()
    assert torch.equal(motion.backward.flow, shift(-3, 0))
    assert torch.equal(motion.forward().flow, shift(3, 0))
    assert inner(motion.backward.confidence).min() == inner(motion.forward().confidence).min() == 1


def test_without_an_estimator_nothing_moves_and_nothing_is_sure() -> None:
    motion = estimate_motion(None, PICTURE, PICTURE)
    for flow in (motion.backward, motion.forward()):
        assert flow.flow.shape == (1, 2, *SIZE)
        assert not flow.flow.any()
        assert not flow.confidence.any()


def test_a_camera_that_stands_still_changes_nothing() -> None:
    motion = panned()
    assert motion.under(Motion(pivot=(0.1, 0.9))) is motion


def test_a_camera_over_a_clip_that_stands_still_is_the_cameras_flow_in_both_directions() -> None:
    still = BidirectionalFlow(ConfidentFlow(shift(0, 0), torch.ones(1, 1, *SIZE)), (shift(0, 0), shift(0, 0)))
    motion = still.under(ZOOM)
    assert torch.allclose(motion.backward.flow, camera_flow(ZOOM, SIZE), atol=1e-4)
    there = motion.backward.flow
    back = torch.nn.functional.grid_sample(  # the forward flow, where the backward one leads to, undoes it
        motion.forward().flow, grid(there), align_corners=False
    )
    assert inner(there + back).abs().max() < 0.05


def test_under_a_camera_what_left_the_picture_has_no_confidence() -> None:
    away = panned().under(Motion(pan=(0.25, 0.0)))  # 16 pixels to the right
    assert away.backward.confidence[..., :15].max() == 0
    assert away.backward.confidence[..., 24:40].min() > 0.9


def test_motion_is_a_value_that_can_be_stored() -> None:
    motion = panned().under(ZOOM)
    again = pickle.loads(pickle.dumps(motion))
    assert torch.equal(again.forward().flow, motion.forward().flow)
    assert torch.equal(again.backward.confidence, motion.backward.confidence)


def grid(flow: Tensor) -> Tensor:
    height, width = SIZE
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    place = torch.stack((x, y))[None] + flow + 0.5
    return (place * torch.tensor((2 / width, 2 / height)).view(1, 2, 1, 1) - 1).permute(0, 2, 3, 1)
