import pytest
import torch

from zoomdream.flow.confidence import confidence, consistent, inside, motion_boundary, resize_flow
from zoomdream.randomness import generator

SIZE = (12, 16)


def constant_flow(x: float, y: float, size: tuple[int, int] = SIZE) -> torch.Tensor:
    return torch.tensor((float(x), float(y))).view(1, 2, 1, 1).expand(1, 2, *size).clone()


def test_flow_and_its_opposite_agree_when_they_lead_back_to_the_start():
    assert consistent(constant_flow(-3, 1), constant_flow(3, -1)).all()
    assert not consistent(constant_flow(-3, 1), constant_flow(-3, 1)).any()
    assert not consistent(constant_flow(-3, 1), constant_flow(0, 0)).any()


def test_a_longer_way_may_miss_its_start_by_more():
    assert not consistent(constant_flow(-2, 0), constant_flow(3, 0)).any()
    assert consistent(constant_flow(-20, 0), constant_flow(21, 0)).all()


def test_the_opposite_flow_is_read_where_the_flow_leads_to():
    flow, opposite = constant_flow(-4, 0), constant_flow(0, 0)
    opposite[:, 0, :, :6] = 4  # only the left part moved, and it is seen 4 pixels further right now
    assert consistent(flow, opposite)[..., :9].all()
    assert not consistent(flow, opposite)[..., 10:].any()


def test_a_motion_boundary_is_where_two_motions_meet_and_nowhere_else():
    flow = constant_flow(0, 0)
    flow[:, 0, :, 8:] = 3
    assert motion_boundary(flow)[0, 0, 5].nonzero().flatten().tolist() == [7, 8]
    assert motion_boundary(flow.flip(1).transpose(2, 3))[0, 0, :, 5].nonzero().flatten().tolist() == [7, 8]


@pytest.mark.parametrize("scale", [0.97, 1.0, 1.03])
def test_a_slow_zoom_has_no_motion_boundary(scale):
    y, x = torch.meshgrid(torch.arange(40) - 19.5, torch.arange(60) - 29.5, indexing="ij")
    assert not motion_boundary((torch.stack((x, y)) * (1 / scale - 1))[None]).any()


@pytest.mark.parametrize("speed", [0.0, 5.0, 40.0])
def test_an_edge_is_an_edge_however_fast_the_camera_is(speed):
    flow = constant_flow(speed, 0)
    flow[:, 0, :, 8:] += 1
    assert motion_boundary(flow)[..., 7:9].all()


def test_slow_parallax_is_no_edge():
    flow = constant_flow(0, 0)
    flow[:, 0, :, 8:] = 0.15
    assert not motion_boundary(flow).any()


def test_the_picture_reaches_half_a_pixel_beyond_its_outermost_pixels():
    assert inside(constant_flow(0.4, -0.4)).all()
    assert inside(constant_flow(3, 0))[0, 0, 0].tolist() == [True] * 13 + [False] * 3
    assert inside(constant_flow(-3, 0))[0, 0, 0].tolist() == [False] * 3 + [True] * 13
    assert inside(constant_flow(0, 2))[0, 0, :, 0].tolist() == [True] * 10 + [False] * 2
    assert inside(constant_flow(0, -2))[0, 0, :, 0].tolist() == [False] * 2 + [True] * 10


def test_a_still_picture_is_wholly_reliable():
    assert torch.equal(confidence(constant_flow(0, 0), constant_flow(0, 0)), torch.ones(1, 1, *SIZE))


def test_what_comes_in_over_the_edge_is_not_reliable():
    trusted = confidence(constant_flow(-5, 0), constant_flow(5, 0))
    assert trusted[..., :5].max() == 0
    assert trusted[..., 7:].min() == 1


def test_the_edges_of_what_moves_are_not_reliable():
    flow = constant_flow(-1, 0)
    flow[:, 0, :, 8:] = 0
    trusted = confidence(flow, -flow)
    assert trusted[..., 7:9].max() < 0.3
    assert trusted[..., 3:6].min() == 1
    assert trusted[..., 10:].min() == 1


def test_large_pictures_are_judged_like_smaller_ones_of_the_same_scene():
    small = constant_flow(-3, 0, (36, 640))
    small[..., 300:340] = 2  # a thing that moved the other way
    opposite = constant_flow(3, 0, (36, 640))
    opposite[..., 302:342] = -2
    trusted = confidence(small, opposite)
    large = confidence(resize_flow(small, (108, 1920)), resize_flow(opposite, (108, 1920)))
    assert large.shape == (1, 1, 108, 1920)
    assert float((large < 0.5).float().mean()) == pytest.approx(float((trusted < 0.5).float().mean()), abs=0.005)
    assert torch.allclose(large[..., 1::3, 1::3], trusted, atol=0.15)


def test_reliability_is_a_share_and_ends_softly():
    flow = 2 * torch.randn(1, 2, *SIZE, generator=generator(1))
    trusted = confidence(flow, -flow)
    assert trusted.min() >= 0
    assert trusted.max() <= 1
    edge = confidence(constant_flow(-5, 0), constant_flow(5, 0))[0, 0, 6]
    assert ((edge > 0) & (edge < 1)).any()


def test_resized_flow_is_the_same_motion_in_pixels_of_the_other_size():
    assert torch.equal(resize_flow(constant_flow(-3, 2), (24, 64)), constant_flow(-12, 4, (24, 64)))
    assert torch.equal(resize_flow(constant_flow(-3, 2), (6, 8)), constant_flow(-1.5, 1, (6, 8)))


def test_flow_of_the_same_size_is_left_as_it_is():
    flow = torch.randn(1, 2, *SIZE, generator=generator(2))
    assert torch.equal(resize_flow(flow, SIZE), flow)


def test_a_zoom_stays_a_zoom_when_its_flow_is_resized():
    def zoom(height, width):
        y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
        return torch.stack(((x - width / 2), (y - height / 2)))[None] * 0.1

    assert torch.allclose(
        resize_flow(zoom(12, 16), (36, 48))[..., 2:-2, 2:-2], zoom(36, 48)[..., 2:-2, 2:-2], atol=1e-5
    )
