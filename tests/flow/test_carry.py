from __future__ import annotations

import torch

from zoomdream.flow.bidirectional import ConfidentFlow
from zoomdream.flow.carry import carry, limit


def lit(x: int, y: int) -> torch.Tensor:
    picture = torch.zeros(1, 3, 24, 32)
    picture[..., y, x] = 1
    return picture


def motion(x: float, y: float = 0.0, trust: float = 1.0) -> ConfidentFlow:
    flow = torch.tensor((x, y)).view(1, 2, 1, 1).expand(1, 2, 24, 32)
    return ConfidentFlow(flow, torch.full((1, 1, 24, 32), trust))


def brightest(picture: torch.Tensor) -> tuple[int, int]:
    place = int(picture[0, 0].argmax())
    return place % 32, place // 32


def test_what_was_added_goes_where_the_thing_went() -> None:
    """The thing moved right by 5 and down by 2, so it came from the left and from above."""
    assert brightest(carry(lit(10, 10), motion(-5, -2), 1.0)) == (15, 12)


def test_a_share_of_it_is_carried() -> None:
    even = torch.full((1, 3, 24, 32), 0.4)
    torch.testing.assert_close(carry(even, motion(0), 0.25), 0.25 * even, atol=1e-5, rtol=0)


def test_fine_detail_fades_more_slowly_but_fades() -> None:
    """Nothing may be carried whole or more: it would grow for ever where a camera stands still."""
    stripes = (torch.arange(32) % 2 * 2.0 - 1).expand(1, 3, 24, 32)
    board = stripes * (torch.arange(24) % 2 * 2.0 - 1).view(24, 1)
    for waves in (stripes, board):
        carried = carry(waves, motion(0), 0.9)[..., 4:-4, 4:-4]
        assert 0.93 < carried.abs().max() < 0.99, "coarse things are carried at 0.9"


def test_nothing_is_carried_where_the_motion_cannot_be_trusted() -> None:
    assert not carry(torch.rand(1, 3, 24, 32), motion(2, trust=0.0), 1.0).any()


def test_what_is_carried_fades_out_towards_what_cannot_be_trusted() -> None:
    trust = torch.ones(1, 1, 24, 32)
    trust[..., 16:] = 0
    carried = carry(torch.ones(1, 3, 24, 32), ConfidentFlow(motion(0).flow, trust), 1.0)[0, 0, 12]
    assert carried[16:].max() == 0
    assert carried[:13].min() > 0.99
    assert 0 < carried[15] < carried[14] < 1


def test_where_nothing_is_added_the_clip_keeps_its_whites_and_blacks() -> None:
    seen = torch.linspace(0, 1, 3 * 24 * 32).view(1, 3, 24, 32)
    assert not limit(seen, torch.zeros_like(seen)).any()


def test_what_is_added_keeps_the_sum_in_range() -> None:
    seen = torch.linspace(0, 1, 3 * 24 * 32).view(1, 3, 24, 32)
    for added in (-3.0, -0.5, 0.5, 3.0):
        shown = seen + limit(seen, torch.full_like(seen, added))
        assert shown.min() > -0.1
        assert shown.max() < 1.1
    middle = torch.full((1, 3, 4, 4), 0.5)
    torch.testing.assert_close(limit(middle, middle * 0.2), middle * 0.2, atol=1e-6, rtol=0)
