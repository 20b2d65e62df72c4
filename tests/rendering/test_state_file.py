from __future__ import annotations

from pathlib import Path

import torch

from zoomdream.rendering.state_file import read_index, read_state, read_sums, save_state
from zoomdream.types import State


def test_a_state_is_kept_with_the_dreamt_frame_that_it_comes_from(tmp_path: Path) -> None:
    one, two, three = (torch.rand(1, 3, 4, 6) for _ in range(3))
    key = State(8, one.contiguous(memory_format=torch.channels_last), two, three)
    save_state(tmp_path / "state", State(10, three, one, two, key))
    found = read_state(tmp_path / "state")
    assert found is not None
    assert found.key is not None
    assert (found.index, found.key.index, found.key.key) == (10, 8, None)
    assert found.seen is not None
    for mine, its in ((found, (three, one, two)), (found.key, (one, two, three))):
        for part, wanted in zip((mine.picture, mine.seen, mine.added), its, strict=True):
            assert part is not None
            assert torch.equal(part, wanted)
    assert found.key.picture.stride() == key.picture.stride()


def test_a_state_is_kept_with_what_leads_into_the_beginning_of_its_loop(tmp_path: Path) -> None:
    one, two, three, mask = (torch.rand(1, channels, 4, 6) for channels in (3, 3, 3, 1))
    key = State(8, one, lead=State(8, two), grown=mask)
    save_state(tmp_path / "state", State(9, three, key=key))
    found = read_state(tmp_path / "state")
    assert found is not None
    assert found.key is not None
    assert found.key.lead is not None
    assert found.key.grown is not None
    assert torch.equal(found.key.lead.picture, two)
    assert torch.equal(found.key.grown, mask)
    assert (found.key.lead.index, found.lead, found.grown) == (8, None, None)


def test_a_state_is_read_again_whatever_its_folder_is_called(tmp_path: Path) -> None:
    folder = tmp_path / "caf\udce9"
    folder.mkdir()
    save_state(folder / "state", State(3, torch.rand(1, 3, 4, 6)), ["12345678"])
    found = read_state(folder / "state")
    assert found is not None
    assert (found.index, read_index(folder / "state"), read_sums(folder / "state")) == (3, 3, ["12345678"])
