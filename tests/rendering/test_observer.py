"""Who watches a render sees every frame once, in order, as it is shown, and answers for its own errors."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

import zoomdream
from tests.rendering.rendering import Rendering
from tests.rendering.synthetic import job, maker, states
from zoomdream.api import load_config
from zoomdream.errors import RenderInterrupted
from zoomdream.rendering import Observers, Picture, Progress, readback, render_frames
from zoomdream.rendering.observer import ProgressOnly
from zoomdream.source.picture import read_image
from zoomdream.types import State

Start = Callable[[Path, int, float], Rendering]


class Album:
    """Keeps all that it sees."""

    def __init__(self) -> None:
        self.pictures: list[Picture] = []
        self.said: list[Progress] = []

    def progress(self, progress: Progress) -> None:
        self.said.append(progress)

    def picture(self, picture: Picture) -> None:
        self.pictures.append(picture)


def stopping_after(last: int, frames: int) -> Callable[[State | None], Iterator[State]]:
    def make(start: State | None) -> Iterator[State]:
        for state in states(start, frames):
            yield state
            if state.index == last:
                raise KeyboardInterrupt

    return make


def test_progress_is_a_sentence_and_an_event_is_its_message() -> None:
    assert str(Progress(3, 9, None, None)) == "frame 3 of 9"
    assert str(Progress(3, 9, 125.0, 750.0)) == "frame 3 of 9 · 2 min 5 s/frame · 12:30 left"
    assert str(Progress(0, 9, None, None, "starting")) == "starting"
    assert str(Progress(0, 9, None, None, begun=0.256)) == "dreaming before frame 1: 26%"


def test_every_picture_comes_once_in_order_before_its_progress(tmp_path: Path) -> None:
    album = Album()
    render_frames(maker(40), job(tmp_path / "a.mp4", 40), observers=Observers((album,)))
    assert [picture.index for picture in album.pictures] == list(range(40))
    assert [progress.done for progress in album.said if not progress.message] == list(range(1, 41))
    assert [progress.message for progress in album.said if progress.message] == ["starting", "joining the segments"]


def test_a_resumed_render_shows_what_was_not_kept_and_nothing_twice(tmp_path: Path) -> None:
    album = Album()
    wanted = job(tmp_path / "a.mp4", 70)
    with pytest.raises(RenderInterrupted):
        render_frames(stopping_after(41, 70), wanted)
    render_frames(maker(70), wanted, observers=Observers((album,)))
    assert [picture.index for picture in album.pictures] == list(range(30, 70))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_across_a_kill_no_picture_is_left_out_and_each_process_shows_none_twice(tmp_path: Path, start: Start) -> None:
    killed = start(tmp_path / "a.mp4", 75, 0.005)
    killed.wait_for("picture=41,")
    killed.kill()
    resumed = start(tmp_path / "a.mp4", 75, 0)
    assert resumed.end() == "done"
    before, after = killed.pictures, resumed.pictures
    assert before == list(range(len(before)))
    assert len(before) >= 42
    assert after == list(range(after[0], 75))
    assert after[0] in (0, 30), "it goes on after a whole segment"


def test_a_picture_is_the_frame_as_it_is_shown(tmp_path: Path) -> None:
    """Without what is dreamt around it, rounded as in the file; also long after the render."""

    def make(start: State | None) -> Iterator[State]:
        for state in states(None, 4):
            yield State(state.index, torch.nn.functional.pad(state.picture, (8, 8, 6, 6), value=0.5))

    album = Album()
    render_frames(make, job(tmp_path / "frames" / "%05d.png", 4, "png"), observers=Observers((album,)))
    for number, picture in enumerate(album.pictures):
        assert torch.allclose(picture.tensor()[None], read_image(tmp_path / "frames" / f"{number:05d}.png"), atol=1e-6)


def test_a_picture_is_made_only_when_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed: list[int] = []
    undisturbed = readback.pack

    def counting(picture: torch.Tensor, bits: int) -> torch.Tensor:
        packed.append(bits)
        return undisturbed(picture, bits)

    monkeypatch.setattr(readback, "pack", counting)
    album = Album()
    render_frames(maker(5), job(tmp_path / "a.mp4", 5), observers=Observers((album,)))
    assert len(packed) == 5, "each once, for the encoder"
    album.pictures[2].tensor()
    assert len(packed) == 6


@pytest.mark.parametrize("method", ["picture", "progress"])
def test_an_error_of_an_observer_is_its_own_and_costs_no_finished_segment(tmp_path: Path, method: str) -> None:
    class Careless(Album):
        def picture(self, picture: Picture) -> None:
            if method == "picture" and picture.index == 65:
                raise ZeroDivisionError("mine")

        def progress(self, progress: Progress) -> None:
            if method == "progress" and progress.done == 65:
                raise ZeroDivisionError("mine")

    wanted = job(tmp_path / "a.mp4", 70)
    with pytest.raises(ZeroDivisionError, match="mine") as caught:
        render_frames(maker(70), wanted, observers=Observers((Careless(),)))
    (note,) = caught.value.__notes__
    assert "Careless, which observes the render" in note
    album = Album()
    render_frames(maker(70), wanted, observers=Observers((album,)))
    assert album.pictures[0].index == 60


def test_a_function_of_the_user_that_fails_is_named(tmp_path: Path) -> None:
    def my_bar(progress: Progress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        render_frames(maker(3), job(tmp_path / "a.mp4", 3), observers=Observers((ProgressOnly(my_bar),)))
    assert "my_bar, which observes" in caught.value.__notes__[0]


def test_render_takes_an_observer_beside_progress(tmp_path: Path, untrained_weights: Path) -> None:
    tree = {"size": [32, 16], "frames": 3, "dream": {"octaves": 1, "steps": 1, "warmup": 0}}
    tree |= {"network": {"weights": str(untrained_weights)}, "output": str(tmp_path / "a.mp4")}
    album, said = Album(), list[Progress]()
    zoomdream.render(load_config(tree), progress=said.append, observer=album)
    assert said == album.said
    assert [tuple(picture.tensor().shape) for picture in album.pictures] == [(3, 16, 32)] * 3
