"""The options of encoders in hardware, as ffmpeg offers them. Data only; `trial` finds out what works.

Options as in libavcodec's nvenc, qsvenc, videotoolboxenc, amfenc and vaapi_encode. Quality is constant and comes from
crf. No encoder gets B frames: whatever a driver does about their order, a segment ends with its last frame.
"""

from __future__ import annotations

from typing import Final

from zoomdream.config.codecs import CODECS, CodecName, Hardware

OFF: Final = "off"

_LAYOUTS = {"yuv420p": "nv12", "yuv420p10le": "p010le"}


def layout(pixel_format: str) -> str:
    """The pixel format with the same values in the order that all hardware takes: "nv12" for "yuv420p"."""
    return _LAYOUTS[pixel_format]


def device(hardware: Hardware) -> list[str]:
    """Options before the input: only VAAPI needs a device for its filters. ffmpeg finds the device itself."""
    if hardware == "vaapi":
        return ["-init_hw_device", "vaapi=card", "-filter_hw_device", "card"]
    return []


def upload(hardware: Hardware) -> str:
    """The end of the filters: VAAPI encodes frames in its own memory."""
    return ",hwupload" if hardware == "vaapi" else ""


def surface(hardware: Hardware, pixel_format: str) -> str:
    """The pixel format in which the encoder gets its frames."""
    return "vaapi" if hardware == "vaapi" else layout(pixel_format)


def options(hardware: Hardware, codec: CodecName, crf: int, pixel_format: str, group: int) -> list[str]:
    """The options of an encoder: constant quality, and a closed group of `group` frames."""
    chosen = [*_quality(hardware, codec, crf), "-g", str(group), "-bf", "0"]
    if codec == "h264":
        chosen += ["-profile:v", "high"]
    if codec == "h265":
        chosen += ["-profile:v", "main10"] if pixel_format == "yuv420p10le" else []
        chosen += ["-tag:v", "hvc1"]
    return chosen


def _quality(hardware: Hardware, codec: CodecName, crf: int) -> list[str]:
    """crf in the encoder's own numbers. To most of them 0 means "as you like", so 1 is the best there is."""
    match hardware:
        case "nvenc":
            return ["-preset", "p5", "-tune", "hq", "-rc", "vbr", "-cq", str(max(1, crf)), "-b:v", "0"]
        case "qsv":  # its scale ends at 51 for AV1, too
            return ["-global_quality", str(max(1, round(crf * 51 / (CODECS[codec].largest_crf or 51))))]
        case "videotoolbox":  # 1 to 100, higher is better; allow_sw 0: hardware or an error
            return ["-q:v", str(max(1, 100 - 2 * crf)), "-allow_sw", "0"]
        case "amf":
            own = _quantizer(codec, crf)
            return ["-usage", "transcoding", "-quality", "quality", "-rc", "cqp", "-qp_i", own, "-qp_p", own]
        case _:
            name = "-global_quality" if codec == "av1" else "-qp"
            return ["-rc_mode", "CQP", name, _quantizer(codec, crf)]


def _quantizer(codec: CodecName, crf: int) -> str:
    """A quantizer for a crf: H.264's and H.265's scales are the same; AV1's own goes to 255, in about steps of 4."""
    return str(max(1, min(255, 4 * crf) if codec == "av1" else crf))
