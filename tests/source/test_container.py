from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.made_clips import encode, numbered, run
from zoomdream.errors import InputError
from zoomdream.source.container import open_container, packets

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
