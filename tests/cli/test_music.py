"""`zoomdream music`: a song as curves, in the terminal, as a picture and as a page."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from synthetic import song

from zoomdream.cli import main


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return song.write(tmp_path / "song.wav", song.clicks([0.25 + number / 2 for number in range(20)], 10.25))


def test_a_song_is_drawn_in_the_terminal_with_its_tempo(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["music", str(path)]) == 0
    told = capsys.readouterr().out
    for part in ("bass(t)", "onset(t)", "beat(t)", "drums(t)", "bars:", "20 beats, 120.0 a minute", "60.0 or 240.0"):
        assert part in told


def test_a_config_is_drawn_with_what_its_schedules_make_of_it(path: Path, tmp_path: Path) -> None:
    (tmp_path / "film.yaml").write_text("duration: 4s\nmusic: {path: song.wav}\ncamera: {zoom: 1 + onset(t)}\n")
    assert main(["music", "film.yaml", "--output", "film.html"]) == 0
    page = (tmp_path / "film.html").read_text(encoding="utf-8")
    assert "camera.zoom" in page
    assert "data:image/png;base64," in page
    assert main(["music", "film.yaml", "--output", "film.png"]) == 0
    with Image.open(io.BytesIO((tmp_path / "film.png").read_bytes())) as picture:
        assert picture.width == 1920


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [("no.mp3", 3, "no.mp3"), ("film.yaml", 2, "film.yaml has no section `music`"), ("text.txt", 3, "text.txt")],
)
def test_what_is_no_song_is_told(
    name: str, code: int, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "film.yaml").write_text("seed: 1\n")
    (tmp_path / "text.txt").write_text("no sound\n")
    assert main(["music", name]) == code
    assert told in capsys.readouterr().err
