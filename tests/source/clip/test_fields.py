from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.made_clips import encode, run
from zoomdream.source.clip.clip import open_clip
from zoomdream.source.clip.decode import ClipReader

INTERLACED = ("-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-q:v", 2, "-pix_fmt", "yuv420p")


def sliding(count: int) -> np.ndarray:
    """Frames of 96x128 on which bright columns move to the right by six pixels a frame."""
    stripes = (np.arange(128)[None] - 6 * np.arange(count)[:, None]) // 24 % 2 * 160 + 40
    return stripes[:, None, :, None].repeat(96, 1).repeat(3, 3).astype(np.uint8)


def read(path: Path) -> torch.Tensor:
    """All pictures, (N, H, W), grey."""
    clip = open_clip(path)
    with ClipReader(clip, range(len(clip.times)), clip.size, "fill") as reader:
        return torch.cat([reader.frame(number) for number in range(len(clip.times))])[:, 1]


def combs(pictures: torch.Tensor) -> torch.Tensor:
    """How much the even rows of each picture differ from the odd ones."""
    return (pictures[:, 1:-1] - (pictures[:, :-2] + pictures[:, 2:]) / 2).abs().mean((1, 2))


@pytest.mark.parametrize("first", ["top", "bottom"])
def test_film_in_three_two_pulldown_is_the_film_again(tmp_path: Path, first: str) -> None:
    film = encode(tmp_path / "film.mkv", sliding(40), fps="24000/1001")
    path = tmp_path / "pulldown.mpg"
    run("-i", film, "-vf", f"telecine=first_field={first}", "-r", "30000/1001", *INTERLACED, path)
    clip = open_clip(path)
    assert clip.fps == Fraction(24000, 1001)
    assert not clip.variable
    assert abs(len(clip.times) - 40) <= 1
    assert any("3:2 pulldown" in note for note in clip.notes)
    pictures, truth = read(path), read(film)
    assert combs(pictures).max() < 0.02
    differences = (pictures[:38] - truth[:38]).abs().mean((1, 2))
    assert differences.max() < 0.03


def test_a_cut_in_pulldown_begins_the_pattern_anew(tmp_path: Path) -> None:
    film, whole, path = tmp_path / "film.mkv", tmp_path / "whole.mkv", tmp_path / "cut.mpg"
    encode(film, sliding(60), fps="24000/1001")
    run("-i", film, "-vf", "telecine=first_field=top", "-r", "30000/1001", whole)
    cut = "select=lt(n\\,33)+gte(n\\,37),setpts=N*1001/30000/TB,lutyuv=y=val/3:enable=gte(n\\,33),setfield=tff"
    run("-i", whole, "-vf", cut, "-r", "30000/1001", *INTERLACED, path)
    clip = open_clip(path)
    assert clip.scan.film
    assert combs(read(path)).max() < 0.03


def test_a_jump_into_film_gives_the_same_pictures(tmp_path: Path) -> None:
    path = tmp_path / "pulldown.mpg"
    run("-i", encode(tmp_path / "film.mkv", sliding(60), fps="24000/1001"), "-vf", "telecine", *INTERLACED, path)
    clip = open_clip(path)
    pictures = read(path)
    with ClipReader(clip, range(len(clip.times)), clip.size, "fill") as reader:
        for number in (55, 3, 30, 31, 12):
            assert torch.equal(reader.frame(number)[0, 1], pictures[number])


def fields_of(path: Path, count: int) -> Path:
    """Each frame made of two moments."""
    return_path = path.with_suffix(".fields.mkv")
    encode(return_path, sliding(2 * count), fps=50)
    run("-i", return_path, "-vf", "interlace=lowpass=0", *INTERLACED, path)
    return path


def test_fields_of_two_moments_are_deinterlaced(tmp_path: Path) -> None:
    path = fields_of(tmp_path / "a.mpg", 20)
    clip = open_clip(path)
    assert (clip.fps, len(clip.times)) == (25, 20)
    assert combs(read(path)).max() < 0.05


def test_only_what_is_interlaced_is_deinterlaced(tmp_path: Path) -> None:
    whole = tmp_path / "whole.ts"
    run("-i", encode(tmp_path / "whole.mkv", sliding(20), fps=25), "-c:v", "mpeg2video", "-q:v", 2, whole)
    mixed = fields_of(tmp_path / "mixed.ts", 20)
    path = tmp_path / "joined.ts"
    path.write_bytes(whole.read_bytes() + mixed.read_bytes() + whole.read_bytes())
    clip = open_clip(path)
    assert len(clip.times) == 60
    assert any("20 of 60 frames are interlaced" in note for note in clip.notes)
    pictures = read(path)
    assert combs(pictures).max() < 0.05
    assert torch.equal(pictures[:19], read(whole)[:19])
