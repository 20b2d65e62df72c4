"""The sound of the finished file, measured: where clicks are heard against where flashes are seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from bench.clips import sync as clips_sync
from bench.clips.sync import Sync

from zoomdream import ffmpeg
from zoomdream.config import codecs
from zoomdream.encode.join import join
from zoomdream.encode.segment import SEGMENT_FRAMES, EncodeSettings, SegmentWriter
from zoomdream.encode.sound import fit
from zoomdream.ffmpeg import probe
from zoomdream.source.sound import find_soundtrack
from zoomdream.types import Soundtrack

PROGRAM = ffmpeg.executable()
NTSC = Fraction(30000, 1001)
ENDINGS = [".mp4", ".mov", ".mkv", ".webm"]
EXACT, COPIED = 0.0001, 0.00101  # seconds: a sample or two; Matroska counts milliseconds

Play = Callable[..., Path]
"""Put a sound under pictures that flash every second: ending, sound, fps, frames, begin → the finished file."""

Clip = Callable[..., tuple[Path, Fraction]]
"""container, encoder and lateness of the sound, fps, seconds → a clip, and when its first frame is shown."""


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Play:
    """Segments of flashing pictures are made once for all tests and joined with each sound."""
    made: dict[tuple[object, ...], tuple[EncodeSettings, list[Path]]] = {}

    def segments(codec: str, fps: Fraction, begin: int, frames: int) -> tuple[EncodeSettings, list[Path]]:
        settings = EncodeSettings(
            codec=codec,
            width=64,
            height=48,
            fps=fps,
            pixel_format=codecs.resolve_pixel_format(codec, "auto"),
            program=PROGRAM,
            preset="ultrafast" if codec == "h264" else None,
        )
        folder, paths = tmp_path_factory.mktemp("segments"), []
        flashing = clips_sync.flash_numbers(fps, begin + frames)
        for first in range(0, frames, SEGMENT_FRAMES):
            with SegmentWriter(settings, folder, first // SEGMENT_FRAMES) as writer:
                for number in range(first, min(first + SEGMENT_FRAMES, frames)):
                    writer.write(torch.full((1, 3, 48, 64), 1.0 if begin + number in flashing else 0.1))
                paths.append(writer.close())
        return settings, paths

    def finished(
        ending: str, sound: Soundtrack | None, fps: Fraction = NTSC, frames: int = 120, begin: int = 0
    ) -> Path:
        key = ("vp9" if ending == ".webm" else "h264", fps, begin, frames)
        if key not in made:
            made[key] = segments(*key)
        settings, paths = made[key]
        return join(
            settings, paths, Path(f"a{ending}"), frames, origin="zoomdream 0 x\n", sound=sound and fit(sound, ending)
        )

    return finished


def heard(path: Path) -> str | None:
    """The codec of a file's sound."""
    return probe.probe(PROGRAM, path).audio


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """Each is made once for all tests."""
    folder, made = tmp_path_factory.mktemp("clips"), dict[Path, Fraction]()

    def written(
        container: str, codec: str, late: str = "0", fps: Fraction = NTSC, seconds: int = 4
    ) -> tuple[Path, Fraction]:
        path = folder / f"{codec}_{late}_{fps}_{seconds}.{container}".replace("/", "-")
        if path not in made:
            clips_sync.write_clip(path, late=Fraction(late), audio=codec, fps=fps, seconds=seconds)
            made[path] = clips_sync.measure(path).frames[0]
        return path, made[path]

    return written


def synced(path: Path, tolerance: float, clicks: int = 3) -> Sync:
    """What is measured on a file, whose pictures Matroska and WebM put at whole milliseconds."""
    found = clips_sync.measure(path)
    tolerance += 0.0005 if path.suffix in (".mkv", ".webm") else 0
    assert len(found.errors) == clicks
    assert found.worst <= tolerance, found.errors
    assert found.frames[0] == 0
    return found


WHOLE = [  # container and encoder of the clip, by how much its sound is late, ending of the video → copied or not
    ("mp4", "aac", "0", ".mp4", True), ("mp4", "aac", "0", ".mkv", True), ("mp4", "aac", "0", ".webm", False),
    ("mp4", "aac", "1/2", ".mp4", True), ("mp4", "aac", "1/2", ".mov", True), ("mp4", "aac", "1/2", ".mkv", True),
    ("mp4", "aac", "1/2", ".webm", False), ("mkv", "aac", "0", ".mp4", True), ("mkv", "aac", "1/2", ".mp4", True),
    ("ts", "aac", "1/2", ".mp4", True), ("mp4", "libmp3lame", "0", ".mkv", True),
    ("mkv", "libmp3lame", "1/2", ".mp4", True), ("webm", "libopus", "0", ".webm", True),
    ("webm", "libopus", "1/2", ".webm", True), ("webm", "libopus", "1/2", ".mp4", True),
    ("mkv", "libopus", "0", ".mov", False), ("mkv", "libvorbis", "1/2", ".webm", True),
    ("mkv", "libvorbis", "0", ".mp4", False), ("mov", "pcm_s16le", "0", ".mov", True),
    ("mov", "pcm_s16le", "1/2", ".mp4", False), ("mov", "pcm_s16le", "0", ".mkv", True),
    ("mov", "alac", "0", ".mp4", True), ("mkv", "flac", "1/2", ".mp4", True),
]  # fmt: skip


@pytest.mark.parametrize(("container", "codec", "late", "ending", "copied"), WHOLE)
def test_the_sound_of_a_whole_clip_stays_in_step(
    clip: Clip, play: Play, container: str, codec: str, late: str, ending: str, copied: bool
) -> None:
    source, first = clip(container, codec, late)
    sound = find_soundtrack(source, "auto", first, 120 / NTSC, True)
    assert sound is not None
    assert sound.intact
    path = play(ending, sound)
    assert heard(path) == (heard(source) if copied else "opus" if ending == ".webm" else "aac")
    synced(path, COPIED)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(("container", "codec"), [("mp4", "aac"), ("mkv", "libopus"), ("mov", "pcm_s16le")])
def test_sound_that_begins_before_the_picture_is_cut_to_the_sample(
    clip: Clip, play: Play, container: str, codec: str, ending: str
) -> None:
    source, first = clip(container, codec, "-3/10")
    sound = find_soundtrack(source, "auto", first, 120 / NTSC, True)
    assert sound is not None
    assert not sound.intact
    found = synced(play(ending, sound), EXACT)
    assert found.start == pytest.approx(0, abs=1e-6)
    assert found.end == pytest.approx(4.004, abs=0.011)  # Matroska's last packet is as long as all


@pytest.mark.parametrize("ending", [".mp4", ".webm"])
@pytest.mark.parametrize("late", ["0", "1/2", "-3/10"])
@pytest.mark.parametrize("begin", [10, 47])
def test_a_part_that_is_cut_out_takes_its_own_sound(clip: Clip, play: Play, begin: int, late: str, ending: str) -> None:
    source, first = clip("mp4", "aac", late)
    sound = find_soundtrack(source, "auto", first + begin / NTSC, 60 / NTSC, False)
    assert sound is not None
    assert not sound.intact
    found = synced(play(ending, sound, frames=60, begin=begin), EXACT, clicks=2)
    assert found.start == pytest.approx(0, abs=1e-6)
    assert found.end == pytest.approx(2.002, abs=0.011)


def test_a_part_that_lacks_only_the_clips_last_frames_is_cut_too(clip: Clip, play: Play) -> None:
    source, first = clip("mp4", "aac", "0")
    sound = find_soundtrack(source, "auto", first, 117 / NTSC, False)
    assert sound is not None
    assert not sound.intact
    assert synced(play(".mp4", sound, frames=117), EXACT).end == pytest.approx(float(117 / NTSC), abs=EXACT)


def test_less_than_a_millisecond_counts_too(clip: Clip, play: Play) -> None:
    source, first = clip("mov", "pcm_s16le", "1/1250")
    synced(play(".mp4", find_soundtrack(source, "auto", first, 120 / NTSC, False)), EXACT)


@pytest.mark.parametrize(("fps", "whole"), [(NTSC, True), (NTSC, False), (Fraction(24000, 1001), True)])
def test_half_a_minute_does_not_drift(clip: Clip, play: Play, fps: Fraction, whole: bool) -> None:
    source, _ = clip("mp4", "aac", fps=fps, seconds=30)
    frames = round(30 * fps)
    sound = find_soundtrack(source, "auto", Fraction(0), frames / fps, whole)
    synced(play(".mp4", sound, fps=fps, frames=frames), EXACT, clicks=29)


def test_a_clip_without_sound_has_none(tmp_path: Path, play: Play) -> None:
    silent = play(".mp4", None, frames=10)
    assert heard(silent) is None
    assert find_soundtrack(silent, "auto", Fraction(0), Fraction(1), True) is None


@pytest.mark.parametrize("ending", [".mp4", ".webm"])
def test_a_short_sound_shortens_nothing(tmp_path: Path, play: Play, ending: str) -> None:
    source = tmp_path / "clip.mkv"
    clips_sync.write_clip(source, shorter=2.7)
    sound = find_soundtrack(source, "auto", Fraction(0), 120 / NTSC, True)
    path = play(ending, sound)
    assert len(clips_sync.flashes(path)[0]) == 3
    assert len(clips_sync.flashes(path)[1]) == 120
    assert [float(click) for click in clips_sync.clicks(path)[0]] == [pytest.approx(1, abs=0.02)]


@pytest.mark.parametrize("ending", [".mov", ".webm"])
def test_a_long_sound_ends_with_the_picture(tmp_path: Path, play: Play, ending: str) -> None:
    source = tmp_path / "clip.mkv"
    clips_sync.write_clip(source, shorter=-5.5)
    sound = find_soundtrack(source, "auto", Fraction(0), 120 / NTSC, True)
    assert synced(play(ending, sound), EXACT).end == pytest.approx(4.004, abs=0.011)


@pytest.mark.parametrize("ending", ENDINGS)
def test_where_the_sound_is_over_already_there_is_silence(tmp_path: Path, play: Play, ending: str) -> None:
    source = tmp_path / "clip.mp4"
    clips_sync.write_clip(source, shorter=3.0)
    path = play(ending, find_soundtrack(source, "auto", Fraction(2), 60 / NTSC, False), frames=60)
    start, samples = clips_sync.sound(path)
    assert start == 0
    assert len(samples) / clips_sync.CLOCK == pytest.approx(2.002, abs=0.011)
    assert abs(samples).max() < 0.001


@pytest.mark.parametrize("ending", [".mp4", ".webm"])
@pytest.mark.parametrize("end", [1.37, 1.7])
def test_a_hole_in_the_sound_does_not_move_what_follows(tmp_path: Path, play: Play, end: float, ending: str) -> None:
    source = tmp_path / "clip.mkv"
    clips_sync.write_clip(source, audio="pcm_s16le", sound_filter=f"aselect='not(between(t,1.3,{end}))'")
    assert clips_sync.measure(source).worst < COPIED
    sound = find_soundtrack(source, "auto", Fraction(0), 120 / NTSC, True)
    synced(play(ending, sound), COPIED)


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_a_clip_cut_without_encoding_keeps_what_its_edit_list_says(tmp_path: Path, play: Play, ending: str) -> None:
    whole, part = tmp_path / "whole.mp4", tmp_path / "part.mp4"
    clips_sync.write_clip(whole, seconds=6)
    command = [str(PROGRAM), *ffmpeg.QUIET, "-ss", "1.51", "-i", str(whole), "-c", "copy", str(part)]
    ffmpeg.run(command, what="cutting")
    before = clips_sync.measure(part)
    first, frames = before.frames[0], len(before.frames)
    sound = find_soundtrack(part, "auto", first, frames / NTSC, True)
    clicks, *_ = clips_sync.clicks(play(ending, sound, frames=frames))
    wanted = [click - first for click in clips_sync.clicks(part)[0]]
    assert [float(click) for click in clicks] == pytest.approx([float(click) for click in wanted], abs=COPIED)


@pytest.mark.parametrize(
    ("name", "codec", "ending"),
    [("a.wav", "pcm_s16le", ".mp4"), ("a.wav", "pcm_s16le", ".mkv"), ("a.mp3", "libmp3lame", ".mp4"),
     ("a.mp3", "libmp3lame", ".mkv"), ("a.m4a", "aac", ".mp4"), ("a.ogg", "libopus", ".webm"),
     ("a.ogg", "libopus", ".mp4"), ("a.flac", "flac", ".mp4"), ("a.oga", "libvorbis", ".webm"),
     ("a.aac", "aac", ".mp4")],
)  # fmt: skip
@pytest.mark.parametrize("seconds", [4, 7])
def test_a_sound_file_begins_with_the_first_frame(
    clip: Clip, tmp_path: Path, play: Play, name: str, codec: str, seconds: int, ending: str
) -> None:
    source, _ = clip("mkv", "pcm_s16le", seconds=seconds)
    path = tmp_path / name
    command = [str(PROGRAM), *ffmpeg.QUIET, "-i", str(source), "-vn", "-c:a", codec, "-strict", "-2", str(path)]
    ffmpeg.run(command, what="extracting")
    sound = find_soundtrack(path, "auto", None, 120 / NTSC, True)
    assert sound.intact == (seconds == 4)
    warming = 1024 / 48000 if name == "a.aac" else 0  # such a file has no room to say that it begins with nothing
    found = clips_sync.measure(play(ending, sound))
    assert [error - warming for error in found.errors] == pytest.approx([0, 0, 0], abs=COPIED)
    assert found.end <= 4.004 + 0.08


FITS = [  # layout and rate that are heard, ending of the video → what it gets
    ("mono", 44100, ".mp4", "aac", "mono", 44100), ("stereo", 48000, ".webm", "opus", "stereo", 48000),
    ("5.1", 48000, ".mp4", "aac", "5.1", 48000), ("5.1(side)", 48000, ".webm", "opus", "5.1", 48000),
    ("7.1", 96000, ".mov", "aac", "5.1", 96000), ("7.1", 44100, ".webm", "opus", "7.1", 48000),
    ("quad", 192000, ".mp4", "aac", "5.1", 48000), ("16c", 48000, ".mp4", "aac", "stereo", 48000),
    ("16c", 6000, ".webm", "opus", "stereo", 48000),
]  # fmt: skip


@pytest.mark.parametrize(("heard", "rate", "ending", "codec", "layout", "written"), FITS)
def test_a_layout_that_the_codec_cannot_hold_is_mixed_to_one_that_it_holds(
    tmp_path: Path, play: Play, heard: str, rate: int, ending: str, codec: str, layout: str, written: int
) -> None:
    source = tmp_path / "sound.mov"
    noise = f"anoisesrc=d=1:a=0.1:r={rate},aformat=channel_layouts={heard.replace('16c', '16 channels')}"
    if heard == "16c":
        noise = "|".join([f"anoisesrc=d=1:a=0.1:r={rate},pan=16c", *(f"c{number}=c0" for number in range(16))])
    ffmpeg.run([str(PROGRAM), *ffmpeg.QUIET, "-f", "lavfi", "-i", noise, "-c:a", "pcm_s16le", str(source)], what="x")
    track = find_soundtrack(source, "auto", None, 10 / NTSC, True)
    assert track is not None
    path = play(ending, track, frames=10)
    with av.open(str(path)) as container:
        found = container.streams.audio[0].codec_context
        assert (found.codec.canonical_name, found.layout.name, found.sample_rate) == (codec, layout, written)
    assert 0.005 < np.abs(clips_sync.sound(path)[1]).max() <= 1
    assert any("becomes" in line for line in fit(track, ending).describe()) == (heard != layout)


def test_what_a_container_refuses_to_copy_is_encoded_again(clip: Clip, play: Play) -> None:
    source, _ = clip("mov", "pcm_s16le")
    sound = find_soundtrack(source, "auto", Fraction(0), 120 / NTSC, True)
    assert sound is not None
    path = play(".webm", replace(sound, codec="opus"))  # taken for what WebM can hold
    assert heard(path) == "opus"
    synced(path, EXACT)
