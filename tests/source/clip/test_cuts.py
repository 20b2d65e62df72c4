from __future__ import annotations

import sys

import numpy as np
import pytest

from zoomdream.errors import InputError
from zoomdream.source.clip.cuts import SEARCH_SIZE, ShotFinder


def scene(seed: int, count: int) -> np.ndarray:
    """(N, H, W, 3) frames of soft colored blobs, panning a pixel a frame."""
    blobs = np.random.default_rng(seed).integers(0, 256, (6, 16, 3)).repeat(15, 0).repeat(20, 1)
    return np.stack([np.roll(blobs, number, 1)[: SEARCH_SIZE[0], : SEARCH_SIZE[1]] for number in range(count)]).astype(
        np.uint8
    )


def shots(*parts: np.ndarray) -> tuple[int, ...]:
    finder = ShotFinder()
    for frame in np.concatenate(parts):
        finder.add(np.ascontiguousarray(frame).tobytes())
    return finder.finish()


def scaled(frames: np.ndarray, first: float, last: float) -> np.ndarray:
    """The frames with a brightness that goes from `first` to `last`."""
    gains = np.linspace(first, last, len(frames))[:, None, None, None]
    return (frames * gains).clip(0, 255).astype(np.uint8)


BLACK = np.zeros((30, *SEARCH_SIZE, 3), np.uint8)


def test_hard_cuts_are_found_to_the_frame() -> None:
    assert shots(scene(1, 40), scene(2, 17), scene(3, 50)) == (0, 40, 57)


@pytest.mark.parametrize("length", [1, 2, 8])
def test_also_short_shots_and_those_at_the_ends_count(length: int) -> None:
    assert shots(scene(1, length), scene(2, 30), scene(3, length)) == (0, length, length + 30)


def test_a_scene_without_a_cut_is_one_shot() -> None:
    assert shots(scene(1, 60)) == (0,)
    assert shots(np.repeat(scene(1, 1), 30, 0)) == (0,)
    assert shots(scene(1, 1)) == (0,)


def test_a_shaken_camera_is_no_cut() -> None:
    steps = np.random.default_rng(0).integers(20, 30, 60) * np.random.default_rng(1).choice([-1, 1], 60)
    assert shots(np.stack([np.roll(scene(1, 1)[0], step, 1) for step in steps.cumsum()])) == (0,)


def test_film_grain_is_no_cut() -> None:
    grain = np.random.default_rng(0).normal(0, 25, (40, *SEARCH_SIZE, 3))
    assert shots((scene(1, 40) + grain).clip(0, 255).astype(np.uint8)) == (0,)


@pytest.mark.parametrize("length", [1, 2, 3, 5])
@pytest.mark.parametrize("light", [60, 255, -255])
def test_flashes_and_dropouts_are_no_cuts(length: int, light: int) -> None:
    frames = scene(1, 60).astype(int)
    frames[30 : 30 + length] += light
    assert shots(frames.clip(0, 255).astype(np.uint8)) == (0,)


def test_a_fade_through_black_is_one_cut_in_the_black() -> None:
    before, after = scene(1, 50), scene(2, 50)
    found = shots(before[:20], scaled(before[20:], 1, 0), BLACK[:10], scaled(after[:30], 0, 1), after[30:])
    assert len(found) == 2
    assert 50 <= found[1] < 60


def test_fading_in_at_the_beginning_and_out_at_the_end_is_no_cut() -> None:
    frames = scene(1, 80)
    frames[:25], frames[55:] = scaled(frames[:25], 0, 1), scaled(frames[55:], 1, 0)
    assert shots(BLACK[:10], frames, BLACK[:10]) == (0,)


def test_hard_cuts_to_and_from_black_are_cuts() -> None:
    assert shots(scene(1, 40), BLACK[:20], scene(2, 40)) == (0, 40, 60)


def test_a_dissolve_is_left_to_the_flow() -> None:
    share = np.linspace(0, 1, 14)[:, None, None, None]
    before, after = scene(1, 44), scene(2, 44)
    mixed = before[30:] * (1 - share) + after[:14] * share
    assert shots(before[:30], mixed.astype(np.uint8), after[14:]) == (0,)


def test_dark_and_grey_scenes_are_cut_too() -> None:
    assert shots(scaled(scene(1, 30), 0.2, 0.2), scaled(scene(2, 30), 0.2, 0.2)) == (0, 30)
    grey = [scene(seed, 30).mean(3, keepdims=True).repeat(3, 3).astype(np.uint8) for seed in (1, 2)]
    assert shots(*grey) == (0, 30)


def test_a_return_to_the_same_view_after_a_while_is_two_cuts() -> None:
    assert shots(scene(1, 30), scene(2, 20), scene(1, 30)) == (0, 30, 50)


def test_where_opencv_cannot_be_loaded_the_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scenedetect.detectors", None)
    with pytest.raises(InputError, match="libgl1"):
        ShotFinder()
