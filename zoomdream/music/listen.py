"""From a config to the signals of its music: which song it is, what its schedules ask of it, and what was known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from zoomdream.config import Config
from zoomdream.config.schema_music import Beats, Music, heard
from zoomdream.errors import ConfigError, InputError, require_file
from zoomdream.machine.files import content_hash
from zoomdream.music.beats import find_beats
from zoomdream.music.cache import remembered
from zoomdream.music.curves import audible, enveloped, normalized
from zoomdream.music.grid import Grid, read_beats, steady
from zoomdream.music.series import TABLES, read_table
from zoomdream.music.signals import SongSignals
from zoomdream.music.spectrum import RATE, ROWS_PER_SECOND, Curve, Spectrum, analyze
from zoomdream.music.structure import drums_and_tones, sections
from zoomdream.source.open import open_source
from zoomdream.source.sound import find_soundtrack
from zoomdream.source.sound_reader import LONGEST

_SETTING_IN = 0.3  # of the flux: what never gets above it has no onsets
_COUNTED = ("beat", "beats", "bar", "section")


@dataclass(frozen=True, slots=True)
class Song:
    """A sound file, the track of it that is meant, and where in it the film begins: seconds on the file's own clock,
    None at its first sound. key: of the config, which names it.
    """

    path: Path
    track: int | str
    begin: Fraction | None
    key: str


def listen(config: Config, asked: frozenset[str]) -> SongSignals:
    """The music of a config, as far as it is asked for by the names of functions. ConfigError, and InputError for its
    files, with file, line and key.
    """
    music = config.music
    assert music is not None
    song = find_song(config)
    with config.error_context(song.key):
        content = content_of(song)
        spectrum, begin = spectrum_of(song)
    offset = float(music.offset) + (0.0 if song.begin is None else float(song.begin - begin))
    length = len(spectrum.power) / ROWS_PER_SECOND
    counting = asked & set(_COUNTED)
    with config.error_context("music.beats"):
        grid = _grid(music, spectrum, content, length) if counting else Grid((), (), 120.0)
    starts: tuple[float, ...] = (0.0,)
    if "section" in asked:
        with config.error_context(song.key):
            found = remembered(
                f"sections {grid.bars}", content, lambda: {"starts": np.array(sections(spectrum, grid.bars))}
            )
            starts = tuple(found["starts"].tolist())
    curves = {name: _curve(config, song, name, spectrum, content) for name in sorted(asked - set(_COUNTED))}
    tables = frozenset(name for name, path in music.series.items() if path.suffix.lower() in TABLES)
    files = [content_hash(path).hex() for path in (*music.series.values(), music.beats) if isinstance(path, Path)]
    told = [content, offset, files, sorted(asked), music.model_dump(mode="json")]
    return SongSignals(
        key=hashlib.sha256(json.dumps(told).encode()).hexdigest(),
        names=heard(music.model_dump()),
        offset=offset,
        curves=curves,
        held=tables,
        grid=grid,
        sections=starts,
        release=float(music.release),
        length=length,
        facts=tuple(_facts(song, length, grid, starts, asked)),
        notes=tuple(_notes(config, length - offset, grid)),
    )


def find_song(config: Config) -> Song:
    """The song of a config that has music. ConfigError where there is none."""
    music, audio = config.music, config.encode.audio
    assert music is not None
    if music.path is not None:
        return Song(music.path, config.encode.audio_track if music.path == audio else "auto", None, "music.path")
    if isinstance(audio, Path):
        return Song(audio, config.encode.audio_track, None, "encode.audio")
    with config.error_context("source.path"):
        sound = open_source(config).sound
    if sound is None:
        text = "has no song. Allowed: music.path or encode.audio with a sound file, or a clip that has sound."
        raise ConfigError(text, key="music")
    return Song(sound.path, config.encode.audio_track, sound.begin, "source.path")


def content_of(song: Song) -> str:
    """What a song is known by."""
    require_file(song.path, "a sound")
    return f"{content_hash(song.path).hex()} {song.track}"


def spectrum_of(song: Song) -> tuple[Spectrum, Fraction]:
    """The spectrum of a song, heard once for each content, and when it begins on the file's clock. It is as exact as it
    is remembered. InputError where there is no sound.
    """

    def make() -> dict[str, Any]:
        track = find_soundtrack(song.path, song.track, None, LONGEST, True)
        if track is None:
            raise InputError(
                f"{song.path} has no sound that schedules could follow; `music: {{path: song.mp3}}` names another."
            )
        made = analyze(track.samples("mono", RATE, None))
        return {
            "root": np.sqrt(made.power).astype(np.float16),
            "edges": made.edges,
            "flux": made.flux,
            "chroma": np.sqrt(made.chroma).astype(np.float16),
            "begin": np.array([track.begin.numerator, track.begin.denominator]),
        }

    found = remembered("spectrum", content_of(song), make)
    power, chroma = (found[name].astype(np.float32) ** 2 for name in ("root", "chroma"))
    return Spectrum(power, found["edges"], found["flux"], chroma), Fraction(*found["begin"].tolist())


def _grid(music: Music, spectrum: Spectrum, content: str, length: float) -> Grid:
    match music.beats:
        case Beats(bpm=bpm, first=first, per_bar=per_bar):
            return steady(bpm, first, per_bar, length)
        case Path() as path:
            return read_beats(path)

    def make() -> dict[str, Any]:
        grid = find_beats(spectrum.flux, spectrum.chroma)
        return {
            "beats": np.array(grid.beats),
            "bars": np.array(grid.bars),
            "tempo": np.array([grid.bpm, grid.certainty]),
        }

    found = remembered("beats", content, make)
    bpm, certainty = found["tempo"].tolist()
    return Grid(tuple(found["beats"].tolist()), tuple(found["bars"].tolist()), bpm, certainty)


def _curve(config: Config, song: Song, name: str, spectrum: Spectrum, content: str) -> Curve:
    """The curve that a function of one moment follows."""
    music = config.music
    assert music is not None
    attack, release = float(music.attack), float(music.release)
    loud = spectrum.band(20, 20000)
    if (path := music.series.get(name)) is not None:
        with config.error_context(f"music.series.{name}"):
            if path.suffix.lower() in TABLES:
                return read_table(path)
            loudness = spectrum_of(Song(path, "auto", None, name))[0].band(20, 20000)
        return enveloped(normalized(loudness), attack, release)
    floor = audible(loud)
    if name in music.bands:
        return enveloped(normalized(spectrum.band(*music.bands[name]), floor), attack, release)
    match name:
        case "loud":
            curve = normalized(loud)
        case "onset":
            curve = normalized(spectrum.flux, _SETTING_IN)
        case "bright":
            curve = normalized(spectrum.bright(), 2.0)
        case "chroma":
            root = np.sqrt(spectrum.chroma)
            curve = (root / np.maximum(root.max(1, keepdims=True), floor)).astype(np.float32)
            return np.stack([enveloped(curve[:, pitch], attack, release) for pitch in range(12)], 1)
        case "drums" | "tones":
            with config.error_context(song.key):
                both = remembered(
                    "drums", content, lambda: dict(zip(("drums", "tones"), drums_and_tones(spectrum), strict=True))
                )
            curve = normalized(both[name], floor)
        case _:
            raise AssertionError(f"no schedule can have asked for {name}")
    return enveloped(curve, attack, release)


def _facts(song: Song, length: float, grid: Grid, starts: tuple[float, ...], asked: frozenset[str]) -> Iterator[str]:
    yield f"music: {song.path.name}, {length:.1f} s; schedules ask for {', '.join(sorted(asked))}"
    if asked & set(_COUNTED):
        yield f"  {tempo(grid)}"
    if "section" in asked:
        yield f"  sections begin at {', '.join(f'{start:.1f}' for start in starts)} s"


def tempo(grid: Grid) -> str:
    """The tempo for people: how sure it is, and what else it may be."""
    if not grid.beats:
        return "no beats were found; `music.beats` takes a tempo or a file"
    text = f"{len(grid.beats)} beats, {grid.bpm:.1f} a minute"
    if grid.certainty is None:
        return text
    sure = "quite sure" if grid.certainty > 0.6 else "likely" if grid.certainty > 0.3 else "a guess"
    other = f"it may also be {grid.bpm / 2:.1f} or {grid.bpm * 2:.1f}"
    return f"{text}, {sure} ({grid.certainty:.0%}); {other}: `music.beats: {{bpm: ...}}` overrules"


def _notes(config: Config, left: float, grid: Grid) -> Iterator[str]:
    film = float(config.frames / config.fps)
    if left <= 0:
        yield f"the music is over before the film begins: music.offset is beyond its end by {-left:.1f} s"
    elif film > left + 0.5:
        after = f", and beats are counted on at {grid.bpm:.1f} a minute" if grid.beats else ""
        yield f"the music is over after {left:.1f} of {film:.1f} s; from then on its functions are 0{after}"
