"""The measures of the Droste space, on pictures whose answer is known."""

from __future__ import annotations

import pytest
import torch
from bench.loops import droste
from torch import Tensor

from zoomdream.camera import droste as space


def film(near: float, elsewhere: float) -> list[Tensor]:
    """Grey frames whose middle changes by `near` from one to the next, and all else by `elsewhere`."""
    change = torch.full((1, 3, 64, 96), elsewhere)
    change[..., 26:38, 42:54] = near
    return [0.5 + (-1) ** number * change / 2 for number in range(5)]


def test_flicker_near_the_centre_is_told_from_motion_elsewhere() -> None:
    near, elsewhere = droste.flicker(film(0.2, 0.1))
    assert near == pytest.approx(0.2, abs=1e-6)
    assert elsewhere == pytest.approx(0.1, abs=1e-6)


@pytest.mark.parametrize("torus", droste.TORI)
def test_a_view_that_is_off_by_three_degrees_is_none_of_the_formula(
    torus: space.Torus, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert droste.formula_error(torus, (90, 160)) > 40
    assert droste.turn_error(torus, (90, 160)) > 45
    shift = space.Torus.shift
    monkeypatch.setattr(space.Torus, "shift", lambda self, moved: shift(self, moved + 0.05j))
    assert droste.formula_error(torus, (90, 160)) < 40
