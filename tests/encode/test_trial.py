"""The trial of putting the sound under pictures, before any is dreamed."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from zoomdream import ffmpeg
from zoomdream.encode import trial
from zoomdream.encode.segment import EncodeSettings
from zoomdream.encode.sound import Sound, fit
from zoomdream.errors import InputError, OutputError
from zoomdream.source.sound import find_soundtrack

PROGRAM = ffmpeg.executable()
SETTINGS = EncodeSettings("h264", 64, 48, Fraction(25), "yuv420p", PROGRAM, preset="ultrafast")


@pytest.fixture
def sound(tmp_path: Path) -> Sound:
    path = tmp_path / "song.wav"
    command = [str(PROGRAM), *ffmpeg.QUIET, "-f", "lavfi", "-i", "sine=440:d=3", str(path)]
    ffmpeg.run(command, what="Making a song")
    track = find_soundtrack(path, "auto", None, Fraction(3), True)
    assert track is not None
    return fit(track, ".mp4")


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_what_works_leaves_nothing_behind(tmp_path: Path, sound: Sound, ending: str) -> None:
    trial.check_sound(SETTINGS, tmp_path / f"a{ending}", "zoomdream 0 x\n", fit(sound.track, ending))
    assert [entry.name for entry in tmp_path.iterdir()] == ["song.wav"]


def test_what_the_muxer_refuses_is_told_before_the_render_with_what_helps(tmp_path: Path, sound: Sound) -> None:
    with pytest.raises(OutputError) as raised:
        trial.check_sound(SETTINGS, tmp_path / "a.mp4", "zoomdream 0 x\n", replace(sound, encoder="libspeex"))
    assert raised.value.key == "encode.audio"
    for word in ("song.wav", "a.mp4", "none", ".mkv"):
        assert word in str(raised.value)


def test_an_ffmpeg_that_has_no_such_encoder_is_told_too(tmp_path: Path, sound: Sound) -> None:
    with pytest.raises(OutputError, match="libfdk_nothing"):
        trial.check_sound(SETTINGS, tmp_path / "a.mp4", "zoomdream 0 x\n", replace(sound, encoder="libfdk_nothing"))


def test_a_sound_that_has_gone_is_an_input_error(tmp_path: Path, sound: Sound) -> None:
    sound.track.path.unlink()
    with pytest.raises(InputError, match="does not exist"):
        trial.check_sound(SETTINGS, tmp_path / "a.mp4", "zoomdream 0 x\n", sound)
