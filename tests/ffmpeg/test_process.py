"""How ffmpeg runs beside the dreaming."""

from __future__ import annotations

import os
import sys

import pytest

from zoomdream import ffmpeg

ANSWERS = [sys.executable, "-c", "import sys; sys.stdin.read()"]


@pytest.mark.skipif(os.name == "nt", reason="priorities are numbers elsewhere")
@pytest.mark.parametrize("feed", [True, False])
def test_an_encoder_runs_at_a_lower_priority_and_a_reader_does_not(feed: bool) -> None:
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    with ffmpeg.Process(ANSWERS, what="Waiting", feed=feed, stream=True) as process:
        theirs = os.getpriority(os.PRIO_PROCESS, process._process.pid)
    assert (theirs > ours) == (feed and ours < 19)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such groups")
def test_ctrl_c_in_the_terminal_does_not_reach_ffmpeg_but_the_session_is_ours() -> None:
    with ffmpeg.Process(ANSWERS, what="Waiting") as process:
        pid = process._process.pid
        assert os.getpgid(pid) != os.getpgid(0)
        assert os.getsid(pid) == os.getsid(0)
