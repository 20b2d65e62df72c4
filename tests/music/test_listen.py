"""From a config to what its schedules make of its music, and what is told where that cannot be."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from synthetic import song

from tests.made_clips import encode as encode_clip
from tests.made_clips import numbered, run
from zoomdream import load_config
from zoomdream.config import Config
from zoomdream.config.preview import preview
from zoomdream.config.unreached import warnings
from zoomdream.errors import ConfigError, InputError
from zoomdream.music import spectrum
from zoomdream.timeline import Timeline


def configured(path: Path | None, music: dict[str, Any] | None = None, **tree: Any) -> Config:
    audio = {} if path is None else {"encode": {"audio": str(path)}}
    return load_config({"size": [64, 48], "fps": 20, "frames": 40, "music": music or {}, **audio, **tree})


def curve(config: Config, key: str = "camera.rotate") -> tuple[float, ...]:
    return Timeline.of(config).curve(key)


def test_schedules_follow_the_soundtrack(click_song: Path) -> None:
    config = configured(click_song, camera={"rotate": "onset(t)"})
    values = curve(config)
    assert [frame for frame in range(1, 39) if values[frame] > max(values[frame - 1], 0.9)] == [5, 15, 25, 35]
    assert curve(configured(click_song, camera={"rotate": "onset(t - 0.1)"}))[7] == values[5]


def test_an_offset_moves_schedules_and_the_soundtrack(click_song: Path) -> None:
    from zoomdream.rendering.job import make_job

    config = configured(click_song, {"offset": "1.05s"}, camera={"rotate": "onset(t)"})
    assert curve(config)[4] == pytest.approx(curve(configured(click_song, camera={"rotate": "onset(t)"}))[25])
    sound = make_job(config).sound
    assert sound is not None
    assert sound.track.begin == pytest.approx(1.05)


def test_keyframes_and_lengths_are_counted_in_beats_and_bars(click_song: Path) -> None:
    keys = {"keys": {"0b": 0, "2b": 4, "1bar": 0}}
    config = configured(
        click_song, {"beats": {"bpm": 120, "first": "0.25s"}}, frames=None, duration="1.5bars", camera={"rotate": keys}
    )
    assert config.frames == 60
    assert curve(config)[5:46:10] == pytest.approx((0, 2, 4, 2, 0))
    assert load_config(config.tree()) == config


def test_bands_and_series_of_ones_own_are_functions(click_song: Path, tmp_path: Path) -> None:
    song.write(tmp_path / "stem.wav", song.tone(100, 1))
    (tmp_path / "rise.csv").write_text("0,0\n2,8\n")
    series = {"stem": str(tmp_path / "stem.wav"), "rise": str(tmp_path / "rise.csv")}
    config = configured(
        click_song,
        {"bands": {"wood": [800, 1200]}, "series": series},
        camera={"rotate": "rise(t)", "pan": ["stem(t)", "wood(t)"]},
    )
    assert curve(config)[10] == pytest.approx(2 + 8 / 80, abs=0.01)  # its largest value while the frame is shown
    assert curve(config, "camera.pan.0")[10] > 0.9
    assert curve(config, "camera.pan.1")[5] > 0.9


def test_a_clip_moves_with_its_own_sound(tmp_path: Path) -> None:
    sound = song.write(tmp_path / "clicks.wav", song.clicks([0.52, 1.0], 2))
    clip = encode_clip(tmp_path / "silent.mkv", numbered(50), fps=25)
    run("-i", clip, "-i", sound, "-c", "copy", tmp_path / "clip.mkv")
    source = {"kind": "video", "path": str(tmp_path / "clip.mkv"), "start": "0.2s"}
    config = load_config({"source": source, "music": {}, "dream": {"opacity": "onset(t)"}})
    values = curve(config, "dream.opacity")
    assert [frame for frame in range(1, 40) if values[frame] > max(values[frame - 1], 0.9)] == [8, 20]


def test_songs_are_heard_once(click_song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {"camera": {"rotate": "bass(t) + beat(t) + drums(t) + section(t)"}}
    first = configured(click_song, **wanted)
    monkeypatch.setattr("zoomdream.music.listen.analyze", None)
    monkeypatch.setitem(sys.modules, "librosa", None)
    again = configured(click_song, **wanted)
    assert curve(again) == curve(first)
    assert again.signals == first.signals


def test_what_music_decides_about_is_in_the_fingerprint(click_song: Path, tmp_path: Path) -> None:
    from zoomdream.rendering.job import make_job

    stem = song.write(tmp_path / "stem.wav", song.tone(100, 1))
    music = {"series": {"stem": str(stem)}, "path": str(click_song)}

    def fingerprint(**changes: Any) -> str:
        return make_job(configured(None, {**music, **changes}, camera={"rotate": "stem(t)"})).fingerprint

    first = fingerprint()
    assert fingerprint() == first
    assert fingerprint(release="0.3s") != first
    song.write(stem, song.tone(101, 1))
    assert fingerprint() != first


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        ({"camera": {"zoom": "1 + bass(t)"}}, "bass, which is heard in music: add `music: {path: a song}`"),
        ({"camera": {"zoom": {"keys": {"16b": 1}}}}, "Beats and bars are those of music: add `music:"),
        ({"duration": "8bars"}, 'duration is "8bars", and there is no music. Add'),
        ({"music": {}, "camera": {"zoom": "1 + bass(t)"}}, "music: has no song. Allowed: music.path or encode.audio"),
        ({"music": {}, "camera": {"zoom": "1 + treble(t)"}}, "treble, which is unknown; Known: t, frame"),
        ({"music": {}, "camera": {"zoom": "1 + bass"}}, "names bass without its arguments: bass(t)"),
        ({"music": {}, "camera": {"zoom": "1 + chroma(t)"}}, "gives chroma 1 arguments: chroma(t, k)"),
        ({"music": {"bands": {"sin": [20, 60]}}}, "music.bands: sin is a name that schedules have already"),
        ({"music": {"bands": {"sub": [60, 20]}}}, "sub goes from 60 to 20 Hz"),
        ({"music": {"bands": {"sub": [60, 99999]}}}, "music.bands.sub.1 is 99999"),
        ({"music": {"beats": {"first": "1s"}}}, "music.beats.bpm is missing"),
        ({"music": {"series": {"a kick": "kick.wav"}}}, "'a kick' cannot be called in a schedule"),
        ({"music": {"beat": "auto"}}, "Did you mean music.beats?"),
    ],
)  # fmt: skip
def test_a_config_that_cannot_follow_music_says_what_is_missing(tree: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(tree)
    assert told in str(error.value)


def test_inputs_that_cannot_be_heard_are_told_with_their_key(tmp_path: Path, click_song: Path) -> None:
    silent = encode_clip(tmp_path / "silent.mkv", numbered(3))
    for path, told in ((silent, "follow; `music: {path: song.mp3}` names another"), (tmp_path / "no.mp3", "no.mp3")):
        with pytest.raises(InputError) as error:
            configured(None, {"path": str(path)}, camera={"rotate": "bass(t)"})
        assert "music.path" in str(error.value)
        assert told in str(error.value)
    (tmp_path / "beats.tsv").write_text("2\n1\n")
    with pytest.raises(InputError, match=r"music.beats: .*line 2: 1 s is not after"):
        configured(click_song, {"beats": str(tmp_path / "beats.tsv")}, camera={"rotate": "beat(t)"})


def test_without_librosa_it_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = song.write(tmp_path / "song.wav", song.clicks([0.4, 4, 6], 9.37))
    monkeypatch.setitem(sys.modules, "librosa", None)
    for name in ("drums", "tones", "section"):
        with pytest.raises(InputError, match=r"pip install 'zoomdream\[music\]'"):
            configured(path, camera={"rotate": f"{name}(t)"})
    assert curve(configured(path, camera={"rotate": "bass(t) + bright(t) + chroma(t, 9) + beat(t)"}))


def test_silence_is_0_everywhere(tmp_path: Path) -> None:
    path = song.write(tmp_path / "silence.wav", song.silence(9))
    for name in ("loud", "bass", "mid", "high", "onset", "drums", "tones", "bright", "beat", "beats", "bar", "section"):
        assert set(curve(configured(path, camera={"rotate": f"{name}(t)"}))) == {0}
    assert set(curve(configured(path, camera={"rotate": "chroma(t, 5)"}))) == {0}


def test_a_person_is_told_of_the_tempo_and_of_a_song_that_is_too_short(click_song: Path) -> None:
    config = configured(click_song, frames=400, camera={"rotate": "beat(t) + section(t)"})
    assert config.signals is not None
    told = "\n".join(config.signals.describe())
    assert "120.0 a minute, quite sure" in told
    assert "60.0 or 240.0" in told
    assert "the music is over after 10.2 of 20.0 s; from then on its functions are 0" in told
    only_seen = configured(None, {"path": str(click_song)}, camera={"rotate": "beat(t)"})
    assert "lets it be heard" in "".join(warnings(only_seen))


def test_a_preview_hears_the_same(click_song: Path) -> None:
    config = configured(click_song, frames=200, camera={"rotate": "onset(t)"})
    draft = preview(config)
    assert curve(draft) == curve(config)[: draft.frames]


def test_only_what_is_asked_for_is_heard(click_song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectrum, "_power", None)
    assert configured(click_song, {"release": "0.3s"}).signals is None
