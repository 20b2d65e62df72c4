"""OpenCV has one owner and one thread: pyramids and flow, in two threads of ours, do not change it for each other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from zoomdream.color import pyramid
from zoomdream.flow.estimators import open_estimator

cv2 = pytest.importorskip("cv2")

ROOT = Path(__file__).parents[2]
PYRAMID_FIRST = """
import cv2, torch
from zoomdream.color.pyramid import bands
torch.set_num_threads(8)
bands(torch.rand(1, 3, 64, 64), 3)
print(cv2.getNumThreads())
"""


def test_pyramids_leave_opencv_on_the_one_thread_that_flow_needs_however_many_the_network_has() -> None:
    done = subprocess.run([sys.executable, "-c", PYRAMID_FIRST], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1"]


@pytest.mark.parametrize("method", ["dis", "farneback"])
def test_flow_runs_on_one_thread_also_after_somebody_else_has_asked_for_more(method: str) -> None:
    estimate = open_estimator(method, None, torch.device("cpu"))
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(4)
        estimate(torch.rand(1, 3, 64, 96), torch.rand(1, 3, 64, 96))
        assert cv2.getNumThreads() == 1
        cv2.setNumThreads(4)
        pyramid.bands(torch.rand(1, 3, 64, 96), 2)
        assert cv2.getNumThreads() == 1
    finally:
        cv2.setNumThreads(before)
