"""Segments and a soundtrack to one finished file: nothing is encoded again (but gif and webp, which are made here)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from zoomdream import ffmpeg
from zoomdream.encode import metadata
from zoomdream.encode import sound as audio
from zoomdream.encode.segment import EncodeSettings
from zoomdream.encode.sound import Sound
from zoomdream.errors import OutputError
from zoomdream.ffmpeg.probe import count_frames, probe
from zoomdream.machine.files import discard, temporary_name, write_whole

LOOPED = "A loop: after the last frame comes the first."
"""What a file says that is one."""

_FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm", ".gif": "gif", ".webp": "webp"}


def join(
    settings: EncodeSettings,
    segments: Sequence[Path],
    output: Path,
    frames: int,
    *,
    origin: str,
    sound: Sound | None,
    looped: bool = False,
) -> Path:
    """Make the finished file in the segments' folder, check its frame count, and return where it is.

    segments are files in one folder, in order; output only says what kind of file it becomes; frames is how many it
    must hold; origin is the text for the `comment` tag; sound goes under the pictures where the file can hold one.
    looped: whether the film is a loop, as the file says then.
    Raises OutputError, or InputError if the sound's file cannot be opened, and then leaves no partial file.
    """
    folder = segments[0].parent
    suffix = output.suffix.lower()
    finished = temporary_name(folder / f"joined{suffix}")
    playlist, tags, palette = folder / "join.txt", folder / "tags.txt", temporary_name(folder / "palette.png")
    what = f"Joining {output}"
    try:
        write_whole(playlist, list_segments([segment.name for segment in segments]).encode())
        told = {"comment": origin} | ({"description": LOOPED} if looped else {})
        write_whole(tags, metadata.format_tags(told).encode())
        match settings.codec:
            case "gif":
                for command in gif_commands(settings, playlist.name, palette.name, finished.name):
                    ffmpeg.run(command, what=what, folder=folder)
            case "webp":
                ffmpeg.run(webp_command(settings, playlist.name, finished.name), what=what, folder=folder)
            case _:
                names = (playlist.name, tags.name, finished.name)
                try:
                    _mux(join_command(settings, *names, sound), sound, what, folder)
                except OutputError:
                    if sound is None or not sound.copy:
                        raise
                    # A container may refuse what it can hold in general, and hours of frames wait here.
                    encoded = replace(sound, copy=False)
                    _mux(join_command(settings, *names, encoded), encoded, what, folder)
        _check(settings, finished, frames)
    except OSError as error:
        discard(finished)
        raise OutputError(f"Joining {output} failed: {error.strerror or error}.") from error
    except BaseException:
        discard(finished)
        raise
    finally:
        discard(palette)
    return finished


def _mux(command: Sequence[str], sound: Sound | None, what: str, folder: Path) -> None:
    with ffmpeg.Process(command, what=what, folder=folder) as process:
        if sound is not None and not sound.copy:
            for data in audio.samples(sound):
                process.write(data)
        process.finish()


def list_segments(names: Sequence[str]) -> str:
    """ffmpeg's list of files to read one after the other. The names are ours: no quotes, spaces or folders in them."""
    return "ffconcat version 1.0\n" + "".join(f"file {name}\n" for name in names)


def join_command(settings: EncodeSettings, playlist: str, tags: str, target: str, sound: Sound | None) -> list[str]:
    """The command that copies segments into one file, with a sound under them.

    The lengths are the sound's own affair: `-shortest` would cut the picture where the sound ends first.
    """
    suffix = Path(target).suffix
    command = [
        str(settings.program), *ffmpeg.QUIET, "-y", "-f", "concat", "-i", playlist, "-f", "ffmetadata", "-i", tags,
    ]  # fmt: skip
    heard = []
    if sound is not None:
        command += audio.inputs(sound)
        heard = audio.options(sound, 2)
    command += [
        "-map", "0:v:0", "-c:v", "copy", "-bsf:v", _grid(settings.fps), *heard, "-map_metadata", "1",
        "-map_chapters", "-1", "-fflags", "+bitexact",
    ]  # fmt: skip
    if suffix in (".mp4", ".mov"):
        # The tags of QuickTime's own kind: the older ones are cut off at 65,535 bytes without a word.
        tagging = "+use_metadata_tags" if suffix == ".mov" else ""
        command += ["-movflags", f"+faststart+write_colr{tagging}"]
        if settings.codec == "h265":
            command += ["-tag:v", "hvc1"]  # QuickTime plays no other
    return [*command, "-f", _FORMATS[suffix], target]


def _grid(fps: Fraction) -> str:
    """Put every timestamp on the exact grid of frames.

    The concat reader adds up durations in whole microseconds (at 29 fps a third of one is lost with each segment), and
    a last segment of one frame has no reordering delay, which left a gap: 29.02 fps on average instead of 29.97.
    """
    tick = f"{fps.denominator}/{fps.numerator}"
    return f"setts=pts='round(PTS*TB/({tick}))*({tick})/TB':dts='STARTDTS+N*({tick})/TB'"


def gif_commands(settings: EncodeSettings, playlist: str, palette: str, target: str) -> list[list[str]]:
    """Two passes, not one graph: a graph that splits the frames holds all of them until the palette is known."""
    read = [str(settings.program), *ffmpeg.QUIET, "-y", "-f", "concat", "-i", playlist]
    return [
        [*read, "-vf", "palettegen=stats_mode=full", "-frames:v", "1", "-update", "1", "-f", "image2", palette],
        [
            *read, "-i", palette, "-lavfi", "[0:v][1:v]paletteuse=dither=sierra2_4a:diff_mode=none",
            "-fps_mode", "passthrough", "-loop", "0", "-f", "gif", target,
        ],
    ]  # fmt: skip


def webp_command(settings: EncodeSettings, playlist: str, target: str) -> list[str]:
    """Animated WebP. With bgra, libwebp converts by the rules of its own format."""
    return [
        str(settings.program), *ffmpeg.QUIET, "-y", "-f", "concat", "-i", playlist, "-map", "0:v:0",
        "-c:v", "libwebp_anim", "-pix_fmt", settings.pixel_format, "-lossless", "0", "-quality", "85",
        "-fps_mode", "passthrough", "-loop", "0", "-f", "webp", target,
    ]  # fmt: skip


def _check(settings: EncodeSettings, finished: Path, frames: int) -> None:
    """OutputError unless the file holds what it must."""
    if settings.codec == "webp":  # equal neighbours become one picture that is shown longer
        facts = probe(settings.program, finished)
        if (facts.width, facts.height) != (settings.width, settings.height):
            raise OutputError(f"Joining failed: the WebP is {facts.width}x{facts.height}.")
        return
    found = count_frames(settings.program, finished)
    if found != frames:
        raise OutputError(
            f"Joining failed: the file has {found} frames instead of {frames}. A segment may be damaged; "
            "`--restart` renders all of it again."
        )
