"""Which sound track of a file is taken, and what is heard on it, in files that real ffmpeg makes."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import pytest

from zoomdream import ffmpeg
from zoomdream.encode.sound import fit
from zoomdream.errors import ConfigError, InputError
from zoomdream.source.sound import find_soundtrack
from zoomdream.types import Soundtrack

PROGRAM = ffmpeg.executable()
TONE = ("-f", "lavfi", "-i", "sine=440:r=48000:d=0.5")


def write(path: Path, *options: str) -> Path:
    ffmpeg.run([str(PROGRAM), *ffmpeg.QUIET, "-y", *options, str(path)], what=f"Making {path}")
    return path


def taken(path: Path, wanted: int | str = "auto") -> Soundtrack:
    track = find_soundtrack(path, wanted, None, Fraction(1, 2), True)
    assert track is not None
    return track


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three tracks, the second of which is the default."""
    tags = ("-metadata:s:a:0", "language=eng", "-metadata:s:a:0", "title=Director's commentary")
    tags += ("-metadata:s:a:1", "language=ger", "-metadata:s:a:2", "language=fr-CA")
    flags = ("-disposition:a:0", "comment", "-disposition:a:1", "default", "-disposition:a:2", "0")
    maps = ("-map", "0", "-map", "0", "-map", "0")
    return write(tmp_path_factory.mktemp("tracks") / "three.mkv", *TONE, *maps, "-c:a", "aac", *tags, *flags)


@pytest.mark.parametrize(
    ("wanted", "number"),
    [("auto", 2), (1, 1), (3, 3), ("2", 2), ("eng", 1), ("en", 1), ("EN", 1), ("de", 2), ("deu", 2), ("ger", 2),
     ("fra", 3), ("fre", 3), ("fr", 3), ("director's COMMENTARY", 1)],
)  # fmt: skip
def test_a_track_is_the_default_one_or_has_the_number_language_or_title_that_is_wanted(
    three: Path, wanted: int | str, number: int
) -> None:
    assert taken(three, wanted).number == number


@pytest.mark.parametrize("wanted", [4, "es", "commentary", "und"])
def test_a_track_that_there_is_not_is_an_error_that_lists_those_that_there_are(three: Path, wanted: int | str) -> None:
    with pytest.raises(ConfigError) as raised:
        taken(three, wanted)
    assert raised.value.key == "encode.audio_track"
    for line in (
        f'"{wanted}"',
        '1: eng, "Director\'s commentary", aac, mono, 48000 Hz',
        "2: ger",
        "default",
        "3: fr-CA",
    ):
        assert line in str(raised.value)


def test_without_a_default_the_first_track_that_can_be_decoded_is_taken(tmp_path: Path) -> None:
    maps = (
        "-map",
        "0",
        "-map",
        "0",
        "-c:a:0",
        "flac",
        "-c:a:1",
        "aac",
        "-disposition:a:0",
        "0",
        "-disposition:a:1",
        "0",
    )
    path = write(tmp_path / "two.mkv", *TONE, *maps)
    assert taken(path).number == 1
    path.write_bytes(path.read_bytes().replace(b"A_FLAC", b"A_WHAT"))
    assert taken(path).number == 2
    with pytest.raises(InputError, match="cannot be decoded"):
        taken(path, 1)


def test_a_track_that_never_begins_is_no_sound(tmp_path: Path) -> None:
    """A recorder without a microphone, or the beginning of a transport stream."""
    late = write(tmp_path / "late.ts", "-f", "lavfi", "-i", "testsrc=s=64x48:r=5:d=8", "-itsoffset", "6", *TONE)
    path = tmp_path / "never.ts"
    path.write_bytes(late.read_bytes()[: 188 * 40])
    assert find_soundtrack(path, "auto", Fraction(0), Fraction(1), True) is None


def test_what_changes_on_the_way_is_known_and_cannot_be_copied(tmp_path: Path) -> None:
    """A DVD whose sound goes from stereo to 5.1."""
    parts = [
        write(tmp_path / f"{layout}.ac3", *TONE, "-af", f"aformat=channel_layouts={layout}")
        for layout in ("stereo", "5.1")
    ]
    path = tmp_path / "film.ac3"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    track = find_soundtrack(path, "auto", None, Fraction(1), True)
    assert track is not None
    assert [kind.layout for kind in track.kinds] == ["stereo", "5.1(side)"]
    assert not track.intact
    assert taken(parts[0]).intact


@pytest.mark.parametrize(("channels", "layout"), [(1, "mono"), (2, "stereo"), (6, "5.1"), (16, "16 channels")])
def test_channels_of_which_nothing_is_known_have_their_usual_layout(tmp_path: Path, channels: int, layout: str) -> None:
    path = write(tmp_path / "a.mkv", "-f", "lavfi", "-i", f"anullsrc=cl={channels}c:d=0.5", "-c:a", "pcm_s16le")
    assert [kind.layout for kind in taken(path).kinds] == [layout]


@pytest.mark.parametrize(("channels", "rate"), [(255, 48000), (2, 2**31 - 1), (2, 7)])
def test_a_header_that_cannot_be_true_is_told_as_undecodable(tmp_path: Path, channels: int, rate: int) -> None:
    data = bytearray(write(tmp_path / "a.wav", *TONE).read_bytes())
    struct.pack_into("<HI", data, 22, channels, rate)
    (tmp_path / "a.wav").write_bytes(data)
    with pytest.raises(InputError):
        taken(tmp_path / "a.wav")


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        taken(tmp_path / "none.mp4")


def test_a_file_of_another_kind_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_text("not a sound")
    with pytest.raises(InputError):
        taken(tmp_path / "a.mp3")


@pytest.mark.parametrize("name", ["a:b.wav", "http:a.wav", "concat:a|b.wav", "100%d#[1].wav", "-i.wav", "a\nb.wav"])
def test_names_are_names_of_files_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    write(tmp_path / "a.wav", *TONE).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert taken(Path(name)).kinds


@pytest.mark.parametrize(
    "name", ["http://127.0.0.1:9/a.wav", "concat:a.wav", "subfile:a.wav", "data:audio/wav;base64,UklGRg=="]
)
def test_what_names_no_local_file_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    write(tmp_path / "a.wav", *TONE)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"does not exist|is not fetched"):
        taken(Path(name))


@pytest.mark.parametrize(
    "text",
    ["#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.5,\na.ts\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile a.ts\n"],
    ids=["HLS", "concat"],
)
@pytest.mark.parametrize("ending", [".m3u8", ".mp3"])
def test_a_list_of_other_files_is_refused(tmp_path: Path, text: str, ending: str) -> None:
    write(tmp_path / "a.ts", *TONE, "-c:a", "aac")
    (tmp_path / f"list{ending}").write_text(text)
    with pytest.raises(InputError):
        taken(tmp_path / f"list{ending}")


@pytest.mark.parametrize(
    ("film", "told"),
    [
        (Fraction(1, 5), ["the sound is longer than the film and ends with it, at 0.2 s"]),
        (Fraction(1, 2), []),
        (Fraction(9, 10), []),  # a moment of silence
        (Fraction(2), ["the sound ends at 0.5 s, and the film at 2 s: the rest is silent"]),
    ],
)
def test_a_sound_that_is_longer_or_shorter_than_the_film_is_told(
    tmp_path: Path, film: Fraction, told: list[str]
) -> None:
    tone = write(tmp_path / "a.wav", *TONE)
    track = find_soundtrack(tone, "auto", None, film, True)
    assert track is not None
    assert [line for line in fit(track, ".mp4").notes if "film" in line] == told
    part = find_soundtrack(tone, "auto", Fraction(0), Fraction(1, 10), False)  # of a part more is not expected
    assert part is not None
    assert fit(part, ".mp4").notes == ()
