"""`zoomdream music SONG`: what schedules can ask of a song, in the terminal or as a file: looking beats guessing."""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import sys
from dataclasses import replace

from zoomdream.api import load_config
from zoomdream.cli.plot import write
from zoomdream.cli.tables import tell
from zoomdream.config import Config
from zoomdream.config.signals import SIGNALS
from zoomdream.errors import ConfigError
from zoomdream.music.listen import find_song, listen, spectrum_of
from zoomdream.music.structure import NEEDING
from zoomdream.plot.panels import Plot, plot_of
from zoomdream.plot.song import plot_of_song
from zoomdream.plot.text import text

_RATE = 50
"""Moments per second at which a song is drawn that no film follows."""


def run(arguments: argparse.Namespace) -> int:
    """Print the curves, or write them and print the path."""
    is_config = arguments.song.suffix.lower() in (".yaml", ".yml")
    if is_config:
        config = load_config(arguments.song, arguments.overrides)
        if config.music is None:
            text_ = (
                f"{arguments.song} has no section `music`. Allowed: a sound, a clip with sound, or a config with music."
            )
            raise ConfigError(text_)
    else:
        config = load_config({"music": {"path": str(arguments.song.absolute())}}, arguments.overrides)
    with config.error_context():
        plot = _plot(config, str(arguments.song), is_config)
    if arguments.output is not None:
        write(arguments.output, plot, config)
        tell(arguments.output)
    else:
        tell(text(plot, shutil.get_terminal_size().columns, (sys.stdout.encoding or "").lower().startswith("utf")))
    return 0


def _plot(config: Config, title: str, is_config: bool) -> Plot:
    """All functions of the music, and below them the schedules of a config."""
    music = config.music
    assert music is not None
    asked = {*SIGNALS, *music.bands, *music.series}
    note: tuple[str, ...] = ()
    if importlib.util.find_spec("librosa") is None:
        asked -= set(NEEDING)
        note = ("drums, tones and sections need librosa: pip install 'zoomdream[music]'",)
    signals = listen(config, frozenset(asked))
    spectrum, _ = spectrum_of(find_song(config))
    if not is_config:
        whole = replace(signals, notes=())
        return _noted(plot_of_song(whole, spectrum, max(1, round(signals.length * _RATE)), _RATE, title), note)
    song = plot_of_song(signals, spectrum, config.frames, float(config.fps), title)
    film = plot_of(config, title)
    return _noted(replace(song, panels=(*song.panels, *film.panels), constants=film.constants), note)


def _noted(plot: Plot, note: tuple[str, ...]) -> Plot:
    return replace(plot, notes=(*plot.notes, *note))
