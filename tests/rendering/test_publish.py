from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from tests.rendering.synthetic import job, maker, states, watching
from zoomdream import ffmpeg
from zoomdream.encode.segment import SegmentWriter
from zoomdream.encode.sound import Sound, fit
from zoomdream.errors import ConfigError, InputError, OutputError, RenderInterrupted, ZoomdreamError
from zoomdream.ffmpeg.probe import probe
from zoomdream.rendering import Progress, render_frames
from zoomdream.rendering.owner import output_owner
from zoomdream.rendering.recording import Recording
from zoomdream.rendering.workspace import Workspace
from zoomdream.source.sound import find_soundtrack
from zoomdream.types import State


def test_a_percent_sign_in_the_name_of_a_video_is_just_a_letter(tmp_path: Path) -> None:
    assert render_frames(maker(2), job(tmp_path / "100%.mp4", 2)).is_file()
    assert [entry.name for entry in tmp_path.iterdir()] == ["100%.mp4"]


def test_fewer_numbered_pictures_of_another_config_are_replaced_only_by_restart(tmp_path: Path) -> None:
    output = tmp_path / "frames" / "%05d.png"
    render_frames(maker(2), job(output, 2, "png"))
    before = output.with_name("00001.png").read_bytes()
    longer = job(output, 4, "png", fingerprint="b" * 64)
    with pytest.raises(ConfigError, match="--restart"):
        render_frames(maker(4), longer)
    assert output.with_name("00001.png").read_bytes() == before
    render_frames(maker(4), longer, restart=True)
    assert len(list(output.parent.iterdir())) == 4


def test_numbered_pictures_of_another_program_that_are_not_in_the_way_stay(tmp_path: Path) -> None:
    output = tmp_path / "frames" / "%05d.png"
    output.parent.mkdir()
    for number in (1, 9):
        output.with_name(output.name % number).write_bytes(b"a photograph")
    render_frames(maker(3), job(output, 3, "png"), restart=True)
    assert output.with_name("00001.png").read_bytes() != b"a photograph"
    assert output.with_name("00009.png").read_bytes() == b"a photograph"


def test_half_published_pictures_are_never_a_whole_with_those_of_an_older_render(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "frames" / "%05d.png"
    render_frames(maker(8), job(output, 8, "png"))
    newer = job(output, 8, "png", fingerprint="b" * 64)
    undisturbed = os.replace

    def replacing(source: Path, target: Path) -> None:
        if Path(target) == output.with_name("00003.png"):
            raise KeyboardInterrupt
        undisturbed(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replacing)
        with pytest.raises(RenderInterrupted):
            render_frames(maker(8), newer, restart=True)
    assert output_owner(newer) == "this render in part"
    render_frames(maker(8), newer)  # what waits in the working folder comes after it
    assert output_owner(newer) == "this render"
    assert len(list(output.parent.iterdir())) == 8


def test_a_render_goes_on_from_the_state_in_memory_of_its_own(tmp_path: Path) -> None:
    wanted = job(tmp_path / "a.mp4", 32)
    with Workspace(tmp_path / "a.mp4.zoomdream") as workspace:
        with SegmentWriter(wanted.settings, workspace.folder, 0) as writer:
            for state in states(None, 30):
                writer.write(state.picture)
            writer.close()
        state = State(29, state.picture.contiguous())  # in the layout that needs no copy to be laid out again
        recording = Recording(workspace.folder, wanted.settings, 32, 0, 32)
        recording.keep(state)
        beyond = recording.path(recording.unit(31))  # as a recorder leaves it just before its state
        beyond.write_bytes(b"finished")
        assert recording.kept() == 30
        assert beyond.exists()
        found, _ = recording.resume()
        assert not beyond.exists()
        assert found is not None
        assert torch.equal(found.picture, state.picture)
        assert found.picture.data_ptr() % 64 == 0  # as torch allocates; a mapped file has its tensors anywhere
        workspace.empty()


@pytest.mark.parametrize("moment", ["empty", "__exit__"])
def test_ctrl_c_while_tidying_up_says_that_the_video_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    wanted = job(tmp_path / "a.mp4", 2)
    undisturbed = getattr(Workspace, moment)

    def interrupted(workspace: Workspace, *about: object) -> None:
        undisturbed(workspace, *about)
        if wanted.output.exists():
            raise KeyboardInterrupt

    for _ in ("rendered", "found finished"):
        with monkeypatch.context() as patch:
            patch.setattr(Workspace, moment, interrupted)
            with pytest.raises(RenderInterrupted, match=r"a\.mp4 is finished"):
                render_frames(maker(2), wanted)
    assert render_frames(maker(2), wanted).is_file()
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mp4"]


def test_a_folder_in_which_nothing_was_finished_stands_in_nobodys_way(tmp_path: Path) -> None:
    folder = tmp_path / "a.mp4.zoomdream"
    folder.mkdir()
    (folder / "run.json").write_text('{"fingerprint": "of another config, killed before its first segment"}')
    assert render_frames(maker(2), job(tmp_path / "a.mp4", 2)).is_file()
    assert not folder.exists()


def test_numbered_pictures_of_which_some_have_gone_are_made_again(tmp_path: Path) -> None:
    output = tmp_path / "frames" / "%05d.png"
    render_frames(maker(4), job(output, 4, "png"))
    output.with_name("00002.png").unlink()
    render_frames(maker(4), job(output, 4, "png"))
    assert len(list(output.parent.iterdir())) == 4


def sound_of(folder: Path) -> Sound:
    path = folder / "song.wav"
    command = [str(ffmpeg.executable()), *ffmpeg.QUIET, "-f", "lavfi", "-i", "sine=440:d=1", str(path)]
    ffmpeg.run(command, what="Making a song")
    track = find_soundtrack(path, "auto", None, 4 / Fraction(30000, 1001), True)
    assert track is not None
    return fit(track, ".mp4")


def test_a_sound_that_cannot_be_written_is_told_before_the_first_frame(tmp_path: Path) -> None:
    wanted = job(tmp_path / "a.mp4", 4, sound=replace(sound_of(tmp_path), encoder="libfdk_nothing"))
    with pytest.raises(OutputError, match=r"song\.wav does not get into a\.mp4"):
        render_frames(never, wanted)
    assert [entry.name for entry in tmp_path.iterdir()] == ["song.wav"]


def never(start: State | None) -> Iterator[State]:
    raise AssertionError("nothing is dreamed")


def test_a_sound_that_goes_while_it_renders_costs_no_frame(
    tmp_path: Path, decoded: Callable[[Path], list[str]]
) -> None:
    """The video is there without it, and complete once the sound is back: nothing is dreamed again."""
    wanted = job(tmp_path / "a.mp4", 4, sound=sound_of(tmp_path))
    song, away = tmp_path / "song.wav", tmp_path / "away.wav"

    def make(start: State | None) -> Iterator[State]:
        song.rename(away)
        return states(start, 4)

    for attempt in (make, never):
        with pytest.raises(InputError) as raised:
            render_frames(attempt, wanted)
        for words in ("song.wav does not exist", "a.silent.mp4", "a.mp4.zoomdream", "without dreaming again"):
            assert words in str(raised.value)
        assert len(decoded(tmp_path / "a.silent.mp4")) == 4
        assert not wanted.output.exists()
    silent = decoded(tmp_path / "a.silent.mp4")
    away.rename(song)
    render_frames(never, wanted)
    assert decoded(wanted.output) == silent
    assert probe(ffmpeg.executable(), wanted.output).audio == "aac"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.mp4", "song.wav"]


def test_what_has_nothing_to_do_with_the_sound_is_not_blamed_on_it(tmp_path: Path) -> None:
    wanted = job(tmp_path / "a.mp4", 4, sound=sound_of(tmp_path))

    def make(start: State | None) -> Iterator[State]:
        yield from states(start, 4)
        (tmp_path / "song.wav").rename(tmp_path / "away.wav")

    def damage(progress: Progress) -> None:
        if progress.message.startswith("joining"):
            next((tmp_path / "a.mp4.zoomdream").glob("segment_*")).write_bytes(b"damaged")

    with pytest.raises(ZoomdreamError) as raised:
        render_frames(make, wanted, observers=watching(damage))
    assert "The sound did not" not in str(raised.value)
    assert not (tmp_path / "a.silent.mp4").exists()


def test_a_video_of_somebody_else_is_not_replaced_by_the_one_without_sound(tmp_path: Path) -> None:
    wanted = job(tmp_path / "a.mp4", 4, sound=sound_of(tmp_path))
    (tmp_path / "a.silent.mp4").write_text("mine")

    def make(start: State | None) -> Iterator[State]:
        (tmp_path / "song.wav").rename(tmp_path / "away.wav")
        return states(start, 4)

    with pytest.raises(InputError, match="All frames are kept in"):
        render_frames(make, wanted)
    (tmp_path / "away.wav").rename(tmp_path / "song.wav")
    render_frames(never, wanted)
    assert (tmp_path / "a.silent.mp4").read_text() == "mine"
