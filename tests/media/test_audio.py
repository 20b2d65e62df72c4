"""The sound of the finished file, measured: where clicks are heard against where flashes are seen."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from zoomdream.errors import InputError
from zoomdream.media import audio, ffmpeg


@pytest.mark.parametrize("read", [audio.source_sound, audio.file_sound])
def test_a_missing_file_is_an_input_error(tmp_path: Path, read: object) -> None:
    rest = (Fraction(0), Fraction(1), True) if read is audio.source_sound else (Fraction(1),)
    with pytest.raises(InputError, match="does not exist"):
        read(ffmpeg.executable(), tmp_path / "none.mp4", *rest)  # type: ignore[operator]


def test_a_file_without_sound_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_text("not a sound")
    with pytest.raises(InputError, match="no soundtrack"):
        audio.file_sound(ffmpeg.executable(), tmp_path / "a.mp3", Fraction(1))
