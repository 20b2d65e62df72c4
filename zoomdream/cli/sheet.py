"""A contact sheet: stills of a draft, evenly over its time, in one picture with the moment below each."""

from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from zoomdream.api import frames
from zoomdream.config import Config
from zoomdream.config.codecs import is_numbered
from zoomdream.config.origin import OUTPUT_OPTION
from zoomdream.errors import ConfigError
from zoomdream.machine.files import write_whole, writing
from zoomdream.rendering import Observer, Progress
from zoomdream.rendering.eta import Eta
from zoomdream.rendering.loop import stoppable
from zoomdream.version import __version__

_STILLS = 12
_WIDEST = 480  # pixels of a still
_GAP, _LABEL = 8, 22
_GROUND, _WORDS = "#16181c", "#c8ccd4"
_SOFTWARE = "zoomdream contact sheet"


def render_sheet(draft: Config, observer: Observer, *, restart: bool = False) -> Path:
    """Dream a draft without encoding it, and write the sheet. Raises ConfigError for a name that is no .png's or
    another picture's, and what a render raises.
    """
    chosen = draft.origin.find(("output",)).name == OUTPUT_OPTION
    path = draft.output if chosen else _beside(draft.output)
    if path.suffix.lower() != ".png" or is_numbered(path):
        raise ConfigError(f'--output is "{path}", and a sheet is one picture. Allowed: a name that ends in .png.')
    if path.exists() and not restart and not _is_sheet(path):
        raise ConfigError(f"{path} is no contact sheet of zoomdream's. Choose another name, or replace it: --restart.")
    count = min(_STILLS, draft.frames)
    wanted = [round(number * (draft.frames - 1) / max(count - 1, 1)) for number in range(count)]
    stills = []
    eta = Eta([1] * draft.frames, 0, time.monotonic())
    with stoppable():
        for number, frame in enumerate(frames(draft)):
            if number in wanted:
                pixels = (255 * frame.permute(1, 2, 0).numpy()).round().astype(np.uint8)
                stills.append((f"{number / float(draft.fps):.1f} s", _small(Image.fromarray(pixels))))
            eta.frame_done(time.monotonic())
            observer.progress(Progress(number + 1, draft.frames, eta.seconds_per_frame, eta.seconds_left))
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, _sheet(stills))
    return path


def _beside(output: Path) -> Path:
    """film_sheet.png of film_preview.mp4, of frames_preview/%05d.png frames_sheet.png."""
    whole = output.parent if is_numbered(output) else output
    stem = whole.name if is_numbered(output) else whole.stem
    return whole.with_name(f"{stem.removesuffix('_preview')}_sheet.png")


def _is_sheet(path: Path) -> bool:
    try:
        with Image.open(path) as picture:
            return str(picture.info.get("Software", "")).startswith(_SOFTWARE)
    except OSError:
        return False


def _small(picture: Image.Image) -> Image.Image:
    picture.thumbnail((_WIDEST, _WIDEST), Image.Resampling.LANCZOS)
    return picture


def _sheet(stills: list[tuple[str, Image.Image]]) -> bytes:
    """The stills in rows, four of what is wide and six of what is tall, as a PNG that says what it is."""
    width, height = stills[0][1].size
    columns = min(len(stills), 4 if width >= height else 6)
    rows = -(-len(stills) // columns)
    size = (columns * (width + _GAP) + _GAP, rows * (height + _LABEL + _GAP) + _GAP)
    sheet = Image.new("RGB", size, _GROUND)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for number, (moment, still) in enumerate(stills):
        x = _GAP + number % columns * (width + _GAP)
        y = _GAP + number // columns * (height + _LABEL + _GAP)
        sheet.paste(still, (x, y))
        pen.text((x, y + height + 3), moment, _WORDS, font)
    about, data = PngInfo(), io.BytesIO()
    about.add_text("Software", f"{_SOFTWARE}, {__version__}")
    sheet.save(data, "png", pnginfo=about)
    return data.getvalue()
