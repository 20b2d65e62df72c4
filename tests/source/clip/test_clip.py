from __future__ import annotations

import random
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from tests.counted_work import calls
from tests.made_clips import encode, number_of, numbered, run
from zoomdream.api import load_config
from zoomdream.config import VideoSource
from zoomdream.errors import InputError
from zoomdream.source.clip.clip import Clip, describe, frame_numbers, open_clip, shown_size, start_time
from zoomdream.source.clip.decode import ClipReader
from zoomdream.source.clip.times import find_rate

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", 12, "-bf", 2)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty numbered frames at 25 per second, with sound."""
    folder = tmp_path_factory.mktemp("plain")
    silent = encode(folder / "silent.mp4", numbered(40), *X264)
    sound = ("-f", "lavfi", "-i", "sine=duration=1.6", "-c:v", "copy", "-c:a", "aac", "-movflags", "+faststart")
    run("-i", silent, *sound, folder / "plain.mp4")
    return folder / "plain.mp4"


def look(path: Path) -> Clip:
    return open_clip(path)


def shown(clip: Clip, numbers: tuple[int, ...]) -> list[int]:
    """The numbers that are to be read in the frames."""
    with ClipReader(clip, numbers, clip.size, "fill") as reader:
        return [number_of(reader.frame(index)) for index in range(len(numbers))]


def test_a_plain_clip_is_what_it_is(plain: Path) -> None:
    clip = look(plain)
    assert (clip.size, clip.fps, clip.variable, clip.has_sound) == ((48, 64), 25, False, True)
    assert clip.times == tuple(Fraction(number, 25) for number in range(40))
    assert (clip.end, clip.span, clip.shots, clip.notes) == (Fraction(8, 5), Fraction(8, 5), (0,), ())
    numbers = frame_numbers(clip, clip.fps, Fraction(0), None)
    assert numbers == tuple(range(40)) == tuple(shown(clip, numbers))


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_a_clip_is_shown_as_its_camera_was_held(plain: Path, tmp_path: Path, angle: int) -> None:
    run("-display_rotation:v:0", angle, "-i", plain, "-c", "copy", tmp_path / "turned.mp4")
    upright, turned = look(plain), look(tmp_path / "turned.mp4")
    assert turned.size == ((48, 64) if angle % 180 == 0 else (64, 48))
    with (
        ClipReader(upright, range(40), upright.size, "fill") as straight,
        ClipReader(turned, range(40), turned.size, "fill") as other,
    ):
        expected = straight.frame(21).rot90(angle // 90, (2, 3))  # counter-clockwise, as ffmpeg's angle
        assert (other.frame(21) - expected).abs().mean() < 0.03  # turned, half a sample of color is on the other side


@pytest.mark.parametrize(
    ("size", "aspect", "square"),
    [
        ((48, 64), Fraction(4, 3), (48, 85)),
        ((48, 64), Fraction(3, 4), (64, 64)),
        ((576, 720), Fraction(16, 15), (576, 768)),
        ((241, 427), Fraction(428, 427), (241, 428)),
    ],
)
def test_pixels_become_square_and_none_is_lost(
    size: tuple[int, int], aspect: Fraction, square: tuple[int, int]
) -> None:
    assert shown_size(size, aspect) == square


def test_the_sample_aspect_ratio_turns_with_the_picture(plain: Path, tmp_path: Path) -> None:
    run("-i", plain, "-vf", "setsar=3/2", "-c:v", "libx264", tmp_path / "wide.mp4")
    run("-display_rotation:v:0", 90, "-i", tmp_path / "wide.mp4", "-c", "copy", tmp_path / "turned.mp4")
    assert look(tmp_path / "wide.mp4").size == (48, 96)
    assert look(tmp_path / "turned.mp4").size == (96, 48)


@pytest.mark.parametrize("rate", ["24000/1001", "24", "25", "30000/1001", "30", "60000/1001", "15", "12.5"])
@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_steady_rates_are_exact_also_where_times_are_milliseconds(tmp_path: Path, rate: str, suffix: str) -> None:
    clip = look(encode(tmp_path / f"a.{suffix}", numbered(50), *X264, fps=rate))
    assert (clip.fps, clip.variable) == (Fraction(rate), False)
    assert frame_numbers(clip, clip.fps, Fraction(0), None) == tuple(range(50))


def variable(path: Path, times: str, *, tick: str = "1/1000") -> Path:
    """A clip with the frame N at `times`, an expression of N in ticks."""
    filters = ("-vf", f"settb={tick},setpts='{times}'", "-fps_mode", "passthrough")
    return encode(path, numbered(40), *X264, *filters, "-enc_time_base", tick.replace("/", ":"))


def test_frames_missing_on_a_grid_hold_the_frame_before(tmp_path: Path) -> None:
    clip = look(variable(tmp_path / "a.mp4", "40*(N+floor(N/10)*5)"))  # five are missing after every tenth
    assert (clip.fps, clip.variable, clip.span) == (25, True, Fraction(55, 25))
    numbers = frame_numbers(clip, clip.fps, Fraction(0), None)
    expected = [number for number in range(40) for _ in range(6 if number in (9, 19, 29) else 1)]
    assert list(numbers) == expected == shown(clip, numbers)


def test_times_on_no_grid_are_sampled_and_never_sped_up(tmp_path: Path) -> None:
    clip = look(variable(tmp_path / "a.mkv", "N*37+150*sin(N/5)*sin(N/5)"))
    assert clip.variable
    assert clip.grid is None
    assert clip.fps >= (len(clip.times) - 1) / (clip.times[-1] - clip.times[0])
    for fps in (clip.fps, Fraction(30), Fraction(60000, 1001)):
        numbers = frame_numbers(clip, fps, Fraction(0), None)
        assert len(numbers) == round(clip.span * fps)
        for index, number in enumerate(numbers):
            moment = clip.times[0] + index / fps + Fraction(1, 10000)
            assert clip.times[number] <= moment
            assert number == 39 or moment < clip.times[number + 1] + Fraction(1, 1000)


def test_small_jitter_drops_and_repeats_nothing(tmp_path: Path) -> None:
    clip = look(variable(tmp_path / "a.mp4", "N*3600+mod(N*7,5)*300", tick="1/90000"))  # up to a third of a frame
    assert (clip.fps, clip.variable) == (25, False)
    assert frame_numbers(clip, clip.fps, Fraction(0), None) == tuple(range(40))


def test_start_and_end_choose_the_frames_from_start_on_and_before_the_end(plain: Path) -> None:
    clip = look(plain)
    assert frame_numbers(clip, clip.fps, Fraction("0.4"), Fraction("0.8")) == tuple(range(10, 20))
    assert frame_numbers(clip, clip.fps, Fraction("0.41"), Fraction("0.81")) == tuple(range(11, 21))
    assert frame_numbers(clip, clip.fps, Fraction("0.4"), None) == tuple(range(10, 40))
    assert frame_numbers(clip, Fraction(50), Fraction("0.4"), Fraction("0.6")) == (
        10,
        10,
        11,
        11,
        12,
        12,
        13,
        13,
        14,
        14,
    )
    assert frame_numbers(clip, Fraction(5), Fraction(0), None) == (0, 5, 10, 15, 20, 25, 30, 35)
    assert frame_numbers(clip, clip.fps, Fraction("1.52"), Fraction(2))[-1] == 39  # its last frame stays


def part(path: Path, start: str, end: str | None, **changes: object) -> tuple[int, ...]:
    """The frames of a clip that a config shows, as a render asks for them."""
    source = {"kind": "video", "path": str(path), "start": start, "end": end}
    config = load_config({"source": source, **changes})
    assert isinstance(config.source, VideoSource)
    clip, start_at = look(path), config.source.start
    numbers = frame_numbers(clip, config.fps, start_at, start_at + config.frames / config.fps)
    assert len(numbers) == config.frames
    if config.source.end is None:
        assert len(frame_numbers(clip, config.fps, start_at, None)) == config.frames  # by which sound is copied
    if config.fps == clip.fps and clip.grid is not None:  # nor does the sound go on
        assert start_time(clip, config.fps, start_at) + config.frames / config.fps <= clip.end
    return numbers


def test_no_frame_at_the_end_of_a_part_or_after_it_is_shown(plain: Path) -> None:
    assert part(plain, "0.41s", "0.8s") == tuple(range(11, 20))
    assert part(plain, "0.02s", None) == tuple(range(1, 40))
    assert part(plain, "0s", None) == tuple(range(40))
    assert part(plain, "0s", "1.61s") == tuple(range(40))
    generator = random.Random(1)
    for _ in range(20):
        start, end = sorted(generator.sample(range(160), 2))
        expected = tuple(number for number in range(40) if start <= number * 4 < end)
        if expected:
            assert part(plain, f"{start / 100}s", f"{end / 100}s") == expected
    for fps in (10, 24, 50):
        numbers = part(plain, "0.41s", "0.8s", fps=fps)
        assert (numbers[0], len(numbers)) == (10, round(Fraction("0.39") * fps))
        assert numbers[-1] < 20


def test_a_part_of_a_clip_on_no_grid_is_as_long_as_its_seconds(tmp_path: Path) -> None:
    clip = look(variable(tmp_path / "a.mkv", "N*37+150*sin(N/5)*sin(N/5)"))
    assert len(part(clip.footage, "0s", f"{float(Fraction('10.3') / clip.fps):.6f}s")) == 10


def test_the_irregular_times_of_an_hour_are_counted_in_integers(plain: Path) -> None:
    generator = random.Random(1)
    moments, moment = [], 0
    for _ in range(108_000):
        moments.append(Fraction(moment, 1000))
        moment += generator.randrange(20, 48)
    found = find_rate(moments, Fraction(0), [Fraction(30)])
    assert found.grid is None
    clip = replace(look(plain), times=tuple(moments), grid=None, fps=found.rate, end=moments[-1])
    assert len(frame_numbers(clip, Fraction(30), Fraction(0), None)) == round(clip.span * 30)
    work = calls(
        lambda: (find_rate(moments, Fraction(0), [Fraction(30)]), frame_numbers(clip, Fraction(30), Fraction(0), None))
    )
    assert work < 15 * len(moments)  # with fractions 40 s instead of 0.2 s


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_a_late_start_stays_on_the_clock(plain: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"late.{suffix}"
    run("-itsoffset", 0.52, "-i", plain, "-i", plain, "-map", "0:v", "-map", "1:a", "-c", "copy", path)
    clip = look(path)
    assert clip.times[0] > 0.5
    assert clip.span == Fraction(8, 5)
    assert shown(clip, frame_numbers(clip, clip.fps, Fraction(0), None)) == list(range(40))


@pytest.mark.parametrize("name", ["live.mkv", "raw.h264"])
def test_no_header_needs_to_know_the_duration(plain: Path, tmp_path: Path, name: str) -> None:
    run("-i", plain, "-c", "copy", *(["-live", 1] if name == "live.mkv" else ["-an"]), tmp_path / name)
    clip = look(tmp_path / name)
    assert (clip.header.stated_end, clip.span, len(clip.times)) == (None, Fraction(8, 5), 40)


def test_the_first_video_that_is_no_cover_is_shown(plain: Path, tmp_path: Path) -> None:
    cover = tmp_path / "cover.png"
    run("-f", "lavfi", "-i", "color=s=200x200", "-frames:v", 1, cover)
    other = encode(tmp_path / "other.mp4", numbered(5, (96, 128)), *X264)
    maps = [word for stream in ("0:v", "1:a", "1:v", "2:v") for word in ("-map", stream)]
    marked = ("-c", "copy", "-disposition:v:0", "attached_pic")
    run("-i", cover, "-i", plain, "-i", other, *maps, *marked, tmp_path / "many.mp4")
    clip = look(tmp_path / "many.mp4")
    assert (clip.size, len(clip.times)) == ((48, 64), 40)
    assert shown(clip, (7,)) == [7]


def test_a_clip_is_decoded_once_as_long_as_it_stays_the_same(plain: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    shutil.copy(plain, path)
    heard: list[int] = []
    first = open_clip(path, heard.append)
    assert heard == list(range(1, 41))
    assert open_clip(path, heard.append) is first
    assert len(heard) == 40
    encode(path, numbered(5), *X264)
    assert len(open_clip(path).times) == 5


def test_people_are_told_what_a_clip_is(plain: Path, tmp_path: Path) -> None:
    said = " ".join(describe(look(plain)))
    assert all(
        fact in said for fact in ("64x48", "40 frames", "1.60 s", "25 frames per second", "with sound", "no cuts")
    )
    single = encode(tmp_path / "single.mp4", numbered(1), *X264, fps=10)
    assert "1 frame in 0.10 s" in describe(look(single))[0]
    uneven = " ".join(describe(look(variable(tmp_path / "a.mp4", "40*(N+floor(N/10)*5)"))))
    assert "variable frame rate" in uneven


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_a_hole_that_ffmpeg_passes_in_silence_is_told_with_its_place(tmp_path: Path, suffix: str) -> None:
    whole = encode(tmp_path / "whole.mkv", numbered(96), *X264, "-x264opts", "scenecut=0")
    path = tmp_path / f"hole.{suffix}"
    run("-i", whole, "-c", "copy", "-bsf:v", "noise=drop=between(n\\,36\\,59)", path)  # two groups of pictures
    clip = look(path)
    assert (clip.fps, clip.variable, len(clip.times), clip.scan.damaged) == (25, True, 72, False)
    assert clip.notes == (
        "no frame from 1.44 s on for 0.96 s, where 24 would be at 25 per second; the one before is held",
    )
    assert shown(clip, frame_numbers(clip, clip.fps, Fraction(0), None)) == [*range(36), *[35] * 24, *range(60, 96)]


@pytest.mark.parametrize(
    "times",
    [
        "40*(N+gt(N,20))",  # a frame that a phone left out
        "40*(N+floor(N/4))",  # duplicates that were removed
        "40*(N+15*gt(N,3)+15*gt(N,9)+9*gt(N,14)+20*gt(N,33))",  # a screen on which little happens
        "N*37+150*sin(N/5)*sin(N/5)+900*gt(N,20)",  # no grid, and a pause
    ],
)
def test_a_variable_rate_is_not_taken_for_a_hole(tmp_path: Path, times: str) -> None:
    (note,) = look(variable(tmp_path / "a.mkv", times)).notes
    assert "variable frame rate" in note


def test_fields_become_whole_frames(tmp_path: Path) -> None:
    interlace = ("-vf", "interlace", "-c:v", "libx264", "-flags", "+ilme+ildct", "-x264opts", "tff=1")
    run("-f", "lavfi", "-i", "testsrc2=s=64x48:r=50:d=0.8", *interlace, tmp_path / "a.mp4")
    clip = look(tmp_path / "a.mp4")
    assert (clip.fps, len(clip.times)) == (25, 20)
    assert any("interlaced" in note for note in clip.notes)


def test_a_missing_clip_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        look(tmp_path / "a.mp4")
    with pytest.raises(InputError, match="is a folder"):
        look(tmp_path)
