"""How ffmpeg runs beside the dreaming."""

from __future__ import annotations

import os
import sys

import pytest

from zoomdream import ffmpeg
from zoomdream.errors import OutputError

ANSWERS = [sys.executable, "-c", "import sys; sys.stdin.read()"]


@pytest.mark.skipif(os.name == "nt", reason="priorities are numbers elsewhere")
def test_an_encoder_runs_at_a_lower_priority_and_what_is_waited_for_does_not() -> None:
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    with ffmpeg.Process(ANSWERS, what="Waiting") as process:
        theirs = os.getpriority(os.PRIO_PROCESS, process._process.pid)
    assert (theirs > ours) == (ours < 19)
    asked = "import os; print(os.getpriority(os.PRIO_PROCESS, 0))"
    assert int(ffmpeg.run([sys.executable, "-c", asked], what="Asking")) == ours


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such groups")
def test_ctrl_c_in_the_terminal_does_not_reach_ffmpeg_but_the_session_is_ours() -> None:
    with ffmpeg.Process(ANSWERS, what="Waiting") as process:
        pid = process._process.pid
        assert os.getpgid(pid) != os.getpgid(0)
        assert os.getsid(pid) == os.getsid(0)


@pytest.mark.skipif(os.name == "nt", reason="nothing is ended by a signal there")
@pytest.mark.parametrize(("code", "signal"), [("os.kill(os.getpid(), 9)", 9), ("sys.exit(9)", None)])
def test_an_error_knows_the_signal_that_ended_ffmpeg(code: str, signal: int | None) -> None:
    command = [sys.executable, "-c", f"import os, sys; {code}"]
    with pytest.raises(OutputError) as caught:
        ffmpeg.run(command, what="Reading")
    assert caught.value.signal == signal
