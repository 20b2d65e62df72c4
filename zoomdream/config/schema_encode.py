"""How the frames become a file, and with what they are computed: encode, performance."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from zoomdream.config.codecs import CodecName, Hardware
from zoomdream.config.fields import FilePath, Flag, Memory, Preset, Section, Text, Whole, measured, setting
from zoomdream.config.units import MEMORY_ALLOWED


class Encode(Section):
    """How the frames become a file. In a loaded config codec, crf and preset are filled in by the output."""

    codec: CodecName = setting(
        "h264",
        "The codec; where left out, the usual one of the output's extension.",
        "h264, h265, vp9, av1, prores, ffv1, gif, webp or png, where the output's extension can hold it",
        example="h265",
    )
    crf: Whole | None = setting(
        None,
        "Quality: lower is better, and larger; where left out, a good one (see codecs).",
        "0 to 51 (h264, h265) or 0 to 63 (vp9, av1), a whole number",
        ge=0,
        le=63,
        example=14,
    )
    preset: Preset | None = setting(
        None,
        "Speed against size.",
        "ultrafast to placebo (h264, h265; default medium) or 0 to 13 (av1; default 8)",
        min_length=1,
        example="slow",
    )
    hardware: Hardware = setting(
        "off",
        "An encoder in hardware instead, for h264, h265 and (not videotoolbox) av1: quicker, larger at equal quality, "
        "and not the same bytes in every run. It takes no preset. Where it does not work the render does not begin.",
        "off, nvenc (NVIDIA), qsv (Intel), videotoolbox (Apple), amf (AMD) or vaapi (Linux)",
    )
    pixel_format: Text = setting(
        "auto",
        "ffmpeg's name of the pixel format.",
        "auto or a name such as yuv420p10le",
        min_length=1,
        example="yuv420p10le",
    )
    audio: Literal["source", "none"] | FilePath = setting(
        "source",
        "The soundtrack: source is the clip's own (none where it or the codec has no sound); a file is relative to "
        "the YAML file.",
        "source, none or the path of a sound file",
        example="song.mp3",
    )
    audio_track: Annotated[Whole, Field(ge=1, le=999)] | Annotated[Text, Field(min_length=1)] = setting(
        "auto",
        "Which sound track of a file that has several (`zoomdream check` lists them); auto: its default one, else the "
        "first that can be decoded.",
        "auto, its number from 1 on, its language (en or eng) or its title",
        example="eng",
    )
    metadata: Flag = setting(
        True, "Whether the resolved config is stored in the file, for `zoomdream info`.", "true or false"
    )
    keep_ends: Flag = setting(
        False,
        "Whether the state after the last frame is kept beside a video, as OUTPUT.end.safetensors, so that a render "
        "whose `start` is this video goes on without dreaming all of it again. Loops need none.",
        "true or false",
    )
    ffmpeg: Literal["bundled", "path"] = setting(
        "bundled", "Which ffmpeg: the one of imageio-ffmpeg, or the one on PATH.", "bundled or path"
    )


class Performance(Section):
    """Where and how precisely it is computed. `auto` is resolved once, when a render starts."""

    device: Text = setting(
        "auto",
        "Where is computed; auto: on a GPU where there is one.",
        "auto, cpu, cuda, cuda:N or mps",
        pattern=r"^(auto|cpu|cuda|cuda:\d{1,3}|mps)$",
        example="cuda:1",
    )
    precision: Literal["auto", "float32", "bfloat16", "float16"] = setting(
        "auto",
        "Number format inside the network; auto: the fastest here that is as good.",
        "auto, float32, bfloat16 or float16",
    )
    tile: Literal["auto", "off"] | Annotated[Whole, measured("px pixels"), Field(ge=256, le=16384)] = setting(
        "auto",
        "Largest edge of what the network sees at once; larger pictures are dreamt tile by tile. auto: as large as "
        "memory allows.",
        "auto, off or 256 to 16384 pixels, a whole number",
        example=1024,
    )
    memory: Literal["auto"] | Memory = setting(
        "auto",
        "Memory that a render may take, so that tile: auto fits into it: of the GPU, or of this machine, ffmpeg's too. "
        "auto: what is free when it starts.",
        f"auto or {MEMORY_ALLOWED}",
        example="6 GiB",
    )
    threads: Literal["auto"] | Annotated[Whole, Field(ge=1, le=1024)] = setting(
        "auto",
        "Threads of the CPU; auto: one for each core that is allowed.",
        "auto or a whole number from 1 to 1024",
        example=2,
    )
