"""How far a download is: a bar on a terminal, elsewhere a line every few seconds."""

from __future__ import annotations

import io
import sys

import pytest

from zoomdream.networks.weights import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_elsewhere_a_line_comes_every_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    advance = progress.lines("weights.pth", lambda: now)
    for second in range(61):
        now = float(second)
        advance(10**6 * second, 60 * 10**6)
    printed = capsys.readouterr().err.splitlines()
    assert len(printed) == 60 // progress.SECONDS_BETWEEN_LINES
    assert printed[-1] == "weights.pth: 60 of 60 MB"
    now += progress.SECONDS_BETWEEN_LINES
    advance(61 * 10**6, None)
    assert capsys.readouterr().err == "weights.pth: 61 MB\n"


def test_a_quick_download_has_no_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.shown("weights.pth") as advance:
        advance(10**6, 10**6)
    assert capsys.readouterr().err == ""


def test_a_terminal_has_a_bar_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with progress.shown("weights[1].pth") as advance:
        advance(10**6, 2 * 10**6)
    shown = terminal.getvalue()
    assert "weights[1].pth" in shown
    assert "1.0/2.0 MB" in shown
    assert shown.endswith("\x1b[2K"), "its line is cleared at the end"
