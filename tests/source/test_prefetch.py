"""Frames and motion that are prepared in a background thread are those that would be computed on request."""

from __future__ import annotations

import threading
import time

import pytest
import torch
from torch import Tensor

from zoomdream.errors import InputError
from zoomdream.source.prefetch import AHEAD, FramePrefetch

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


def opened(clip: Clip, *, threaded: bool = True) -> FramePrefetch[str]:
    return FramePrefetch(clip.source, clip.flow, clip.lasting, frames=12, cuts=CUTS, threaded=threaded)


def running() -> bool:
    return any(thread.name == "zoomdream-frames" for thread in threading.enumerate())


def settled(clip: Clip) -> list[str]:
    """What was asked of the clip, when nobody asks any more."""
    before = -1
    while before != len(clip.asked):
        before = len(clip.asked)
        time.sleep(0.3)
    return clip.asked


def walk(prefetch: FramePrefetch[str], first: int, end: int) -> list[str]:
    """The frames in the order of a render."""
    told = []
    for index in range(first, end):
        assert prefetch.source(index).unique().tolist() == [index]
        if index == 0 or index in CUTS:
            assert prefetch.lasting(index).unique().tolist() == [1]
            told.append(f"shot {index}")
        else:
            told.append(prefetch.flow(index))
    return told


@pytest.mark.parametrize("first", [0, 1, 4, 5, 8])
def test_it_answers_what_the_clip_answers_wherever_it_begins(first: int) -> None:
    answers = []
    for threaded in (True, False):
        prefetch = opened(Clip(), threaded=threaded)
        answers.append(walk(prefetch, first, 11))
        prefetch.close()
    assert answers[0] == answers[1]
    assert len(answers[0]) == 11 - first


def test_it_prepares_frames_but_not_many() -> None:
    clip = Clip()
    prefetch = opened(clip)
    walk(prefetch, 5, 6)
    done = [what for what in settled(clip) if what.startswith("flow")]
    assert done == [f"flow {index}" for index in (5, 6, 7, 8)], "the one at hand, two that wait, one without a place"
    assert AHEAD == 2
    prefetch.close()
    assert not running()


def test_no_motion_is_computed_twice_however_often_and_in_whatever_order_a_frame_is_asked_about() -> None:
    """By its number: the pictures that the caller holds may be copies, as after a resume."""
    clip = Clip()
    prefetch = opened(clip)
    for index in (5, 6, 7, 8):
        assert prefetch.flow(index) == f"{index - 1} to {index}"
        assert prefetch.source(index).clone().unique().tolist() == [index]
        assert prefetch.flow(index) == f"{index - 1} to {index}"
    prefetch.close()
    flows = [what for what in clip.asked if what.startswith("flow")]
    assert len(flows) == len(set(flows))


def test_any_order_gives_the_right_frames_and_motion() -> None:
    prefetch = opened(Clip())
    for index in (5, 6, 2, 2, 3, 9, 0):
        assert prefetch.source(index).unique().tolist() == [index]
    assert prefetch.flow(6) == "5 to 6"
    assert prefetch.flow(5) == "4 to 5"
    prefetch.close()
    assert not running()


@pytest.mark.parametrize("threaded", [True, False])
def test_where_a_shot_begins_there_is_no_motion_and_only_there_is_seen_what_lasts(threaded: bool) -> None:
    prefetch = opened(Clip(), threaded=threaded)
    with pytest.raises(ValueError, match="shot begins with frame 4"):
        prefetch.flow(4)
    with pytest.raises(ValueError, match="no shot begins with frame 5"):
        prefetch.lasting(5)
    prefetch.close()


def test_an_error_is_raised_when_its_frame_is_requested_each_time() -> None:
    prefetch = opened(Clip())
    walk(prefetch, 8, 11)
    for _ in range(2):
        with pytest.raises(InputError, match="broken"):
            prefetch.source(11)
        assert not running()


def test_it_can_be_closed_at_any_moment_and_twice() -> None:
    for moment in range(4):
        prefetch = opened(Clip())
        walk(prefetch, 0, moment)
        prefetch.close()
        prefetch.close()
        assert not running()


@pytest.mark.parametrize("threaded", [True, False])
def test_behind_the_last_frame_there_is_none(threaded: bool) -> None:
    prefetch = FramePrefetch(
        lambda index: torch.zeros(1), lambda *_: "", lambda seen, _: seen, frames=2, cuts=(), threaded=threaded
    )
    assert [prefetch.source(index).item() for index in range(2)] == [0, 0]
    with pytest.raises(IndexError):
        prefetch.source(2)
