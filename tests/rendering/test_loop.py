from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.rendering.synthetic import job, maker, states, stopping_after, watching
from zoomdream import ffmpeg
from zoomdream.encode import metadata
from zoomdream.errors import ConfigError, OutputError, RenderInterrupted
from zoomdream.ffmpeg.probe import count_frames
from zoomdream.rendering import Progress, loop, publish, render_frames
from zoomdream.rendering.eta import ending
from zoomdream.source.picture import read_image
from zoomdream.types import State

Decoded = Callable[[Path], list[str]]


def test_a_render_leaves_the_finished_file_and_nothing_else(tmp_path: Path) -> None:
    wanted = job(tmp_path / "a.mp4", frames=40)
    assert render_frames(maker(40), wanted) == tmp_path / "a.mp4"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mp4"]
    assert count_frames(wanted.settings.program, tmp_path / "a.mp4") == 40


def test_an_interrupted_render_goes_on_to_the_same_frames(tmp_path: Path, decoded: Decoded) -> None:
    render_frames(maker(70), job(tmp_path / "whole.mp4", 70))
    wanted = job(tmp_path / "stopped.mp4", 70)
    seen: list[int] = []
    with pytest.raises(RenderInterrupted, match=r"30 of 70 frames .* same command"):
        render_frames(stopping_after(41, 70), wanted)
    assert not wanted.output.exists()

    def make(start: State | None) -> Iterator[State]:
        assert start is not None
        seen.append(start.index)
        return states(start, 70)

    render_frames(make, wanted)
    assert seen == [29]
    assert decoded(tmp_path / "stopped.mp4") == decoded(tmp_path / "whole.mp4")


def test_the_state_is_kept_exactly_with_its_layout_in_memory(tmp_path: Path) -> None:
    kept: list[State] = []
    wanted = job(tmp_path / "a.mp4", 70)
    with pytest.raises(RenderInterrupted):
        render_frames(stopping_after(35, 70), wanted)
    expected = list(states(None, 30))[-1].picture

    def make(start: State | None) -> Iterator[State]:
        assert start is not None
        kept.append(start)
        return states(start, 70)

    render_frames(make, wanted)
    assert torch.equal(kept[0].picture, expected)
    assert not expected.is_contiguous()
    assert kept[0].picture.stride() == expected.stride()


def test_an_interrupt_before_the_first_segment_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RenderInterrupted, match="nothing is kept"):
        render_frames(stopping_after(12, 40), job(tmp_path / "deep" / "a.mp4", 40))
    assert list(tmp_path.iterdir()) == []


def test_an_error_while_dreaming_keeps_what_is_finished(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        render_frames(stopping_after(50, 70, ZeroDivisionError), job(tmp_path / "a.mp4", 70))
    names = {entry.name for entry in (tmp_path / "a.mp4.zoomdream").iterdir()}
    assert names == {"lock", "run.json", "segment_00000.mp4", "state.safetensors", "watch.m3u"}


def test_what_is_finished_can_be_watched_through_a_playlist(tmp_path: Path) -> None:
    with pytest.raises(RenderInterrupted):
        render_frames(stopping_after(65, 70), job(tmp_path / "a.mp4", 70))
    lines = (tmp_path / "a.mp4.zoomdream" / "watch.m3u").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["segment_00000.mp4", "segment_00001.mp4"]
    assert count_frames(ffmpeg.executable(), tmp_path / "a.mp4.zoomdream" / "segment_00001.mp4") == 30


def test_a_folder_in_the_place_of_the_playlist_stops_no_render(tmp_path: Path) -> None:
    with pytest.raises(RenderInterrupted):
        render_frames(stopping_after(35, 70), job(tmp_path / "a.mp4", 70))
    playlist = tmp_path / "a.mp4.zoomdream" / "watch.m3u"
    playlist.unlink()
    playlist.mkdir()
    assert render_frames(maker(70), job(tmp_path / "a.mp4", 70)).is_file()


def test_a_resumed_render_takes_the_stored_encoder_threads(tmp_path: Path) -> None:
    wanted = job(tmp_path / "a.mp4", 70)
    with pytest.raises(RenderInterrupted):
        render_frames(stopping_after(35, 70), wanted)
    run = json.loads((tmp_path / "a.mp4.zoomdream" / "run.json").read_text())
    assert run["plan"]["encoder_threads"] == 2
    changed = replace(wanted, plan=replace(wanted.plan, encoder_threads=1))
    with pytest.raises(RenderInterrupted):
        render_frames(stopping_after(65, 70), changed)
    assert json.loads((tmp_path / "a.mp4.zoomdream" / "run.json").read_text()) == run


def test_what_speaks_against_a_restart_is_said_before_anything_is_thrown_away(tmp_path: Path) -> None:
    wanted = job(tmp_path / "a.mp4", 70)
    with pytest.raises(RenderInterrupted):
        render_frames(stopping_after(35, 70), wanted)

    def refuse() -> None:
        raise ConfigError("no such layer")

    with pytest.raises(ConfigError, match="no such layer"):
        render_frames(stopping_after(1, 70), wanted, restart=True, prepare=refuse)
    assert (tmp_path / "a.mp4.zoomdream" / "segment_00000.mp4").is_file()


def test_a_render_that_was_stopped_while_joining_needs_no_dreaming(tmp_path: Path, monkeypatch: Any) -> None:
    wanted = job(tmp_path / "a.mp4", 40)

    def interrupted(*_: Any, **__: Any) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(publish, "join", interrupted)
        with pytest.raises(RenderInterrupted, match="40 of 40"):
            render_frames(maker(40), wanted)

    def never(start: State | None, plan: Any) -> Iterator[State]:
        raise AssertionError("the network must not be loaded")

    assert render_frames(never, wanted).exists()


def test_a_finished_output_of_the_same_config_is_kept(tmp_path: Path) -> None:
    wanted = job(tmp_path / "a.mp4")
    before = render_frames(maker(40), wanted).stat()
    said: list[Progress] = []
    assert render_frames(maker(40), wanted, observers=watching(said.append)) == wanted.output
    assert wanted.output.stat().st_mtime_ns == before.st_mtime_ns
    assert [progress.message for progress in said] == [f"{wanted.output} is finished already"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mp4"]


def test_a_finished_output_is_known_even_without_metadata(tmp_path: Path) -> None:
    wanted = job(tmp_path / "a.mp4", config="")
    before = render_frames(maker(40), wanted).stat().st_mtime_ns
    assert render_frames(maker(40), wanted).stat().st_mtime_ns == before


def test_a_working_folder_with_strange_files_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a.mp4.zoomdream"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match=r"thesis\.txt"):
        render_frames(maker(40), job(tmp_path / "a.mp4"))
    assert [entry.name for entry in folder.iterdir()] == ["thesis.txt"]


def test_missing_segments_are_noticed_and_rendered_again(tmp_path: Path, decoded: Decoded) -> None:
    render_frames(maker(70), job(tmp_path / "whole.mp4", 70))
    wanted = job(tmp_path / "a.mp4", 70)
    with pytest.raises(RenderInterrupted):
        render_frames(stopping_after(65, 70), wanted)
    (tmp_path / "a.mp4.zoomdream" / "segment_00000.mp4").unlink()
    render_frames(maker(70), wanted)
    assert decoded(wanted.output) == decoded(tmp_path / "whole.mp4")


def test_numbered_pictures_are_numbered_by_frame(tmp_path: Path) -> None:
    output = tmp_path / "frames" / "%05d.png"
    render_frames(maker(33), job(output, 33, "png"))
    names = sorted(entry.name for entry in output.parent.iterdir())
    assert names == [f"{number:05d}.png" for number in range(33)]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["frames", "frames.yaml"]
    last = list(states(None, 33))[-1].picture
    assert (read_image(output.with_name("00032.png")) - last).abs().max() <= 0.5001 / 255
    assert metadata.read_metadata(ffmpeg.executable(), output).config == "frames: 1\n"


def test_numbered_pictures_of_an_older_longer_render_go_with_restart(tmp_path: Path) -> None:
    output = tmp_path / "frames" / "%05d.png"
    render_frames(maker(8), job(output, 8, "png"))
    other = job(output, 5, "png", fingerprint="b" * 64)
    with pytest.raises(ConfigError):
        render_frames(maker(5), other)
    render_frames(maker(5), other, restart=True)
    assert len(list(output.parent.iterdir())) == 5


def test_a_segment_beyond_the_state_is_done_again(tmp_path: Path) -> None:
    wanted = job(tmp_path / "frames" / "%05d.png", 70, "png")
    with pytest.raises(RenderInterrupted):
        render_frames(stopping_after(35, 70), wanted)
    beyond = tmp_path / "frames.zoomdream" / "segment_00001"  # killed after the segment and before its state
    beyond.mkdir()
    (beyond / "00000.png").write_text("of another time")
    render_frames(maker(70), wanted)
    assert read_image(tmp_path / "frames" / "00030.png").shape == (1, 3, 48, 64)


def test_a_still_is_the_last_frame(tmp_path: Path) -> None:
    render_frames(maker(33), job(tmp_path / "a.png", 33, "png"))
    last = list(states(None, 33))[-1].picture
    assert (read_image(tmp_path / "a.png") - last).abs().max() <= 0.5001 / 255


@pytest.mark.parametrize("codec", ["gif", "webp"])
def test_animations_have_their_config_beside_them(tmp_path: Path, codec: str) -> None:
    output = tmp_path / f"a.{codec}"
    render_frames(maker(33), job(output, 33, codec))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [f"a.{codec}", f"a.{codec}.yaml"]
    assert metadata.read_metadata(ffmpeg.executable(), output).config == "frames: 1\n"


def test_a_config_of_the_user_is_never_taken_for_the_one_beside_the_output(tmp_path: Path) -> None:
    (tmp_path / "a.gif.yaml").write_text("output: a.gif\n")
    with pytest.raises(ConfigError, match=r"a\.gif\.yaml"):
        render_frames(maker(5), job(tmp_path / "a.gif", 5, "gif"), restart=True)
    assert (tmp_path / "a.gif.yaml").read_text() == "output: a.gif\n"


def test_progress_counts_frames_and_knows_the_time_that_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Progress] = []
    now = 0.0

    def make(start: State | None) -> Iterator[State]:
        nonlocal now
        for state in states(start, 12):
            now += 0.5 if state.index == 5 else 0.01  # one hiccup
            yield state

    with monkeypatch.context() as patch:
        patch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: now))
        wanted = job(tmp_path / "a.mp4", 12)
        render_frames(make, wanted, observers=watching(said.append))
    assert [progress.done for progress in said if not progress.message] == list(range(1, 13))
    eighth = next(progress for progress in said if progress.done == 8)
    assert eighth.seconds_per_frame == pytest.approx(0.01)
    assert eighth.eta_seconds == pytest.approx(4 * 0.01 + ending(wanted.settings, 12))
