"""Encoders in hardware: their commands as data, and the trial of whether one works, with a program that stands in."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from tests.emulated_encoders import asked, emulated_ffmpeg
from zoomdream import ffmpeg
from zoomdream.config import codecs
from zoomdream.config.codecs import CODECS, HARDWARE
from zoomdream.encode import trial
from zoomdream.encode.join import join
from zoomdream.encode.segment import SEGMENT_FRAMES, EncodeSettings, SegmentWriter, segment_command
from zoomdream.errors import OutputError
from zoomdream.ffmpeg import probe

ALL = [(name, codec) for name, encoders in HARDWARE.items() for codec in encoders]

# The option that sets the quality of each encoder.
QUALITY = {"nvenc": "-cq", "qsv": "-global_quality", "videotoolbox": "-q:v", "amf": "-qp_i", "vaapi": "-qp"}


def settings(name: str, codec: str = "h264", **changes: object) -> EncodeSettings:
    plain = EncodeSettings(codec, 256, 144, Fraction(30000, 1001), "yuv420p", ffmpeg.executable(), hardware=name)
    return replace(plain, **changes)  # type: ignore[arg-type]


def after(command: list[str], option: str) -> str:
    return command[command.index(option) + 1]


@pytest.mark.parametrize(("name", "codec"), ALL)
def test_colours_and_groups_are_those_of_software(name: str, codec: str) -> None:
    command = segment_command(settings(name, codec), "a.mp4")
    software = segment_command(replace(settings(name, codec), hardware="off"), "a.mp4")
    assert after(command, "-vf").startswith(after(software, "-vf").replace("yuv420p", "nv12"))
    for option in ("-colorspace", "-color_primaries", "-color_trc", "-color_range", "-movflags", "-f"):
        assert after(command, option) == after(software, option)
    assert (after(command, "-g"), after(command, "-bf")) == (str(SEGMENT_FRAMES), "0")
    assert after(command, "-c:v").endswith(f"_{name}")
    assert ("hvc1" in command) == (codec == "h265")
    assert "-preset" not in command or name == "nvenc"


@pytest.mark.parametrize("codec", codecs.CODECS)
def test_software_hears_nothing_of_hardware(codec: str) -> None:
    pixel_format = codecs.resolve_pixel_format(codec, "auto")
    command = segment_command(settings("off", codec, pixel_format=pixel_format), "a")
    assert after(command, "-c:v") == codecs.CODECS[codec].encoder
    assert after(command, "-pix_fmt") == (codecs.CODECS[codec].segment_format or pixel_format)
    assert not [word for word in command if "hw" in word or "nv12" in word or "vaapi" in word]


@pytest.mark.parametrize(("name", "codec"), ALL)
def test_a_lower_crf_is_never_worse_and_none_means_as_you_like(name: str, codec: str) -> None:
    option = "-global_quality" if (name, codec) == ("vaapi", "av1") else QUALITY[name]
    largest = 63 if codec == "av1" else 51
    found = [int(after(segment_command(settings(name, codec, crf=crf), "a"), option)) for crf in range(largest + 1)]
    assert found == sorted(found, reverse=name == "videotoolbox")
    assert len(set(found)) > 40
    limit = {"videotoolbox": 100, "qsv": 51}.get(name, largest)
    assert min(found) == 1
    assert max(found) == (min(255, 4 * largest) if codec == "av1" and name in ("amf", "vaapi") else limit)


def test_only_vaapi_uploads_and_after_the_conversion() -> None:
    for name in HARDWARE:
        command = segment_command(settings(name), "a.mp4")
        assert ("-init_hw_device" in command) == after(command, "-vf").endswith(",hwupload") == (name == "vaapi")
        assert after(command, "-pix_fmt") == ("vaapi" if name == "vaapi" else "nv12")
    command = segment_command(settings("vaapi"), "a.mp4")
    assert command.index("-init_hw_device") < command.index("-i")


@pytest.mark.parametrize("name", HARDWARE)
def test_ten_bits_of_h265_go_in_as_ten_bits(name: str) -> None:
    command = segment_command(settings(name, "h265", pixel_format="yuv420p10le"), "a.mp4")
    assert "format=p010le," in after(command, "-vf")
    assert after(command, "-pixel_format") == "rgb48le"
    assert after(command, "-profile:v") == "main10"


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le"])
def test_what_hardware_takes_has_the_very_values_that_software_gets(tmp_path: Path, pixel_format: str) -> None:
    pictures = {}
    for name in ("off", "nvenc"):
        chosen = settings(name, "h265", pixel_format=pixel_format)
        command = segment_command(chosen, "-")
        begin, end = command.index("-c:v"), command.index("-movflags")
        made = [*command[:begin], "-pix_fmt", after(command, "-pix_fmt"), "-f", "rawvideo", "-"]
        assert begin < end
        noise = torch.rand(256 * 144 * 6, generator=torch.Generator().manual_seed(1)).mul(255).byte().numpy().tobytes()
        raw = noise[: len(noise) // 2] if pixel_format == "yuv420p" else noise
        pictures[name] = subprocess.run(made, input=raw, capture_output=True, check=True).stdout
    if pixel_format == "yuv420p":
        plane = 256 * 144
        planar, mixed = pictures["off"], pictures["nvenc"]
        assert mixed[:plane] == planar[:plane]
        assert mixed[plane::2] + mixed[plane + 1 :: 2] == planar[plane:]
    else:  # ten bits at the upper end of sixteen
        planar, mixed = (
            torch.frombuffer(bytearray(pictures[name]), dtype=torch.uint16).int() for name in ("off", "nvenc")
        )
        plane = 256 * 144
        assert torch.equal(mixed[:plane], planar[:plane] * 64)
        assert torch.equal(torch.cat((mixed[plane::2], mixed[plane + 1 :: 2])), planar[plane:] * 64)


def test_an_encoder_that_works_passes_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = emulated_ffmpeg(tmp_path / "bin", "works")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    trial.check(settings("nvenc", program=program))
    trial.check(settings("qsv", "h265", pixel_format="yuv420p10le", program=program))
    assert len(asked(program)) == 2
    assert list((tmp_path / "temporary").iterdir()) == []


def test_software_of_our_own_ffmpeg_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "trial", lambda *_: pytest.fail("tried"))
    trial.check(settings("off", program=ffmpeg.executable()))


@pytest.mark.parametrize(("codec", "lacks"), [("h264", "libx264"), ("webp", "libwebp_anim"), ("h265", "an option")])
def test_an_ffmpeg_of_somebody_elses_that_cannot_encode_is_told_before_the_first_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codec: str, lacks: str
) -> None:
    program = tmp_path / "ffmpeg"
    real = ffmpeg.executable()
    program.write_text(
        f'#!/bin/sh\ncase "$*" in *-encoders) \'{real}\' "$@" | grep -v {lacks.split()[0]} ;; '
        f"*x265-params*) echo No such option >&2; exit 1 ;; *) exec '{real}' \"$@\" ;; esac\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))
    chosen = replace(settings("off", codec, pixel_format=CODECS[codec].pixel_formats[0]), program=ffmpeg.executable())
    with pytest.raises(OutputError) as caught:
        trial.check(chosen)
    told = str(caught.value)
    assert f"IMAGEIO_FFMPEG_EXE chooses {program} (version {ffmpeg.version(real)}), which cannot make {codec}" in told
    assert ("No such option" if lacks == "an option" else lacks) in told
    assert caught.value.key == "encode.ffmpeg"


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        ("refuses", 'ffmpeg says "No capable devices found".'),
        ("not built", "was built without it."),
        ("loses frames", "of 3 frames it made 2."),
        ("hangs", "after 1 seconds ffmpeg had not encoded 3 frames."),
    ],
)
def test_one_that_does_not_work_is_told_with_the_reason_and_the_remedy(
    tmp_path: Path, behaviour: str, why: str
) -> None:
    chosen = settings("nvenc", program=emulated_ffmpeg(tmp_path, behaviour))
    with pytest.raises(OutputError) as raised:
        trial.check(chosen, limit=1 if behaviour == "hangs" else trial.LIMIT)
    text = str(raised.value)
    assert raised.value.key == "encode.hardware"
    assert text.startswith("nvenc does not work here: h264_nvenc cannot encode 256x144: ")
    assert why in text
    assert "`off` encodes with libx264" in text
    assert "`encode.ffmpeg: path`" in text
    assert "\n" not in text


def test_bits_that_get_lost_are_noticed(tmp_path: Path) -> None:
    chosen = settings("amf", "h265", pixel_format="yuv420p10le", program=emulated_ffmpeg(tmp_path, "loses bits"))
    assert "256x144 yuv420p of 256x144 yuv420p10le" in (trial.trial(chosen) or "")


def test_the_ffmpeg_on_path_is_told_of_the_bundled_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = emulated_ffmpeg(tmp_path, "refuses")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OutputError, match="takes our own"):
        trial.check(settings("nvenc", program=program))


def test_an_ffmpeg_that_does_not_start_is_told(tmp_path: Path) -> None:
    assert "does not start" in (trial.trial(settings("nvenc", program=tmp_path / "none")) or "")


@pytest.mark.parametrize(("name", "codec"), ALL)
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le"])
def test_what_does_not_work_here_is_for_lack_of_hardware_and_not_for_our_options(
    name: str, codec: str, pixel_format: str
) -> None:
    if codec == "h264" and pixel_format != "yuv420p":
        pytest.skip("hardware makes no such thing")
    why = trial.trial(settings(name, codec, pixel_format=pixel_format))
    assert why is None or not re.search(r"option|parameter|constant|out of range|convert between", why), why


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_segments_become_one_file_with_every_frame_and_bt709(tmp_path: Path, codec: str) -> None:
    """Not of real hardware: that what surrounds the encoder fits together."""
    chosen = settings("nvenc", codec, width=64, height=48, program=emulated_ffmpeg(tmp_path / "bin", "works"))
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).expand(1, 3, 48, 64)
    pieces = []
    for number, length in enumerate((30, 30, 1)):
        with SegmentWriter(chosen, tmp_path, number) as writer:
            for _ in range(length):
                writer.write(red)
            pieces.append(writer.close())
    path = join(chosen, pieces, Path("a.mp4"), 61, origin="", sound=None)
    assert probe.probe(chosen.program, path).colors == ("tv", "bt709", "bt709", "bt709")
    read = [str(ffmpeg.executable()), *ffmpeg.QUIET, "-i", str(path), "-frames:v", "1", "-f", "rawvideo"]
    planes = subprocess.run([*read, "-pix_fmt", "yuv444p", "-"], capture_output=True, check=True).stdout
    assert [planes[24 * 64 + 32 + plane * 64 * 48] for plane in range(3)] == [63, 102, 240]
