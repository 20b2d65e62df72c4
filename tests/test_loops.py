"""Loops: after the last frame of a film comes its first, and nothing tells where that is."""

from __future__ import annotations

import numpy as np
import torch

from tests.test_pipeline import EVERY_3, configured, stages_of, states
from zoomdream import pipeline

LOOP = {"frames": 24, "loop": "0.75s", "camera": {"zoom": 1.5, "rotate": 20}, "color": {"hold": 0.5}}


def test_the_first_frame_of_a_loop_follows_from_its_last_as_any_frame_does_from_the_one_before() -> None:
    config = configured(**LOOP, dream={"octaves": 2, "steps": 2, "warmup": 1, "rate": 12})
    film, stages = states(config), stages_of(config)
    again = pipeline.dream_on(film[-1].key or film[-1], stages, 24)
    assert torch.allclose(again.picture, film[0].picture, atol=1e-5)
    following, key = pipeline.dream_on(film[3].key or film[3], stages, 4), film[4].key or film[4]
    assert torch.equal(following.picture, key.picture)


def test_a_loop_has_no_seam_between_dreamed_frames_either() -> None:
    config = configured(**LOOP, dream=EVERY_3)
    film, camera = states(config), stages_of(config).camera
    dreamed = [state.index for state in film if state.key is None or state.key.index == state.index]
    assert dreamed == list(range(0, 24, 3))
    apart = [
        float((camera(state.picture, state.index, state.index + 1) - film[(state.index + 1) % 24].picture).abs().mean())
        for state in film
    ]
    usual = float(np.median(apart))
    assert apart[-1] < 1.3 * usual
    unclosed = states(configured(**{**LOOP, "loop": False}, dream=EVERY_3))
    assert float((camera(unclosed[-1].picture, 23, 24) - unclosed[0].picture).abs().mean()) > 2 * usual


def test_a_loop_goes_on_after_any_frame_also_while_it_closes() -> None:
    for dream in (EVERY_3, {"octaves": 2, "steps": 2, "warmup": 1}):
        config = configured(**LOOP, dream=dream)
        whole = states(config)
        for stop in (10, 17, 18, 22):
            rest = states(config, start=whole[stop])
            assert [state.index for state in rest] == list(range(stop + 1, 24))
            assert all(
                torch.equal(mine.picture, its.picture) for mine, its in zip(rest, whole[stop + 1 :], strict=True)
            )


def test_a_loop_may_be_as_short_as_a_frame() -> None:
    for frames in (1, 2, 3, 4):
        film = states(configured(**{**LOOP, "frames": frames, "loop": True}, dream=EVERY_3))
        assert [state.index for state in film] == list(range(frames))
