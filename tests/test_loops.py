"""Loops: after the last frame of a film comes its first, and nothing tells where that is."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from tests.test_pipeline import EVERY_3, PLAN, configured, stages_of, states
from tests.tiny_network import TinyNetwork
from zoomdream import assembly, ffmpeg, load_config, pipeline
from zoomdream import dream as dream_picture
from zoomdream.cli.prediction import predict
from zoomdream.config import Config
from zoomdream.encode.metadata import read_tags
from zoomdream.encode.sound import fit, samples
from zoomdream.errors import ConfigError, OutputError
from zoomdream.ffmpeg import probe
from zoomdream.rendering import render
from zoomdream.rendering.job import encode_settings, fingerprint
from zoomdream.rendering.loop import Dreaming
from zoomdream.rendering.publish import kept_end
from zoomdream.source.sound import find_soundtrack
from zoomdream.stages import Stages
from zoomdream.timeline import Timeline

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


DREAM = "dream: {octaves: 2, steps: 2, warmup: 1, jitter: 4, rate: 6}"
SMALL = f"size: [64, 48]\nfps: 12\nobjective: [{{layer: shapes}}]\n{DREAM}\n"


def film(folder: Path, name: str, text: str) -> Config:
    path = folder / f"{name}.yaml"
    path.write_text(f"{SMALL}output: {name}.mp4\n{text}", encoding="utf-8")
    return load_config(path)


@pytest.fixture
def chain(tmp_path: Path) -> tuple[Config, Config, Config]:
    """Two loops with other cameras, of which the second dreams beyond its edges too, and a film between them."""
    one = film(tmp_path, "one", "duration: 2s\nloop: true\ncamera: {zoom: 1.5}\n")
    other = film(tmp_path, "other", "duration: 3s\nloop: 1s\nseed: 3\ncamera: {zoom: 0.8, rotate: -9}\n")
    return one, film(tmp_path, "between", "frames: 31\nstart: one.yaml\nend: other.yaml\n"), other


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other)[..., 4:-4, 4:-4].abs().mean())


def dreamed(config: Config) -> list[torch.Tensor]:
    """The middle of the pictures that each frame is made of."""
    width, height = config.size
    return [(state.key or state).shown((height, width)) for state in states(config)]


def test_a_film_goes_on_from_a_loop_and_ends_in_the_beginning_of_another(chain: tuple[Config, Config, Config]) -> None:
    one, between, other = chain
    mine, its, others = dreamed(between), dreamed(one), dreamed(other)
    assert len(mine) == 31
    assert apart(mine[0], its[0]) < apart(mine[0], others[0]) / 3  # it begins nearly as the loop does
    assert apart(mine[-1], others[-1]) < 0.01  # before its end it is what leads into the other


def test_the_camera_of_a_film_comes_to_move_as_that_of_the_loop_that_it_ends_in(
    chain: tuple[Config, Config, Config],
) -> None:
    _, between, other = chain
    mine, its = Timeline.of(between), Timeline.of(other)
    assert mine.motions[-4:] == its.motions[-4:]
    assert mine.motions[1].scale == pytest.approx(1.35 ** (1 / 12))
    assert [key + 5 for key in mine.closing] == list(its.closing)
    assert set(mine.closing[:-1]) <= set(mine.key_frames)
    curve = mine.curve("camera.zoom")
    assert max(abs(after - now) for now, after in pairwise(curve)) < 0.15


def test_a_film_in_a_chain_goes_on_after_any_frame(chain: tuple[Config, Config, Config]) -> None:
    _, between, _ = chain
    whole = states(between)
    for stop in (3, 20, 25, 29):
        rest = states(between, start=whole[stop])
        assert all(torch.equal(mine.picture, its.picture) for mine, its in zip(rest, whole[stop + 1 :], strict=True))


def test_a_film_that_is_changed_in_python_keeps_its_neighbors(chain: tuple[Config, Config, Config]) -> None:
    one, between, other = chain
    changed = between.replace(output="elsewhere.mp4")
    assert (changed.before, changed.after) == (one, other)
    assert fingerprint(changed) == fingerprint(between)
    alone = between.replace(start=None, end=None)
    assert (alone.before, alone.after) == (None, None)


def test_one_picture_is_dreamt_on_with_the_config_of_a_film_in_a_chain(
    chain: tuple[Config, Config, Config], tmp_path: Path
) -> None:
    _, between, _ = chain
    given = between.replace(network="dreamnet", objective="mixed3a", start=None, end=None)
    (tmp_path / "film.yaml").write_text(f"{given.to_yaml()}start: one.yaml\nend: other.yaml\n", encoding="utf-8")
    picture = torch.full((3, 40, 56), 0.5)
    wanted = dream_picture(picture, given, times=1)
    assert torch.equal(dream_picture(picture, tmp_path / "film.yaml", times=1), wanted)
    assert torch.equal(dream_picture(picture, load_config(tmp_path / "film.yaml"), times=1), wanted)


def test_a_film_goes_on_from_one_that_ends_nowhere(tmp_path: Path) -> None:
    first = film(tmp_path, "first", "frames: 8\nnetwork: {name: dreamnet}\n")
    second = film(tmp_path, "second", "frames: 4\nstart: first.yaml\n")
    last, stages = states(first)[-1], stages_of(second)
    assert stages.before is not None
    moved = stages.before.camera((last.key or last).picture, 7, 8)
    assert torch.allclose(states(second)[0].picture, pipeline.dream_on_zoom(moved, stages, 0), atol=1e-5)


def test_a_film_is_another_where_its_neighbor_is(tmp_path: Path) -> None:
    film(tmp_path, "loop", "frames: 20\nloop: true\n")
    before = fingerprint(film(tmp_path, "film", "frames: 30\nend: loop.yaml\n"))
    film(tmp_path, "loop", "frames: 20\nloop: true\nseed: 8\n")
    assert fingerprint(film(tmp_path, "film", "frames: 30\nend: loop.yaml\n")) != before


@pytest.mark.parametrize(
    ("other", "text", "problem"),
    [
        ("frames: 20", "end: other.yaml", "end: other.yaml: it is no loop"),
        ("frames: 20\nloop: true", "end: other.yaml\nframes: 5", "it closes in 5 frames. Allowed: fewer"),
        ("frames: 20\nloop: true", "end: other.yaml\nloop: true", "end is given, and loop is given"),
        (
            "frames: 20\nstart: film.yaml",
            "start: other.yaml",
            "circle: other.yaml follows film.yaml follows other.yaml",
        ),
        ("frames: 20\nnetwork: {name: nothing}", "start: missing.yaml", "there is no file"),
    ],
)
def test_a_neighbor_that_does_not_fit_is_told_with_the_key_and_the_reason(
    tmp_path: Path, other: str, text: str, problem: str
) -> None:
    (tmp_path / "other.yaml").write_text(f"{SMALL}{other}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=problem):
        film(tmp_path, "film", text + "\n")


def test_a_neighbor_of_the_same_shape_is_dreamed_in_the_size_of_the_film_as_for_its_draft(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(SMALL.replace("[64, 48]", "[96, 72]") + "loop: true\n", encoding="utf-8")
    assert states(film(tmp_path, "film", "frames: 2\nstart: other.yaml\n"))[0].picture.shape == (1, 3, 48, 64)


def test_another_size_or_rate_of_a_neighbor_is_told(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("size: [96, 64]\nloop: true\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"its size is 96x64. Allowed: that of this render, 64x48"):
        film(tmp_path, "film", "end: other.yaml\n")


def test_a_neighbor_may_be_a_finished_video_which_says_whether_it_is_a_loop(tmp_path: Path) -> None:
    still = "size: [64, 48]\nfps: 12\ndream: {steps: 0, warmup: 0}\n"
    loop = render(load_config({"frames": 6, "loop": True, **yaml.safe_load(still)}, output=tmp_path / "loop.mp4"))
    (tmp_path / "film.yaml").write_text(f"{still}frames: 9\nstart: {loop.name}\nend: {loop.name}\n", encoding="utf-8")
    config = load_config(tmp_path / "film.yaml")
    assert config.before == config.after
    assert config.after is not None
    assert (config.after.loop, config.after.frames) == (True, 6)
    film = render(config.model_copy(update={"output": tmp_path / "film.mp4"}))
    assert probe.count_frames(ffmpeg.executable(), film) == 9
    tags = [read_tags(ffmpeg.executable(), file).get("description", "") for file in (loop, film)]
    assert tags == ["A loop: after the last frame comes the first.", ""]


def test_the_sound_of_a_loop_begins_and_ends_in_silence_and_is_the_same_in_between(tmp_path: Path) -> None:
    tone = tmp_path / "tone.wav"
    source = ["-f", "lavfi", "-i", "aevalsrc=0.5*cos(2*PI*100*t)|0.5:s=48000:d=2"]
    ffmpeg.run([str(ffmpeg.executable()), *ffmpeg.QUIET, *source, str(tone)], what="A tone")
    track = find_soundtrack(tone, "auto", None, Fraction(3, 2), True)
    assert track is not None
    plain, looped = (replace(fit(track, ".mkv", loop), copy=False) for loop in (False, True))
    assert not fit(track, ".mkv", looped=True).copy
    one, other = (np.frombuffer(b"".join(samples(sound)), np.float32).reshape(-1, 2) for sound in (plain, looped))
    assert one.shape == other.shape == (72_000, 2)
    assert abs(one[0]).min() > 0.4
    assert abs(other[[0, -1]]).max() == 0
    assert np.array_equal(one[300:-300], other[300:-300])
    assert abs(np.diff(np.concatenate([other[-300:], other[:300]])[:, 1])).max() < 0.003


def test_a_film_goes_on_from_the_state_that_was_kept_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first: dict[str, object] = {"size": [64, 48], "fps": 12, "frames": 5}
    first |= {"dream": {"octaves": 1, "steps": 1, "warmup": 0, "rate": 6}}
    first |= {"performance": {"precision": "float32", "threads": 1}}
    kept = render(load_config({**first, "encode": {"keep_ends": True}}, output=tmp_path / "first.mp4"))
    end = kept.with_name(f"{kept.name}.end.safetensors")
    assert end.stat().st_mode == kept.stat().st_mode  # others may read both
    config = load_config({**first, "seed": 8, "start": str(kept)}, output=tmp_path / "second.mkv")
    again = [state.picture for state in pipeline.frames(assembly.open_stages(config, PLAN), None, 2)]
    begun: list[int] = []
    monkeypatch.setattr(pipeline, "begin_at", lambda *arguments: begun.append(1))
    with closing(Dreaming(config, PLAN, None)) as dreaming:
        known = [state.picture for state in dreaming.frames(None, 2)]
    assert not begun
    assert all(torch.equal(one, other) for one, other in zip(again, known, strict=True))
    assert kept_end(config.model_copy(update={"size": (48, 32)}).between(config.before, None), PLAN) is None  # a draft
    assert kept_end(config, replace(PLAN, precision="bfloat16")) is None
    end = tmp_path / "first.mp4.end.safetensors"
    end.write_bytes(end.read_bytes()[:-4] + b"????")
    with pytest.raises(OutputError, match=r"Remove it: without it the last frame of first\.mp4 is dreamed"):
        kept_end(config, PLAN)
    end.write_bytes(b"cut off")
    assert kept_end(config, PLAN) is None


def test_a_chain_of_films_has_an_end(tmp_path: Path) -> None:
    text = "size: 64x48\nframes: 1\nsource: {kind: noise}\n"
    for number in range(52):
        (tmp_path / f"{number}.yaml").write_text(text + (f"start: {number - 1}.yaml\n" if number else ""))
    assert load_config(tmp_path / "50.yaml").before is not None
    with pytest.raises(ConfigError, match=r"1.yaml, line 4: start: 50 films lead up to it already"):
        load_config(tmp_path / "51.yaml")


def test_what_a_film_will_take_is_measured_without_dreaming_those_beside_it(
    chain: tuple[Config, Config, Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Config] = []
    opened = assembly.open_stages

    def noted(config: Config, *rest: Any, **more: Any) -> Stages:
        seen.append(config)
        return opened(config, *rest, **more)

    monkeypatch.setattr(assembly, "open_stages", noted)
    found = predict(chain[1], PLAN, encode_settings(chain[1], PLAN), TinyNetwork())
    assert found.total > 0
    assert [(config.before, config.after) for config in seen] == [(None, None)]
