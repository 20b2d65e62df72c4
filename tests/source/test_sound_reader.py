"""The samples of a sound on the clock of its file: clicks are heard when the file says, whatever it does on the way."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from zoomdream import ffmpeg
from zoomdream.encode.sound import fit
from zoomdream.source.sound import find_soundtrack
from zoomdream.source.sound_reader import SoundReader

PROGRAM = ffmpeg.executable()
RATE = 48000
EXACT, MILLISECOND = 0.0001, 0.0011  # a few samples; what Matroska rounds times to


def write(path: Path, *options: str, seconds: int = 4, filters: str = "anull", rate: int = RATE) -> Path:
    """A sound that clicks at every whole second, and hums between."""
    clicks = f"aevalsrc='if(lt(mod(t,1),0.001),0.9,0.02*sin(2764*t))':d={seconds}:s={rate}"
    command = [str(PROGRAM), *ffmpeg.QUIET, "-y", "-f", "lavfi", "-i", clicks, "-af", filters, *options, str(path)]
    ffmpeg.run(command, what=f"Making {path}")
    return path


def samples(path: Path, layout: str, seconds: int, begin: Fraction | None = Fraction(0)) -> np.ndarray:
    """(samples, channels), in 48000 samples per second."""
    track = find_soundtrack(path, "auto", begin, Fraction(seconds), True)
    assert track is not None
    channels = {"mono": 1, "stereo": 2, "5.1": 6}[layout]
    found = np.frombuffer(b"".join(track.samples(layout, RATE, Fraction(seconds))), "<f4").reshape(-1, channels)
    assert len(found) == seconds * RATE
    return found


def clicks(path: Path, seconds: int, begin: Fraction | None = Fraction(0)) -> list[float]:
    """When each click begins, in seconds."""
    loud = np.flatnonzero(np.abs(samples(path, "mono", seconds, begin)[:, 0]) > 0.3)
    return [place / RATE for number, place in enumerate(loud) if not number or place - loud[number - 1] > RATE // 10]


PCM = ("-c:a", "pcm_s16le")


@pytest.mark.parametrize(
    ("name", "options", "filters", "heard"),
    [
        pytest.param("a.mkv", PCM, "anull", [0, 1, 2, 3], id="nothing unusual"),
        pytest.param("a.mkv", PCM, "aselect='not(between(t,1.5,1.9))'", [0, 1, 2, 3], id="a short gap"),
        pytest.param("a.mkv", PCM, "asetpts='PTS+if(gt(T,1.5),2/TB,0)'", [0, 1, 4, 5], id="a long gap"),
        pytest.param("a.mkv", PCM, "asetpts='PTS-if(gt(T,1.5),0.1/TB,0)'", [0, 1, 1.9, 2.9], id="a short overlap"),
        pytest.param("a.mkv", PCM, "asetpts='PTS-if(gt(T,2.3),0.6/TB,0)'", [0, 1, 2, 2.4], id="a long overlap"),
        pytest.param("a.mkv", PCM, "asetpts=PTS*1.001", [0, 1.001, 2.002, 3.003], id="a clock that is slow"),
        pytest.param("a.mkv", PCM, "asetpts=PTS*0.999", [0, 0.999, 1.998, 2.997], id="a clock that is fast"),
        pytest.param("a.mkv", PCM, "asetpts=PTS+2/TB", [2, 3, 4, 5], id="a late beginning"),
        pytest.param(
            "a.mp4", ("-c:a", "aac"), "aselect='not(between(t,1.5,1.9))'", [0, 1, 2, 3], id="a gap in an edit"
        ),
    ],
)
def test_each_sound_is_heard_when_the_file_says(
    tmp_path: Path, name: str, options: tuple[str, ...], filters: str, heard: list[float]
) -> None:
    assert clicks(write(tmp_path / name, *options, filters=filters), 6) == pytest.approx(heard, abs=0.008)


def test_sounds_that_overlap_cannot_be_copied(tmp_path: Path) -> None:
    """Players would play all of it, one after the other."""
    intact = []
    for name, sign in (("gap", "+"), ("overlap", "-")):
        path = write(tmp_path / f"{name}.mkv", *PCM, filters=f"asetpts='PTS{sign}if(gt(T,1.5),0.1/TB,0)'")
        track = find_soundtrack(path, "auto", Fraction(0), Fraction(4), True)
        intact.append(track is not None and track.intact)
    assert intact == [True, False]


def test_a_gap_begins_a_new_run_so_that_no_filter_holds_its_silence_in_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", *PCM, filters="asetpts='PTS+if(gt(T,1.5),60/TB,0)'")
    runs = [piece.run for piece in SoundReader(path, 0, Fraction(0), Fraction(64))]
    assert set(runs) == {0, 1}


def test_gaps_are_silent(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", *PCM, filters="asetpts='PTS+if(gt(T,1.5),2/TB,0)'")
    found = np.abs(samples(path, "mono", 6)[:, 0])
    assert found[int(1.6 * RATE) : int(3.4 * RATE)].max() == 0
    assert found[int(3.6 * RATE) :].max() > 0.5


def test_a_part_begins_and_ends_to_the_sample(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", "-c:a", "aac", seconds=16)
    for begin in (Fraction(3, 4), Fraction(123, 10)):  # the second is found by the file's index
        wanted = [second - float(begin) for second in range(16) if begin < second < begin + 2]
        assert clicks(path, 2, begin) == pytest.approx(wanted, abs=EXACT)


def test_clocks_that_wrap_go_on(tmp_path: Path) -> None:
    """33 bits of a 90 kHz clock are 26.5 hours: it passes 95443.7 s and begins anew."""
    path = write(tmp_path / "a.ts", "-c:a", "aac", "-output_ts_offset", "95440.5")
    assert clicks(path, 4, None)[1:] == pytest.approx([1.021, 2.021, 3.021], abs=MILLISECOND)


@pytest.mark.parametrize("second", [RATE, 44100])
def test_joined_transport_streams_are_heard_one_after_the_other(tmp_path: Path, second: int) -> None:
    """Also at another rate: what the demuxer then says of times within a packet is wrong."""
    parts = [
        write(tmp_path / f"{rate}_{number}.ts", "-c:a", "aac", seconds=2, rate=rate)
        for number, rate in enumerate((RATE, second))
    ]
    path = tmp_path / "all.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    found = clicks(path, 5, None)
    assert len(found) == 4
    assert found[1] - found[0] == pytest.approx(1, abs=0.005)
    assert found[3] - found[2] == pytest.approx(1, abs=MILLISECOND)
    assert found[2] - found[1] == pytest.approx(1, abs=0.1)  # each part is whole packets, and a little longer


def test_sound_whose_layout_changes_is_all_heard(tmp_path: Path) -> None:
    parts = [write(tmp_path / f"{name}.ac3", "-ac", count, seconds=2) for name, count in (("a", "2"), ("b", "6"))]
    path = tmp_path / "all.ac3"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    loudest = np.abs(samples(path, "5.1", 4, None)).max(1)
    assert all(loudest[second * RATE : (second + 1) * RATE].max() > 0.3 for second in range(4))


@pytest.mark.parametrize(("channels", "side"), [(16, 4), (16, 7), (4, 1), (10, 8)])
def test_channels_that_nobody_knows_are_pairs_of_left_and_right(tmp_path: Path, channels: int, side: int) -> None:
    mix = "|".join(f"c{number}={'c0' if number == side else '0*c0'}" for number in range(channels))
    path = write(tmp_path / "a.mkv", *PCM, seconds=1, filters=f"pan={channels}c|{mix}")
    loud = np.abs(samples(path, "stereo", 1)).max(0)
    assert loud[side % 2] > 0.2
    assert loud[1 - side % 2] == 0


def test_mixing_down_never_clips(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", "-c:a", "flac", seconds=1, filters="pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0")
    assert 0.5 < np.abs(samples(path, "stereo", 1)).max() <= 1


def test_damage_leaves_a_gap_is_told_with_its_place_and_moves_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ts", "-c:a", "aac")
    data = bytearray(path.read_bytes())
    whole = clicks(path, 4, None)
    middle = len(data) * 3 // 8
    data[middle : middle + 2000] = bytes(2000)
    path.write_bytes(data)
    found = clicks(path, 4, None)
    assert [found[0], found[-1]] == pytest.approx([whole[0], whole[-1]], abs=MILLISECOND)
    track = find_soundtrack(path, "auto", None, Fraction(4), True)
    assert track is not None
    assert not track.intact
    assert 1 < track.damaged[0] < 2
    assert any("is damaged at 1." in line for line in fit(track, ".mp4").notes)
