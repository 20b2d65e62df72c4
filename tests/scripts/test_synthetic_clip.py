"""The drawn clip is what the tests and benchmarks of flow, masks, cuts and sound are judged by."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from synthetic.clip import LOSSLESS, SAMPLE_RATE, DrawnClip, ticking_tone, write

from zoomdream import ffmpeg
from zoomdream.camera.warp import warp
from zoomdream.ffmpeg.probe import count_frames, probe

CLIP = DrawnClip(size=(90, 160), fps=Fraction(24), seconds=3, cut=1.5)
FRAMES = [1, 20, 35, 37, 60]


def difference(clip: DrawnClip, index: int) -> torch.Tensor:
    """(1, 1, H, W): how far the last frame, moved along the true flow, is from this one."""
    moved = warp(clip.picture(index - 1), clip.flow(index).float())
    return (moved - clip.picture(index)).abs().mean(dim=1, keepdim=True)


@pytest.mark.parametrize("index", FRAMES)
def test_the_true_flow_leads_to_the_same_thing_in_the_frame_before(index):
    still = (CLIP.picture(index - 1) - CLIP.picture(index)).abs().mean(dim=1, keepdim=True)
    seen = CLIP.visible(index)
    assert difference(CLIP, index)[seen].mean() < 0.45 * still[seen].mean()


@pytest.mark.parametrize("index", FRAMES)
def test_what_is_called_hidden_cannot_be_found_in_the_frame_before(index):
    error, seen = difference(CLIP, index), CLIP.visible(index)
    assert 0 < (~seen).float().mean() < 0.1
    assert error[~seen].mean() > 5 * error[seen].mean()


def test_a_flow_that_points_out_of_the_picture_is_not_visible():
    flow, seen = CLIP.flow(20), CLIP.visible(20)
    left = torch.arange(160) + flow[0, 0] < -0.5
    right = torch.arange(160) + flow[0, 0] > 159.5
    assert (left | right).any()
    assert not seen[0, 0][left | right].any()


def test_the_scenes_differ_at_the_cut_and_nowhere_else():
    steps = [float((CLIP.picture(i) - CLIP.picture(i - 1)).abs().mean()) for i in (1, 35, 36, 37, 71)]
    assert CLIP.shots == (0, 36)
    assert steps[2] > 3 * max(steps[:2] + steps[3:])


def test_nothing_is_before_the_beginning_of_a_scene():
    assert not CLIP.visible(0).any()
    assert not CLIP.visible(36).any()
    with pytest.raises(ValueError, match="frame 36"):
        CLIP.flow(36)


def test_clicks_begin_with_every_full_second_and_are_the_loudest():
    tone = np.abs(ticking_tone(3.5))
    assert len(tone) == round(3.5 * SAMPLE_RATE)
    loud = np.flatnonzero(tone > 0.5) / SAMPLE_RATE
    assert set(np.floor(loud).astype(int)) == {0, 1, 2, 3}
    assert (loud % 1).max() < 0.005


def test_a_written_clip_has_its_size_rate_frames_and_sound(tmp_path: Path):
    clip = replace(CLIP, size=(64, 96), fps=Fraction(24000, 1001), seconds=1, cut=None)
    path = write(clip, tmp_path / "clip.mp4")
    video = probe(ffmpeg.executable(), path)
    assert (video.width, video.height) == (96, 64)
    assert video.fps == Fraction(24000, 1001)
    assert video.audio
    assert count_frames(ffmpeg.executable(), path) == clip.frames == 24


def test_a_lossless_file_holds_the_pixels(tmp_path: Path):
    clip = replace(CLIP, size=(31, 47), seconds=0.1, cut=None)
    path = write(clip, tmp_path / "clip.mkv", encode=LOSSLESS)
    command = [str(ffmpeg.executable()), *ffmpeg.QUIET, "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24"]
    ffmpeg.run([*command, str(tmp_path / "raw")], what="reading")
    found = np.fromfile(tmp_path / "raw", np.uint8).reshape(2, 31, 47, 3)
    assert np.array_equal(found[1], clip.picture(1)[0].permute(1, 2, 0).mul(255).round().byte().numpy())
