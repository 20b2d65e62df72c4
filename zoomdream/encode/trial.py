"""Whether what may fail after hours works here, tried on a few frames by the very commands of the render: the encoder,
and putting the sound under the pictures.

Nothing else tells. An ffmpeg that is not ours may have been built without it. That it lists an encoder in hardware says
nothing about the driver or the chip, a chip may have no such encoder (those of data centres: H100, H200, A100), and
each has a smallest and a largest picture.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from zoomdream import ffmpeg
from zoomdream.config.codecs import CODECS, CodecName
from zoomdream.encode import hardware
from zoomdream.encode.join import join
from zoomdream.encode.segment import (
    EncodeSettings,
    SegmentWriter,
    encoder_name,
    segment_command,
    segment_name,
)  # fmt: skip
from zoomdream.encode.sound import Sound
from zoomdream.errors import InputError, OutputError
from zoomdream.ffmpeg.probe import count_frames, probe
from zoomdream.ffmpeg.program import VARIABLE

FRAMES = 3
_LAST: Mapping[CodecName, tuple[str, ...]] = {"gif": ("gif",), "webp": ("libwebp_anim",)}
"""The encoders that make the file of the segments at the end, by codec."""
LIMIT = 30.0
"""Seconds after which an encoder does not work. A driver that wakes up takes some; one that hangs takes for ever."""


def check(settings: EncodeSettings, limit: float = LIMIT) -> None:
    """OutputError about `encode.hardware` or `.ffmpeg` unless the encoder works; software of ours is not tried."""
    if settings.hardware == hardware.OFF:
        if not ffmpeg.is_ours(settings.program):
            _check_software(settings, limit)
        return
    why = trial(settings, limit)
    if why is None:
        return
    software = CODECS[settings.codec].encoder
    raise OutputError(
        f"{settings.hardware} does not work here: {encoder_name(settings)} cannot encode {settings.width}x"
        f"{settings.height}: {why} `off` encodes with {software}; {_other_ffmpeg(settings)}",
        key="encode.hardware",
    )


def _check_software(settings: EncodeSettings, limit: float) -> None:
    """OutputError unless an ffmpeg that is not ours has the encoders of the codec, and takes their options."""
    needed = (encoder_name(settings), *_LAST.get(settings.codec, ()))
    missing = set(needed) - set(ffmpeg.encoders(settings.program))
    why = f"it was built without {', '.join(sorted(missing))}." if missing else None
    if why is None and settings.codec != "png":  # which has no options that could be missing
        why = trial(replace(settings, width=64, height=64), limit)
    if why is not None:
        about = f"{settings.program} (version {ffmpeg.version(settings.program)})"
        chosen = f"{VARIABLE} chooses {about}" if os.environ.get(VARIABLE) == str(settings.program) else about
        raise OutputError(
            f"{chosen}, which cannot make {settings.codec}: {why} The ffmpeg that comes with zoomdream can: "
            f"`encode.ffmpeg: bundled`, with {VARIABLE} unset.",
            key="encode.ffmpeg",
        )


def check_sound(settings: EncodeSettings, output: Path, origin: str, sound: Sound) -> None:
    """OutputError about `encode.audio`, unless about a second of the sound gets into a file like the output.

    origin: as for `join`. The pictures are encoded in software: `check` tries what is in hardware. Raises InputError if
    the sound's file cannot be opened.
    """
    settings = replace(settings, hardware=hardware.OFF)
    with tempfile.TemporaryDirectory(prefix="zoomdream_") as folder:
        with SegmentWriter(settings, Path(folder), 0) as writer:
            for _ in range(FRAMES):
                writer.write_raw(memoryview(_grey(settings)))
            segment = writer.close()
        try:
            made = join(settings, [segment], output, FRAMES, origin=origin, sound=replace(sound, brief=True))
            lost = probe(settings.program, made).audio is None
            why = f"ffmpeg {ffmpeg.version(settings.program)} leaves it out without a word." if lost else None
        except OutputError as error:
            why = error.text
    if why is not None:
        raise OutputError(
            f"The sound of {sound.track.path} does not get into {output.name}, as tried on a second of it: {why} "
            "Allowed: none, another file, or an output that ends in .mkv, which holds most.",
            key="encode.audio",
        )


def trial(settings: EncodeSettings, limit: float = LIMIT) -> str | None:
    """Why the encoder of the settings does not work, as a sentence; None if it works. Leaves no files behind."""
    try:
        with tempfile.TemporaryDirectory(prefix="zoomdream_") as folder:
            return _encode(settings, Path(folder), limit) or _inspect(settings, Path(folder))
    except OSError as error:
        return f"it could not be tried: {error.strerror or error}."
    except (InputError, OutputError) as error:
        return str(error)


def _encode(settings: EncodeSettings, folder: Path, limit: float) -> str | None:
    """Encode a few grey frames; why that failed, None if it did not."""
    frame = _grey(settings)
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.stop()

    command = segment_command(settings, segment_name(settings, 0))
    with ffmpeg.Process(command, what="Trying the encoder", folder=folder) as process:
        timer = threading.Timer(limit, stop)
        timer.daemon = True
        timer.start()
        try:
            with contextlib.suppress(OutputError):  # it is gone, and what it said is read below
                for _ in range(FRAMES):
                    process.write(frame)
            process.close_input()
            code, said = process.end()
        finally:
            timer.cancel()
    if late.is_set():
        return f"after {limit:g} seconds ffmpeg had not encoded {FRAMES} frames."
    if code == 0:
        return None
    if encoder_name(settings) not in ffmpeg.encoders(settings.program):  # then ffmpeg complains of its options
        return f"ffmpeg {ffmpeg.version(settings.program)} was built without it."
    return f'ffmpeg says "{ffmpeg.first_reason(said, code)}".'


def _grey(settings: EncodeSettings) -> bytes:
    """A frame as raw pixels."""
    return bytes([128]) * settings.frame_bytes


def _inspect(settings: EncodeSettings, folder: Path) -> str | None:
    """What is wrong with the file that was made, None if nothing: drivers drop frames, and bits, without an error."""
    path = folder / segment_name(settings, 0)
    found = count_frames(settings.program, path)
    if found != FRAMES:
        return f"of {FRAMES} frames it made {found}."
    facts = probe(settings.program, path)
    made = (facts.width, facts.height, facts.pixel_format)
    wanted = (settings.width, settings.height, settings.pixel_format)
    if made != wanted:
        return f"it made {made[0]}x{made[1]} {made[2]} of {wanted[0]}x{wanted[1]} {wanted[2]}."
    return None


def _other_ffmpeg(settings: EncodeSettings) -> str:
    """Advice to try the other ffmpeg: which drivers a static build, as the bundled one, can load differs by system."""
    on_path = shutil.which("ffmpeg")
    if on_path is not None and Path(on_path) == settings.program:
        return "`encode.ffmpeg: bundled` takes our own, in which it may work."
    there = "the one on PATH" if on_path else "one that you install (none is on PATH)"
    return f"`encode.ffmpeg: path` takes {there}, in which it may work."
