"""The rules of the suite itself: what may be skipped, and what reaches the programs that tests start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")

ROOT = Path(__file__).parent.parent
SUITE = """
import signal, subprocess, sys
import pytest

@pytest.mark.browser
def test_of_a_page(browser):
    assert False, "there is no browser"

@pytest.mark.ray
def test_of_a_cluster():
    pytest.skip("this cluster has no node")

def test_of_anything_else():
    pytest.skip("the moon is full")

def test_of_ctrl_c():
    ask = "import signal, sys; sys.exit(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    assert subprocess.run([sys.executable, "-c", ask]).returncode == 0
"""


def run(folder: Path, no_skips: str = "") -> tuple[int, str]:
    """How a suite under these rules ends on a machine without a browser: its exit code, and its lines."""
    (folder / "test_suite.py").write_text(SUITE, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-ra", "-p", "tests.conftest", "-p", "no:cacheprovider", "--rootdir"]
    done = subprocess.run(
        [*command, str(folder), "-W", "ignore", str(folder)],
        cwd=ROOT,
        env={**os.environ, "PATH": "", "ZOOMDREAM_NO_SKIPS": no_skips},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # as a shell does in the background
    )
    return done.returncode, done.stdout


def test_what_a_machine_lacks_is_skipped_and_told(tmp_path: Path) -> None:
    code, told = run(tmp_path)
    assert code == 0, told
    assert "1 passed, 3 skipped" in told
    assert "no Chromium is installed" in told


def test_skips_of_the_kinds_that_are_named_are_failures_however_they_come_about(tmp_path: Path) -> None:
    code, told = run(tmp_path, "ray,browser")
    assert code == 1, told
    assert "1 failed, 1 passed, 1 skipped, 1 error" in told, "errors come before a test, failures within"
    assert "no Chromium is installed" in told
    assert "this cluster has no node" in told


def test_a_kind_of_tests_that_there_is_not_is_refused(tmp_path: Path) -> None:
    code, told = run(tmp_path, "ray,chromium")
    assert code == 4, told
    assert "chromium" in told
