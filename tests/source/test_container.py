from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from bench.clips import sync as clips_sync

from tests.made_clips import encode, numbered, run
from zoomdream import ffmpeg
from zoomdream.errors import InputError
from zoomdream.source.clip.header import is_picture
from zoomdream.source.container import open_container, packets
from zoomdream.source.sound import find_soundtrack

PROGRAM = ffmpeg.executable()
FPS = Fraction(25)
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", 10)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{clip}\n#EXT-X-ENDLIST\n"),
        ("a.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{clip}\n#EXT-X-ENDLIST\n"),
        ("a.txt", "ffconcat version 1.0\nfile {clip}\n"),
        ("a.pls", "[playlist]\nFile1={clip}\n"),
        ("a.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"),
        ("a.mpd", '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{clip}</BaseURL></MPD>'),
    ],
)
def test_a_file_that_names_others_opens_none(tmp_path: Path, name: str, text: str) -> None:
    clip = encode(tmp_path / "clip.mp4", numbered(10), *X264)
    (tmp_path / name).write_text(text.format(clip=clip))
    with pytest.raises(InputError):
        open_container(tmp_path / name)


@pytest.mark.parametrize(
    "name", ["http:a.mp4", "concat:a.mp4|b.mp4", "subfile,,start,0,end,9,,:a.mp4", "[%05d] {a}*.png"]
)
def test_a_name_is_never_taken_for_a_protocol_or_a_pattern(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        open_container(Path(name))
    encode(tmp_path / "clip.mp4", numbered(3), *X264).rename(tmp_path / name)
    with open_container(Path(name)) as container:
        assert len(container.streams.video) == 1


def begins(path: Path) -> list[float]:
    """When the packets of all streams begin, on the clock that goes on."""
    found = []
    with open_container(path) as container:
        for packet, moved in packets(container, *container.streams):
            if packet.dts is not None:
                found.append(float(packet.dts * packet.time_base + moved))
    return found


def test_the_clock_of_joined_transport_streams_goes_on(tmp_path: Path) -> None:
    one = encode(tmp_path / "a.ts", numbered(25), *X264)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(one.read_bytes() * 3)
    times = begins(joined)
    steps = [round(after - before, 3) for before, after in pairwise(times)]
    assert set(steps) == {0.04}
    assert len(times) == 75


def test_a_clock_of_33_bits_that_wraps_goes_on(tmp_path: Path) -> None:
    wraps = tmp_path / "wraps.ts"
    run("-i", encode(tmp_path / "a.mp4", numbered(50), *X264), "-c", "copy", "-output_ts_offset", 95442.7, wraps)
    times = begins(wraps)
    assert times[-1] - times[0] == pytest.approx(49 / 25, abs=0.001)


def test_a_pause_in_other_files_is_kept(tmp_path: Path) -> None:
    pause = (
        "-vf",
        "settb=1/1000,setpts='N*40+gte(N,20)*15000'",
        "-fps_mode",
        "passthrough",
        "-enc_time_base",
        "1:1000",
    )
    times = begins(encode(tmp_path / "a.mkv", numbered(40), *X264, "-bf", 0, *pause))
    assert times[-1] - times[0] == pytest.approx(39 / 25 + 15, abs=0.01)


def part(folder: Path, number: int, ending: str, begin: float = 0.0, **changes: object) -> bytes:
    """Two seconds of pictures that flash and click together after one, on a clock that begins at `begin`."""
    made, path = folder / f"{number}.mkv", folder / f"{number}{ending}"
    clips_sync.write_clip(made, fps=FPS, seconds=2, audio="ac3", **changes)
    codec = ["-c:v", "mpeg2video", "-q:v", "3", "-g", "5"] if ending == ".vob" else ["-c:v", "copy"]
    offset = ["-output_ts_offset", str(begin)] if begin else []
    command = [str(PROGRAM), *ffmpeg.QUIET, "-i", str(made), *codec, "-c:a", "copy", *offset, str(path)]
    ffmpeg.run(command, what="Writing a part")
    return path.read_bytes()


def seen(path: Path) -> list[Fraction]:
    """When each flash is seen."""
    shown, sent = [], []
    with open_container(path) as container:
        for packet, moved in packets(container, container.streams.video[0], container.streams.audio[0]):
            if packet.stream.type == "video":
                sent.append((packet.pts, moved))
                for frame in packet.decode():  # of one of the last packets
                    move = next(move for pts, move in reversed(sent) if pts == frame.pts)
                    shown.append((frame.pts * packet.time_base + move, frame.to_ndarray(format="gray").mean() > 150))
    times = [time for time, _ in shown]
    assert times == sorted(times)
    return [time for time, flash in shown if flash]


def heard(path: Path) -> list[Fraction]:
    """When each click is heard."""
    track = find_soundtrack(path, "auto", Fraction(0), Fraction(12), True)
    assert track is not None
    samples = np.frombuffer(b"".join(track.samples("mono", 48000, Fraction(12))), "<f4")
    loud = np.flatnonzero(np.abs(samples) > 0.3)
    return [Fraction(int(at), 48000) for number, at in enumerate(loud) if not number or at - loud[number - 1] > 4800]


@pytest.mark.parametrize(
    ("ending", "begins", "changes"),
    [
        pytest.param(".ts", (0, 0, 0), {}, id="clocks that begin anew"),
        pytest.param(".vob", (0, 0, 0), {}, id="a DVD whose clocks begin anew"),
        pytest.param(".ts", (0, 0, 0), {"shorter": 0.3}, id="sound that ends before the pictures"),
        pytest.param(".ts", (0, 0, 0), {"late": Fraction(3, 10)}, id="sound that begins after them"),
        pytest.param(".ts", (0, 0, 0), {"late": Fraction(-3, 10)}, id="sound that begins before them"),
        pytest.param(".ts", (0, 500, 30), {}, id="clocks that jump ahead and back"),
    ],
)
def test_parts_follow_each_other_in_step(
    tmp_path: Path, ending: str, begins: tuple[float, ...], changes: dict[str, object]
) -> None:
    path = tmp_path / f"all{ending}"
    path.write_bytes(b"".join(part(tmp_path, number, ending, begin, **changes) for number, begin in enumerate(begins)))
    flashes, clicks = seen(path), heard(path)
    assert len(flashes) == 3
    assert [float(later - flashes[0]) for later in flashes] == pytest.approx([0, 2, 4], abs=0.05)
    assert [float(time) for time in clicks] == pytest.approx([float(time) for time in flashes], abs=0.01)


def test_parts_that_number_their_streams_anew_follow_too(tmp_path: Path) -> None:
    """Recordings of two receivers."""
    first, again = tmp_path / "0.ts", tmp_path / "1.ts"
    first.write_bytes(part(tmp_path, 0, ".ts"))
    run("-i", first, "-c", "copy", "-mpegts_start_pid", 0x300, again)
    joined = tmp_path / "all.ts"
    joined.write_bytes(first.read_bytes() + again.read_bytes())
    assert [float(time) for time in heard(joined)] == pytest.approx([float(time) for time in seen(joined)], abs=0.01)
    assert len(seen(joined)) == 2


def test_sound_that_reaches_the_next_part_first_waits_for_the_pictures() -> None:
    """They are muxed in any order; what was moved by too little would be heard over the end of the last part."""
    picture, sound = (SimpleNamespace(index=index, time_base=Fraction(1, 10)) for index in range(2))
    order = [(picture, 0), (sound, 0), (sound, 1), (picture, 1), (sound, 0), (sound, 1), (picture, 0), (picture, 1)]
    sent = [
        SimpleNamespace(stream=stream, pts=None, dts=10 * dts, duration=10, time_base=stream.time_base)
        for stream, dts in order
    ]
    container = SimpleNamespace(format=SimpleNamespace(flags=0x200), demux=lambda *streams: iter(sent))
    found = [(packet.stream.index, packet.dts, moved) for packet, moved in packets(container, picture, sound)]  # type: ignore[arg-type]
    assert [moved for index, _, moved in found if index == sound.index] == [0, 0, 2, 2]
    assert [moved for index, _, moved in found if index == picture.index] == [0, 0, 2, 2]


def test_a_pause_of_the_sound_alone_is_a_pause(tmp_path: Path) -> None:
    """Longer than what counts as a jump in pictures."""
    path = tmp_path / "pause.ts"
    gap = "aselect='not(between(t,1.5,13.5))'"
    sound = f"aevalsrc='if(lt(mod(t,1),0.001),0.9,0)':d=16:s=48000,{gap}"
    command = [str(PROGRAM), *ffmpeg.QUIET, "-f", "lavfi", "-i", "testsrc=s=64x48:r=5:d=16", "-f", "lavfi", "-i", sound]
    ffmpeg.run([*command, "-c:v", "mpeg2video", "-c:a", "mp2", str(path)], what="Making a pause")
    track = find_soundtrack(path, "auto", None, Fraction(16), True)
    assert track is not None
    samples = np.abs(np.frombuffer(b"".join(track.samples("mono", 48000, Fraction(16))), "<f4"))
    assert samples[int(1.6 * 48000) : int(13.4 * 48000)].max() < 0.001
    assert samples[int(13.9 * 48000) :].max() > 0.3


def test_a_picture_is_one_whatever_its_name(tmp_path: Path) -> None:
    run("-f", "lavfi", "-i", "testsrc=s=64x48", "-frames:v", 1, tmp_path / "a.jpg")
    (tmp_path / "a.jpg").rename(tmp_path / "b.tga")
    run("-f", "lavfi", "-i", "testsrc=s=64x48", "-frames:v", 1, tmp_path / "a.jpg")
    assert is_picture(tmp_path / "a.jpg")
    assert is_picture(tmp_path / "b.tga")
