from __future__ import annotations

import torch

from zoomdream.color.alpha import (
    multiplied,
    over_black,
    over_mean,
    plus,
    settled,
    straight,
    unmultiplied,
    where_opaque,
)
from zoomdream.color.pyramid import resize

RANDOM = torch.rand((1, 4, 6, 8), generator=torch.Generator().manual_seed(1))


def test_an_opaque_picture_goes_through_as_it_is() -> None:
    picture = RANDOM[:, :3]
    for change in (over_mean, straight, unmultiplied, multiplied, settled):
        assert change(picture) is picture
    assert torch.equal(over_black(picture), picture)
    assert torch.equal(where_opaque(picture, picture), picture)
    assert torch.equal(plus(picture, picture), picture + picture)


def test_what_files_hold_is_the_reverse_of_what_is_computed_with() -> None:
    assert torch.allclose(unmultiplied(multiplied(RANDOM)), RANDOM, atol=1e-6)
    hidden = torch.cat([RANDOM[:, :3], torch.zeros(1, 1, 6, 8)], 1)
    assert not unmultiplied(multiplied(hidden)).any()


def test_a_hidden_colour_never_shows_at_an_edge_that_is_scaled() -> None:
    """Red beside a green that is fully transparent: all that shows of the edge is red."""
    picture = torch.zeros(1, 4, 16, 16)
    picture[:, 0, :, :7], picture[:, 3, :, :7], picture[:, 1, :, 7:] = 1, 1, 1
    found = unmultiplied(resize(multiplied(picture), (5, 5)).clamp(0, 1))
    assert not found[:, 1].any()
    assert ((found[:, 3] > 0) & (found[:, 3] < 1)).any()
    assert torch.allclose(found[:, 0][found[:, 3] > 0], torch.tensor(1.0))


def test_a_picture_of_one_colour_is_that_all_over_on_its_own_mean() -> None:
    color = torch.tensor([0.2, 0.5, 0.8]).view(1, 3, 1, 1)
    picture = multiplied(torch.cat([color.expand(1, 3, 6, 8), RANDOM[:, 3:]], 1))
    assert torch.allclose(over_mean(picture), color.expand(1, 3, 6, 8), atol=1e-6)
    assert not over_mean(torch.zeros(1, 4, 6, 8)).any()  # nothing shows


def test_a_network_sees_half_opaque_colours_as_they_are() -> None:
    """Else its dream would be weaker than it sees, and grow for ever."""
    picture = multiplied(torch.cat([RANDOM[:, :3], 0.25 + 0.75 * RANDOM[:, 3:]], 1))
    assert torch.allclose(over_mean(picture), RANDOM[:, :3], atol=1e-6)


def test_what_resampling_leaves_beyond_its_range_is_taken_off() -> None:
    found = settled(torch.tensor([0.9, -0.1, 0.3, 0.5]).view(1, 4, 1, 1)).flatten()
    assert torch.equal(found, torch.tensor([0.5, 0.0, 0.3, 0.5]))
    assert settled(torch.tensor([1.2, 0.2, 0.3, 1.2]).view(1, 4, 1, 1)).max() == 1
