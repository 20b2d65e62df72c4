"""A clip from the command to the finished file: its length, rate and sound, killed and continued."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from bench.clips import sync as clips_sync
from synthetic import clip as drawn_clip

from tests.made_clips import run as ffmpeg_run
from zoomdream import ffmpeg
from zoomdream.api import load_config
from zoomdream.cli import main
from zoomdream.ffmpeg import probe
from zoomdream.rendering import make_job, render
from zoomdream.rendering.plan import make_plan
from zoomdream.source.clip.clip import open_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds at 12 per second, with a cut at 2.5 s (frame 30) and sound."""
    drawn = drawn_clip.DrawnClip(size=(48, 64), fps=Fraction(12), seconds=5, cut=2.5)
    return drawn_clip.write(drawn, tmp_path_factory.mktemp("clip") / "drawn.mp4")


@pytest.fixture
def config_file(clip: Path, untrained_weights: Path, tmp_path: Path) -> Path:
    path = tmp_path / "dreamt.yaml"
    path.write_text(
        f"output: {tmp_path / 'dreamt.mp4'}\nsource: {{kind: video, path: {clip}}}\n"
        f"network: {{weights: {untrained_weights}}}\ndream: {{octaves: 1, steps: 1, warmup: 1}}\n"
        "performance: {threads: 1}\n",
        encoding="utf-8",
    )
    return path


def test_a_dreamt_clip_has_the_size_rate_length_and_sound_of_the_clip(config_file: Path, clip: Path) -> None:
    finished = render(load_config(config_file))
    was, now = (open_clip(path) for path in (clip, finished))
    assert (now.size, now.fps, now.times, now.span, now.variable) == (was.size, was.fps, was.times, was.span, False)
    assert now.has_sound


def test_a_part_of_a_clip_is_as_long_as_that_part(config_file: Path) -> None:
    finished = render(load_config(config_file, ["source.start=1s", "source.end=3s"]))
    now = open_clip(finished)
    assert (len(now.times), now.span) == (24, 2)
    assert now.has_sound


def test_sound_is_none_where_none_is_wanted_or_possible(config_file: Path, tmp_path: Path) -> None:
    assert make_job(load_config(config_file, ["encode.audio=none"])).sound is None
    assert make_job(load_config(config_file, output=tmp_path / "silent.gif")).sound is None


def test_cuts_that_were_found_stay_where_they_were_and_those_that_are_given_count(config_file: Path) -> None:
    found = make_plan(load_config(config_file))
    assert found.cuts == (30,)
    begun = replace(found, cuts=(12, 40))  # by another version of what finds them, say
    for given, cuts in (("auto", (12, 40)), ("off", ()), ("[1s, 36f]", (12, 36))):
        assert make_plan(load_config(config_file, [f"flow.cuts={given}"]), begun).cuts == cuts


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_clip_ends_with_the_same_frames(
    config_file: Path, tmp_path: Path, decoded: Callable[[Path], list[str]]
) -> None:
    """In the middle of a shot, so that what is kept of the frame before counts."""
    config_file.write_text(config_file.read_text() + "flow: {cuts: [20f]}\n")
    whole = render(load_config(config_file, output=tmp_path / "whole.mp4"))
    command = [sys.executable, "-m", "zoomdream", "render", str(config_file), "--quiet"]
    state = tmp_path / "dreamt.mp4.zoomdream" / "state.safetensors"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while not state.exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert state.exists()
    assert decoded(render(load_config(config_file))) == decoded(whole)
    assert probe.probe(ffmpeg.executable(), tmp_path / "dreamt.mp4").audio == "aac"


def test_numbered_pictures_are_dreamt_on_as_the_clip_of_them_is(
    config_file: Path, clip: Path, tmp_path: Path, decoded: Callable[[Path], list[str]]
) -> None:
    """At its own rate, cut and all, in a part with a mask, and with frames that are carried."""
    (tmp_path / "in").mkdir()
    ffmpeg_run("-i", clip, "-an", "-c:v", "ffv1", "-pix_fmt", "bgr0", tmp_path / "lossless.mkv")
    ffmpeg_run("-i", tmp_path / "lossless.mkv", tmp_path / "in" / "%03d.png")
    ffmpeg_run("-f", "lavfi", "-i", "gradients=s=64x48", "-frames:v", 1, tmp_path / "mask.png")
    settings = ["source.start=2s", "source.end=3s", "dream.every=2", f"dream.mask={tmp_path / 'mask.png'}"]
    of_clip = load_config(config_file, [f"source.path={tmp_path / 'lossless.mkv'}", *settings])
    frames = ["source.kind=frames", f"source.path={tmp_path / 'in' / '%03d.png'}", "fps=12", *settings]
    of_pictures = load_config(config_file, frames)
    assert make_plan(of_pictures).cuts == make_plan(of_clip).cuts == (6,)
    assert decoded(render(of_pictures, restart=True)) == decoded(render(of_clip, restart=True))


def test_the_config_in_a_dreamt_clip_renders_it_again(config_file: Path) -> None:
    """What was found of cuts, size and rate stands in the file."""
    finished = render(load_config(config_file))
    text = subprocess.run(
        [sys.executable, "-m", "zoomdream", "info", str(finished)], capture_output=True, text=True, check=True
    ).stdout
    assert "cuts:" in text
    again = config_file.with_name("again.yaml")
    again.write_text(text, encoding="utf-8")
    assert load_config(again).flow.cuts == (Fraction(5, 2),)
    assert render(load_config(again, output=finished)) == finished  # kept: it is the same render


@pytest.fixture
def two_tracks(clip: Path, tmp_path: Path) -> Path:
    """The clip with a commentary, and surround sound as the default."""
    path = tmp_path / "two.mkv"
    sounds = [
        "-f",
        "lavfi",
        "-i",
        "sine=300:d=5",
        "-f",
        "lavfi",
        "-i",
        "sine=700:d=5,aformat=channel_layouts=5.1(side)",
    ]
    maps = ["-map", "0:v", "-map", "1", "-map", "2", "-c:v", "copy", "-c:a:0", "aac", "-c:a:1", "ac3"]
    tags = ["-metadata:s:a:0", "title=Talk", "-metadata:s:a:1", "language=eng"]
    flags = ["-disposition:a:0", "comment", "-disposition:a:1", "default"]
    command = [str(ffmpeg.executable()), *ffmpeg.QUIET, "-i", str(clip), *sounds, *maps, *tags, *flags, str(path)]
    ffmpeg.run(command, what="Adding tracks")
    return path


def test_check_lists_the_sound_tracks_and_what_becomes_of_the_one_that_is_taken(
    config_file: Path, two_tracks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config_file.write_text(config_file.read_text().replace("dreamt.mp4", "dreamt.webm"))
    assert main(["check", str(config_file), "--set", f"source.path={two_tracks}", "--set", "frames=6"]) == 0
    printed = capsys.readouterr().out
    assert '1: "Talk", aac, mono, 44100 Hz\n' in printed
    assert "2: eng, ac3, 5.1(side), 44100 Hz, default, taken\n" in printed
    assert "encoded as opus, 5.1, 48000 Hz" in printed
    assert "sound of 5.1(side) becomes 5.1" in printed


def test_a_render_says_which_of_several_tracks_it_takes(
    config_file: Path, two_tracks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["render", str(config_file), "--set", f"source.path={two_tracks}", "--set", "encode.audio_track=Talk"]
    assert main(command) == 0
    assert 'note: of the sound tracks of two.mkv, 1: "Talk", aac' in capsys.readouterr().err
    assert probe.probe(ffmpeg.executable(), tmp_path / "dreamt.mp4").audio == "aac"  # copied; the other is ac3


def test_joined_recordings_stay_in_step_from_the_first_to_the_last(config_file: Path, tmp_path: Path) -> None:
    """Each flashes and clicks after a second; its sound ends before its pictures."""
    made, joined = tmp_path / "part.ts", tmp_path / "joined.ts"
    clips_sync.write_clip(made, fps=Fraction(25), seconds=2, shorter=0.3)
    joined.write_bytes(made.read_bytes() * 3)
    finished = render(load_config(config_file, [f"source.path={joined}", "dream.opacity=0", "dream.steps=0"]))
    found = clips_sync.measure(finished)
    assert len(found.errors) == 3
    assert found.worst < 0.01
    assert len(found.frames) == 150
