"""The benchmark's own measures, on dreams that ffmpeg fakes: right ones hold every bar, each fault fails its own."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest
from bench.clips import facts as clips_facts
from bench.clips import main as bench_clips
from bench.clips import sync as clips_sync
from bench.report import Report

from zoomdream import ffmpeg

FFMPEG = [str(ffmpeg.executable()), *ffmpeg.QUIET, "-y"]
PICTURE = "testsrc2=size=128x96:rate=24:duration=3"
SOUND = "anoisesrc=duration=3:amplitude=0.2:seed=5,volume='0.2+0.8*between(mod(t,0.7),0,0.1)':eval=frame"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip that looks different from all sides and sounds different at all times."""
    path = tmp_path_factory.mktemp("clips") / "clip.mkv"
    command = [*FFMPEG, "-f", "lavfi", "-i", PICTURE, "-f", "lavfi", "-i", SOUND, "-c:v", "ffv1", "-c:a", "flac"]
    ffmpeg.run([*command, str(path)], what="drawing")
    return path


def fake(source: Path, output: Path, *options: str) -> None:
    """What a render would leave, by ffmpeg alone."""
    command = [*FFMPEG, "-i", str(source), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
    ffmpeg.run([*command, *options, str(output)], what="faking")


def failing(source: Path, output: Path, *, start: Fraction = Fraction(0), length: Fraction | None = None) -> list[str]:
    """The bars that fail, by what follows the clip's name."""
    before, after = clips_facts.read(source), clips_facts.read(output)
    figures = bench_clips.compare(before, after, start, length or before.seconds, whole=length is None)
    found = Report()
    bench_clips.hold(found, "clip", figures)
    return [name.removeprefix("clip: ") for name, bar in found.bars.items() if not bar["holds"]]


RIGHT: dict[str, Sequence[str]] = {
    "the same": (),
    "darker and blurred": ("-vf", "eq=brightness=-0.1:contrast=0.8,gblur=2"),
    "its sound encoded again": ("-c:a", "aac"),
    "its sound 10 ms late": ("-af", "adelay=10", "-c:a", "flac", "-strict", "-2"),
}
WRONG: dict[str, tuple[Sequence[str], list[str]]] = {
    "too small": (("-vf", "scale=126:96,setsar=1"), ["pixels off the size"]),
    "upside down": (("-vf", "hflip,vflip"), ["upright"]),
    "mirrored": (("-vf", "hflip"), ["upright"]),
    "a frame missing": (
        ("-vf", "trim=end_frame=71", "-c:a", "aac"),
        ["frames too many or too few", "duration off, in frames"],
    ),
    "too fast": (("-r", "25"), ["frames too many or too few", "rate off"]),
    "without sound": (("-an",), ["sound lost or made up"]),
    "its sound 40 ms late": (("-af", "adelay=40", "-c:a", "aac"), ["sound off, in frames"]),
    "its sound too slow": (("-af", "atempo=0.97", "-c:a", "aac"), ["sound off, in frames"]),
}


@pytest.mark.parametrize("options", RIGHT.values(), ids=RIGHT)
def test_a_right_dream_holds_every_bar(source: Path, tmp_path: Path, options: Sequence[str]) -> None:
    fake(source, tmp_path / "a.mp4", *options)
    assert failing(source, tmp_path / "a.mp4") == []


@pytest.mark.parametrize(("options", "bars"), WRONG.values(), ids=WRONG)
def test_a_wrong_dream_fails_the_bar_that_says_so(
    source: Path, tmp_path: Path, options: Sequence[str], bars: list[str]
) -> None:
    fake(source, tmp_path / "a.mp4", *options)
    assert failing(source, tmp_path / "a.mp4") == bars


def test_a_part_is_held_against_that_part(source: Path, tmp_path: Path) -> None:
    fake(source, tmp_path / "a.mkv", "-ss", "1", "-t", "1", "-c:a", "flac")
    assert failing(source, tmp_path / "a.mkv", start=Fraction(1), length=Fraction(1)) == []
    assert "sound off, in frames" in failing(source, tmp_path / "a.mkv", start=Fraction(1, 2), length=Fraction(1))


@pytest.mark.parametrize(("late", "suffix"), [("0", "mp4"), ("1/2", "mkv"), ("-3/10", "mov")])
def test_drawn_clips_click_as_they_flash(tmp_path: Path, late: str, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    clips_sync.write_clip(path, late=Fraction(late))
    found = clips_sync.measure(path)
    assert len(found.errors) == 3
    assert found.worst < 0.0011
    assert found.start == pytest.approx(float(Fraction(late)), abs=0.03)


def test_clicks_that_are_late_are_measured_late(tmp_path: Path) -> None:
    path, shifted = tmp_path / "a.mkv", tmp_path / "b.mkv"
    clips_sync.write_clip(path, audio="flac")
    ffmpeg.run([*FFMPEG, "-i", str(path), "-c:v", "copy", "-af", "adelay=25", str(shifted)], what="shifting")
    assert clips_sync.measure(shifted).errors == pytest.approx([0.025] * 3, abs=0.001)
