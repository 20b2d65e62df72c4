"""A frame on its way to the recorder: packed there, or, from a GPU, packed before and waited for."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from zoomdream.encode.segment import pack, raw
from zoomdream.errors import OutputError
from zoomdream.rendering.readback import read_back
from zoomdream.types import State

SIZE = (6, 10)


def state(**parts: torch.Tensor) -> State:
    return State(4, torch.rand(1, 3, 8, 12, generator=torch.Generator().manual_seed(1)), **parts)


@pytest.mark.parametrize("bits", [8, 16])
def test_the_bytes_are_the_same_wherever_a_frame_is_packed(bits: int) -> None:
    waited: list[bool] = []
    event = cast(Any, SimpleNamespace(synchronize=lambda: waited.append(True)))
    here = read_back(state(), SIZE, bits, last=False)
    there = replace(here, shown=pack(here.shown, bits), arrived=event)
    assert bytes(here.raw()) == bytes(there.raw()) == bytes(raw(pack(state().shown(SIZE), bits)))
    assert waited == [True], "not looked at before it has arrived"


def test_a_transparent_frame_is_divided_by_its_alpha_for_files_and_over_black_for_observers() -> None:
    picture = torch.tensor([0.2, 0.1, 0.0, 0.5]).view(1, 4, 1, 1).expand(1, 4, 8, 12)
    found = read_back(State(4, picture), SIZE, 16, last=False)
    assert np.frombuffer(found.raw(), "<u2")[:4].tolist() == [26214, 13107, 0, 32768]
    assert torch.allclose(found.tensor(), picture[0, :3, :6, :10], atol=1e-4)


def test_only_the_last_frame_of_a_segment_carries_its_state_along() -> None:
    whole = state()
    assert read_back(whole, SIZE, 8, last=True).kept is whole
    assert read_back(whole, SIZE, 8, last=False).kept is None


@pytest.mark.parametrize(
    ("clip", "last", "looked_at"), [(False, False, False), (False, True, True), (True, False, True)]
)
def test_what_is_no_number_is_found_where_it_would_otherwise_be_kept(clip: bool, last: bool, looked_at: bool) -> None:
    broken = state(added=torch.zeros(1, 3, 8, 12)) if clip else state()
    broken.picture[0, 0, 0, 0] = float("nan")  # outside of what is shown
    frame = read_back(broken, SIZE, 8, last=last)
    if looked_at:
        with pytest.raises(OutputError, match="Frame 4 holds values"):
            frame.raw()
    else:
        assert len(frame.raw()) == 6 * 10 * 3
