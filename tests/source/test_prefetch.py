"""What a clip shows and how it moved, found out ahead: the same answers as when it is asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from zoomdream.errors import InputError
from zoomdream.source.prefetch import AHEAD, Ahead

CUTS = (4, 9)


class Clip:
    """A clip of twelve frames that says what was asked of it, and refuses to be asked by two threads at once."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._busy = threading.Lock()

    def source(self, index: int) -> Tensor:
        if index == 11:
            raise InputError("the clip is broken")
        return self._say(f"source {index}", torch.full((1, 3, 2, 2), float(index)))

    def flow(self, now: Tensor, before: Tensor, index: int) -> str:
        self._say(f"flow {index}", now)
        return f"{int(before[0, 0, 0, 0])} to {int(now[0, 0, 0, 0])}"

    def lasting(self, seen: Tensor, index: int) -> Tensor:
        return self._say(f"lasting {index}", self.source(index + 1) - seen)

    def _say(self, what: str, answer: Tensor) -> Tensor:
        assert self._busy.acquire(blocking=False), "asked by two threads at once"
        self.asked.append(what)
        time.sleep(0.001)
        self._busy.release()
        return answer


def opened(clip: Clip, *, threaded: bool = True) -> Ahead[str]:
    return Ahead(clip.source, clip.flow, clip.lasting, frames=12, cuts=CUTS, threaded=threaded)


def running() -> bool:
    return any(thread.name == "zoomdream-ahead" for thread in threading.enumerate())


def settled(clip: Clip) -> list[str]:
    """What was asked of the clip, when nobody asks any more."""
    before = -1
    while before != len(clip.asked):
        before = len(clip.asked)
        time.sleep(0.3)
    return clip.asked


def walk(ahead: Ahead[str], first: int, end: int) -> list[str]:
    """The frames as pipeline.step asks for them."""
    told, before = [], None if first == 0 else torch.full((1, 3, 2, 2), first - 1.0)
    for index in range(first, end):
        seen = ahead.source(index)
        assert seen.unique().tolist() == [index]
        if index == 0 or index in CUTS:
            assert ahead.lasting(seen, index).unique().tolist() == [1]
            told.append(f"shot {index}")
        else:
            assert before is not None
            told.append(ahead.flow(seen, before, index))
        before = seen
    return told


@pytest.mark.parametrize("first", [0, 1, 4, 5, 8])
def test_it_answers_what_the_clip_answers_wherever_it_begins(first: int) -> None:
    answers = []
    for threaded in (True, False):
        ahead = opened(Clip(), threaded=threaded)
        answers.append(walk(ahead, first, 11))
        ahead.close()
    assert answers[0] == answers[1]
    assert len(answers[0]) == 11 - first


def test_it_works_ahead_but_not_far() -> None:
    clip = Clip()
    ahead = opened(clip)
    walk(ahead, 5, 6)
    done = [what for what in settled(clip) if what.startswith("flow")]
    assert done == [f"flow {index}" for index in (5, 6, 7, 8)], "the one at hand, two that wait, one for which there is"
    assert AHEAD == 2
    ahead.close()
    assert not running()


def test_any_order_gives_the_right_frames() -> None:
    ahead = opened(Clip())
    for index in (5, 6, 2, 2, 3, 9, 0):
        assert ahead.source(index).unique().tolist() == [index]
    now, before = ahead.source(6), ahead.source(5)
    assert ahead.flow(now, before, 6) == "5 to 6", "not at hand any more"
    ahead.close()
    assert not running()


def test_what_goes_wrong_is_raised_when_its_frame_is_due_each_time() -> None:
    ahead = opened(Clip())
    walk(ahead, 8, 11)
    for _ in range(2):
        with pytest.raises(InputError, match="broken"):
            ahead.source(11)
        assert not running()


def test_it_can_be_closed_at_any_moment_and_twice() -> None:
    for moment in range(4):
        ahead = opened(Clip())
        walk(ahead, 0, moment)
        ahead.close()
        ahead.close()
        assert not running()


def test_behind_the_last_frame_there_is_none() -> None:
    def source(index: int) -> Tensor:
        return torch.zeros(1)

    flow: Callable[[Tensor, Tensor, int], str] = lambda now, before, index: ""  # noqa: E731
    ahead = Ahead(source, flow, lambda seen, index: seen, frames=2, cuts=())
    assert [ahead.source(index).item() for index in range(2)] == [0, 0]
    with pytest.raises(IndexError):
        ahead.source(2)
