"""The sound of a file: its tracks, the one that is meant, and its samples in step with the pictures.

All times are seconds on the container's clock, on which pictures are shown too. What is heard is placed by the times
of its frames: silence stands where there is none, and of what overlaps the first is heard.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
from av.audio.stream import AudioStream

from zoomdream.errors import ConfigError, InputError
from zoomdream.source.container import open_container
from zoomdream.source.sound_reader import STEP, SoundReader, TrackSamples, layout_name
from zoomdream.types import SoundKind, Soundtrack

OVERHANG = Fraction(1, 4)
"""Seconds by which a copied sound may outlast the picture. Cameras stop the two up to a tenth of a second apart."""

_EARLY = Fraction(1, 1000)
"""Seconds by which a copied sound may begin before the picture: Matroska counts milliseconds."""

_CODES = """
aa aar ab abk ae ave af afr ak aka am amh an arg ar ara as asm av ava ay aym az aze ba bak be bel bg bul bi bis bm bam
bn ben bo bod tib br bre bs bos ca cat ce che ch cha co cos cr cre cs ces cze cu chu cv chv cy cym wel da dan
de deu ger dv div dz dzo ee ewe el ell gre en eng eo epo es spa et est eu eus baq fa fas per ff ful fi fin fj fij fo fao
fr fra fre fy fry ga gle gd gla gl glg gn grn gu guj gv glv ha hau he heb hi hin ho hmo hr hrv ht hat hu hun hy hye arm
hz her ia ina id ind ie ile ig ibo ii iii ik ipk io ido is isl ice it ita iu iku ja jpn jv jav ka kat geo kg kon ki kik
kj kua kk kaz kl kal km khm kn kan ko kor kr kau ks kas ku kur kv kom kw cor ky kir la lat lb ltz lg lug li lim ln lin
lo lao lt lit lu lub lv lav mg mlg mh mah mi mri mao mk mkd mac ml mal mn mon mr mar ms msa may mt mlt my mya bur na nau
nb nob nd nde ne nep ng ndo nl nld dut nn nno no nor nr nbl nv nav ny nya oc oci oj oji om orm or ori os oss pa pan
pi pli pl pol ps pus pt por qu que rm roh rn run ro ron rum ru rus rw kin sa san sc srd sd snd se sme sg sag si sin
sk slk slo sl slv sm smo sn sna so som sq sqi alb sr srp ss ssw st sot su sun sv swe sw swa ta tam te tel tg tgk th tha
ti tir tk tuk tl tgl tn tsn to ton tr tur ts tso tt tat tw twi ty tah ug uig uk ukr ur urd uz uzb ve ven vi vie vo vol
wa wln wo wol xh xho yi yid yo yor za zha zh zho chi cmn zu zul"""
_LANGUAGES = {code: codes.split()[0] for codes in re.findall(r"\b\w\w(?: \w{3})+", _CODES) for code in codes.split()}
"""The codes of ISO 639 → those of two letters."""


@dataclass(frozen=True, slots=True)
class Track:
    """A sound track as its file describes it. number: from 1 on; stream: its index among all streams; language and
    title are empty and rate is 0 where the file states none.
    """

    number: int
    stream: int
    language: str
    title: str
    codec: str
    layout: str
    rate: int
    default: bool

    def __str__(self) -> str:
        rate = f"{self.rate} Hz" if self.rate else "rate unknown until it begins"
        said = (
            self.language,
            self.title and f'"{self.title}"',
            self.codec,
            self.layout,
            rate,
            "default" * self.default,
        )
        text = f"{self.number}: {', '.join(word for word in said if word)}"
        return "".join(letter if letter.isprintable() else "?" for letter in text)


def find_soundtrack(
    path: Path,
    wanted: int | str,
    begin: Fraction | None,
    length: Fraction,
    whole: bool,
    skipped: Fraction = Fraction(0),
) -> Soundtrack | None:
    """The sound for pictures of a clip; None if the file has none.

    wanted: a track's number, language or title, or "auto": the default one, else the first that can be decoded.
    begin: when the first picture that is rendered is shown; None for a sound file, which begins with its first sound.
    skipped: seconds from there on that are not heard. length: of all pictures, in seconds; whole: they are all that
    the file has. ConfigError if there is no such track; InputError if the file is missing or no track of it can be
    decoded.
    """
    with open_container(path, "a sound") as container:
        tracks = tuple(_track(number, stream) for number, stream in enumerate(container.streams.audio, 1))
        origin = Fraction(container.start_time or 0, av.time_base)
    begin, facts = (origin if begin is None else begin) + skipped, path.stat()
    silent = True
    for track in _chosen(path, tracks, wanted):
        heard = _listen(path, facts.st_size, facts.st_mtime_ns, track.stream, begin, begin + length + OVERHANG)
        silent &= not heard.packets
        if heard.kinds or (heard.packets and not heard.damaged):  # the sound may be over before the first picture
            intact = whole and heard.steady and heard.start >= begin - _EARLY and heard.end <= begin + length + OVERHANG
            return Soundtrack(
                path,
                tracks=tuple(map(str, tracks)),
                number=track.number,
                stream=track.stream,
                codec=track.codec,
                begin=begin,
                length=length,
                kinds=heard.kinds,
                ends=None if whole and heard.end > begin + length + OVERHANG else heard.end - begin,
                intact=intact,
                damaged=tuple(time - begin for time in heard.damaged if time >= begin),
                samples=TrackSamples(path, track.stream, begin),
            )
    if silent:  # no tracks, or such as are declared and never begin
        return None
    codecs = ", ".join(track.codec for track in tracks)
    raise InputError(f"The sound of {path} ({codecs}) cannot be decoded. `audio: none` renders without.")


def _track(number: int, stream: AudioStream) -> Track:
    codec, tags = stream.codec_context, {key.lower(): value for key, value in stream.metadata.items()}
    language = tags.get("language", "")
    return Track(
        number,
        stream.index,
        "" if language == "und" else language,
        " ".join(tags.get("title", "").split()),
        codec.codec.canonical_name if codec else "unknown codec",
        layout_name(codec.layout) if codec and codec.layout.nb_channels else "",
        codec.sample_rate if codec else 0,
        bool(stream.disposition & stream.disposition.default),
    )


def _chosen(path: Path, tracks: tuple[Track, ...], wanted: int | str) -> list[Track]:
    """The tracks that may be taken, the best first."""
    if wanted == "auto":
        return sorted(tracks, key=lambda track: not track.default)
    text = str(wanted).casefold()
    code = _LANGUAGES.get(text, text)

    def named(track: Track) -> bool:
        spoken = re.split(r"[-_]", track.language.casefold())[0]
        return text == track.title.casefold() or (bool(spoken) and code == _LANGUAGES.get(spoken, spoken))

    found = [track for track in tracks if str(track.number) == text] or [track for track in tracks if named(track)]
    if not found:
        listed = "; ".join(map(str, tracks))
        there = (
            f"Allowed: auto, or the number, language or title of one of these: {listed}." if tracks else "It has none."
        )
        raise ConfigError(f'"{wanted}" is no sound track of {path}. {there}', key="encode.audio_track")
    return sorted(found, key=lambda track: not track.default)[:1]


@dataclass(frozen=True, slots=True)
class _Listened:
    """What decoding a track showed. steady: nothing on the way stands against copying its packets as they are."""

    start: Fraction
    end: Fraction
    kinds: tuple[SoundKind, ...]
    steady: bool
    packets: int
    damaged: tuple[Fraction, ...]


@lru_cache(maxsize=64)
def _listen(path: Path, size: int, changed: int, stream: int, begin: Fraction, end: Fraction) -> _Listened:
    """Decode what is needed of a track once. It is a small part of what decoding the pictures takes."""
    reader = SoundReader(path, stream, begin, end)
    start, last, kinds, overlaps = None, begin, dict[SoundKind, None](), False
    for piece in reader:
        overlaps |= start is not None and piece.time < last - STEP
        start, last = piece.time if start is None else start, max(last, piece.end)
        if piece.end > begin:
            layout = piece.frame.layout
            kinds[SoundKind(layout_name(layout), layout.nb_channels, piece.frame.sample_rate)] = None
    last = last if reader.beyond is None else max(last, reader.beyond)
    steady = len(kinds) == 1 and not reader.damaged and not reader.moved and not overlaps
    return _Listened(
        begin if start is None else start, last, tuple(kinds), steady, reader.packets, tuple(reader.damaged)
    )
