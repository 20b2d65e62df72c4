"""Frames to closed segment files. The command is data: pure functions build it, `SegmentWriter` runs it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import torch
from torch import Tensor

from zoomdream import ffmpeg
from zoomdream.config import codecs
from zoomdream.config.codecs import CODECS, HARDWARE, CodecName, Hardware
from zoomdream.encode import hardware
from zoomdream.errors import OutputError
from zoomdream.ffmpeg.probe import count_frames
from zoomdream.machine.files import discard, settle, temporary_name, writing

SEGMENT_FRAMES = 30
"""A segment is one closed group of at most this many frames, which is what a crash costs at most."""


@dataclass(frozen=True, slots=True)
class EncodeSettings:
    """How frames become a file. Nothing here is `auto`: two equal settings make the same bytes of the same frames,
    unless hardware makes them.

    width, height in pixels; fps frames per second, exact; crf and preset: None means the codec's default, and codecs
    without one ignore it; threads are pinned, because x264's decisions depend on their number; still: only the last
    frame is kept, as one picture; hardware: a key of `HARDWARE`, or "off"; alpha: frames have a fourth channel, which
    is kept.
    """

    codec: CodecName
    width: int
    height: int
    fps: Fraction
    pixel_format: str
    program: Path
    crf: int | None = None
    preset: str | None = None
    threads: int = 2
    still: bool = False
    hardware: Hardware = hardware.OFF
    alpha: bool = False

    def check(self) -> None:
        """ConfigError if the codec cannot hold such frames, or so many of them in a second."""
        codecs.check_size(self.codec, self.pixel_format, self.width, self.height)
        codecs.check_rate(self.codec, float(self.fps))

    @property
    def segment_format(self) -> str:
        """The pixel format of the segments."""
        return self.pixel_format if self.alpha else CODECS[self.codec].segment_format or self.pixel_format

    @property
    def frame_bytes(self) -> int:
        """Bytes of a raw frame."""
        return self.height * self.width * (4 if self.alpha else 3) * raw_bits(self) // 8


def segment_name(settings: EncodeSettings, number: int) -> str:
    """The name of a finished segment: a file, or a folder of pictures for numbered png."""
    container = CODECS[settings.codec].segment
    suffix = "" if container == "image2" else f".{container}"
    return f"segment_{number:05d}" + (".png" if settings.still else suffix)


def encoder_name(settings: EncodeSettings) -> str:
    """ffmpeg's name of the encoder of the segments, e.g. "libx264"."""
    if settings.hardware != hardware.OFF:
        return HARDWARE[settings.hardware][settings.codec]
    return CODECS[settings.codec].encoder


def segment_command(settings: EncodeSettings, target: str) -> list[str]:
    """The command that turns raw frames on stdin into one segment; `target` is a name in the folder it runs in."""
    codec = CODECS[settings.codec]
    picture = codec.segment == "image2"
    given = "rgba" if settings.alpha else "rgb24"
    if raw_bits(settings) == 16:
        given = "rgba64le" if settings.alpha else "rgb48le"
    filters, tags = _filters(settings.segment_format, picture=picture), _tags(settings.segment_format, picture=picture)
    if settings.hardware != hardware.OFF:
        filters = _filters(hardware.layout(settings.segment_format), picture=False) + hardware.upload(settings.hardware)
        tags = ["-pix_fmt", hardware.surface(settings.hardware, settings.segment_format), *tags[2:]]
    return [
        str(settings.program), *ffmpeg.QUIET, "-y", *hardware.device(settings.hardware),
        "-f", "rawvideo", "-pixel_format", given, "-video_size", f"{settings.width}x{settings.height}",
        "-framerate", str(settings.fps), "-i", "pipe:0", "-filter_threads", str(settings.threads),
        "-vf", filters,
        "-c:v", encoder_name(settings), *_encoder_options(settings), "-threads", str(settings.threads),
        *tags,
        "-fps_mode", "passthrough", "-fflags", "+bitexact", "-flags:v", "+bitexact",
        *_container_options(settings), "-f", codec.segment, target,
    ]  # fmt: skip


def raw_bits(settings: EncodeSettings) -> int:
    """Bits per channel of the raw frames: 8 where the codec keeps 8, else 16."""
    return 8 if codecs.bits(settings.segment_format) == 8 else 16


def pack(picture: Tensor, bits: int) -> Tensor:
    """Levels of packed RGB rows, top to bottom, (H, W, C) where the picture is: uint8 for 8 bits, int32 for 16.

    picture (1, C, H, W) in [0, 1], C 3, or 4 with alpha; values outside are clipped. A pure function of the picture: a
    frame that is done again after a crash gives the same bytes. Rounded, not dithered: through x264 at crf 18, Bayer
    and noise dither left the local mean of a smooth ramp no nearer (0.45 of a level against 0.42) and made it 13 to
    26 % larger; who needs more shades takes 10 bits.
    """
    top, kind = (255.0, torch.uint8) if bits == 8 else (65535.0, torch.int32)
    return picture[0].permute(1, 2, 0).float().clamp(0, 1).mul_(top).round_().to(kind).contiguous()


def raw(packed: Tensor) -> memoryview:
    """The bytes of what `pack` has made, on the CPU: `rgb24`, H·W·3 bytes, or `rgb48le`, H·W·6 bytes; or with alpha."""
    levels = packed.numpy()
    return (levels if packed.dtype == torch.uint8 else levels.astype("<u2")).data.cast("B")


def _filters(pixel_format: str, *, picture: bool) -> str:
    """RGB, full range → the target, *converted* as BT.709 and *marked* as BT.709.

    Both: without the first ffmpeg converts by BT.601 (pure red gives Y 81 instead of 63), and options on the output
    alone left primaries and transfer unmarked. accurate_rnd and full chroma: the quick paths round and sample coarsely.
    """
    if picture:
        return f"format={pixel_format},setparams=color_primaries=bt709:color_trc=iec61966-2-1:range=pc"
    if codecs.is_rgb(pixel_format):
        return f"format={pixel_format},setparams=color_primaries=bt709:color_trc=bt709:colorspace=gbr:range=pc"
    quality = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
    return (
        f"scale=in_range=pc:out_color_matrix=bt709:out_range=tv:{quality},format={pixel_format},"
        "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"
    )


def _tags(pixel_format: str, *, picture: bool) -> list[str]:
    if picture:
        return ["-pix_fmt", pixel_format]
    matrix, span = ("rgb", "pc") if codecs.is_rgb(pixel_format) else ("bt709", "tv")
    return [
        "-pix_fmt", pixel_format, "-colorspace", matrix, "-color_primaries", "bt709", "-color_trc", "bt709",
        "-color_range", span,
    ]  # fmt: skip


def _encoder_options(settings: EncodeSettings) -> list[str]:
    """The options of the encoder. Every group of pictures is closed: a segment must not refer to its neighbours."""
    codec = CODECS[settings.codec]
    wanted = codec.crf if settings.crf is None else settings.crf
    if settings.hardware != hardware.OFF:
        assert wanted is not None  # all that hardware makes has one
        return hardware.options(settings.hardware, settings.codec, wanted, settings.pixel_format, SEGMENT_FRAMES)
    crf = str(wanted)
    preset = settings.preset or codec.preset
    group = str(SEGMENT_FRAMES)
    match codec.encoder:
        case "libx264":
            return ["-preset", preset, "-crf", crf, "-g", group, "-x264-params", "open-gop=0"]
        case "libx265":
            own = f"log-level=error:open-gop=0:keyint={group}:pools={settings.threads}:frame-threads=1"
            return ["-preset", preset, "-crf", crf, "-x265-params", own, "-tag:v", "hvc1"]
        case "libvpx-vp9":
            quality = ["-crf", crf, "-b:v", "0", "-deadline", "good", "-cpu-used", "2", "-row-mt", "0"]
            return [*quality, "-g", group]
        case "libsvtav1":
            return ["-preset", preset, "-crf", crf, "-g", group, "-svtav1-params", f"lp={min(settings.threads, 6)}"]
        case "prores_ks":
            profile = "4" if settings.pixel_format.startswith("yuv444") else "3"  # 4444, or 422 HQ
            return ["-profile:v", profile, "-vendor", "apl0"]
        case "ffv1":
            return ["-level", "3", "-coder", "1", "-context", "1", "-g", "1", "-slicecrc", "1"]
        case _:
            return []


def _container_options(settings: EncodeSettings) -> list[str]:
    match CODECS[settings.codec].segment:
        case "mp4" | "mov":
            return ["-movflags", "+write_colr"]
        case "image2":
            return ["-update", "1"] if settings.still else ["-start_number", "0"]
        case _:
            return []


class SegmentWriter:
    """One segment being written, under a temporary name until `close` has checked it. Leaving early leaves nothing.

    folder is the working folder; number counts from 0. For a still, only the last frame given is written.
    """

    def __init__(self, settings: EncodeSettings, folder: Path, number: int) -> None:
        self._settings = settings
        self._final = folder / segment_name(settings, number)
        self._temporary = temporary_name(self._final)
        self._frames = 0
        self._held: memoryview | None = None
        target = self._temporary.name
        if self._in_pictures:
            with writing(self._final):
                self._temporary.mkdir()
            target += "/%05d.png"
        self._process = ffmpeg.Process(segment_command(settings, target), what=f"Encoding {self._final}", folder=folder)

    def __enter__(self) -> SegmentWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.drop()

    def write(self, picture: Tensor) -> None:
        """Add one frame, (1, C, H, W) in [0, 1]. Raises OutputError if ffmpeg has given up."""
        self.write_raw(raw(pack(picture, raw_bits(self._settings)).cpu()))

    def write_raw(self, data: memoryview) -> None:
        """Add one frame as raw pixels, see `raw`. Raises OutputError if ffmpeg has given up."""
        self._frames += 1
        if self._settings.still:
            self._held = data
        else:
            self._process.write(data)

    def seal(self) -> None:
        """No more frames: ffmpeg goes on by itself, while others may be written. Raises OutputError if it cannot."""
        if self._held is not None:
            self._process.write(self._held)
            self._held = None
        self._process.close_input()

    def drop(self) -> None:
        """End it now, and leave nothing of a segment that is not closed. Raises nothing; may be called twice."""
        self._process.kill()
        discard(self._temporary)

    def close(self) -> Path:
        """Finish, check what was written, and move it into place. Returns its path; raises OutputError."""
        self.seal()
        self._process.finish()
        found = self._count()
        expected = 1 if self._settings.still else self._frames
        if found != expected:
            raise OutputError(f"Encoding {self._final} failed: ffmpeg wrote {found} frames of {expected}.")
        with writing(self._final):
            settle(self._temporary, self._final)
        return self._final

    @property
    def _in_pictures(self) -> bool:
        return CODECS[self._settings.codec].segment == "image2" and not self._settings.still

    def _count(self) -> int:
        if self._in_pictures:
            return sum(1 for _ in self._temporary.iterdir())
        return count_frames(self._settings.program, self._temporary)
