"""Containers and codecs, and kinds of pixels, each with steady pictures."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from bench.files import drawing
from bench.files.drawing import ALPHAS, COLORS
from bench.files.making import COUNT, Case, coded, encode, steady

NTSC, FILM = Fraction(30000, 1001), Fraction(24000, 1001)
_X264 = "-c:v libx264 -pix_fmt yuv420p"
_PAL, _WIDE = (576, 720), (144, 256)
_OVER_BLACK = tuple(tuple(value * alpha / 255 for value in color) for color, alpha in zip(COLORS, ALPHAS, strict=True))
_HOLED = (255, 255, 255, 0)
_HOLED_OVER_BLACK = (*COLORS[:3], (0, 0, 0))

_CODECS = """
mp4 libx264 -pix_fmt yuv420p
mp4 libx264 -pix_fmt yuv444p
mp4 libx265 -pix_fmt yuv420p10le -x265-params log-level=none
mp4 libsvtav1 -pix_fmt yuv420p10le -crf 30
mp4 libaom-av1 -cpu-used 8 -pix_fmt yuv420p
mp4 mpeg4 -bf 2 -q:v 3
mp4 libvpx-vp9 -deadline realtime -pix_fmt yuv420p
mp4 mjpeg -q:v 2
m4v mpeg4 -q:v 3
mov prores_ks -profile:v 2
mov qtrle
mov png
mov mjpeg -q:v 2
mov cfhd
mov v210
mov rawvideo -pix_fmt uyvy422
mov rawvideo -pix_fmt rgb24
mov hap -format hap
mkv ffv1 -level 3
mkv ffvhuff
mkv utvideo
mkv libtheora -q:v 9
mkv vc2 -vf scale=out_color_matrix=bt709
mkv mpeg2video -q:v 2
webm libvpx -crf 5 -b:v 2M
webm libvpx-vp9 -deadline realtime -crf 10
webm libsvtav1 -crf 30
avi mpeg4 -bf 2 -q:v 2
avi libxvid -q:v 2
avi mjpeg -q:v 2
avi huffyuv
avi msmpeg4v2 -q:v 2
avi rawvideo -pix_fmt bgr24
avi rawvideo -pix_fmt rgb555le
avi rawvideo -pix_fmt yuyv422
avi libx264 -bf 3
avi cinepak
avi zmbv -pix_fmt bgr0
avi flv -q:v 2
avi magicyuv -pix_fmt gbrp
flv flv -q:v 2
flv libx264 -bf 2
wmv wmv1 -q:v 2
asf wmv2 -q:v 2
asf msmpeg4 -q:v 2
mpg mpeg1video -q:v 2 -bf 2
vob mpeg2video -q:v 2 -bf 2
ts libx264
ts mpeg2video -q:v 2 -bf 2
ts libx265 -x265-params log-level=none
m2ts libx264 -bf 2
mxf mpeg2video -q:v 2
mxf libx264
ogv libtheora -q:v 9
nut ffv1
wtv mpeg2video -q:v 2
swf mjpeg -q:v 2
rm rv20 -q:v 2
h264 libx264 -bf 2
hevc libx265 -x265-params log-level=none
mjpeg mjpeg -q:v 2
m2v mpeg2video -q:v 2 -bf 2
m1v mpeg1video -q:v 2
obu libsvtav1 -crf 30
ivf libvpx-vp9 -deadline realtime
ivf libsvtav1 -crf 30
y4m wrapped_avframe -pix_fmt yuv420p
"""
"""Suffix, codec and its options. WMV1 and FLV's codec are H.263's; VC2 is Dirac."""

_PIXELS = {
    "yuv410p": 0.04, "yuv411p": 0.04, "yuv422p": 0.04, "yuv440p": 0.04, "yuv444p": 0.04, "yuv420p10le": 0.04,
    "yuv422p10le": 0.04, "yuv444p12le": 0.04, "yuv420p16le": 0.04, "gbrp": 0.01, "gbrp10le": 0.01, "gbrp16le": 0.01,
    "bgr0": 0.01, "rgb48le": 0.01,
}  # fmt: skip


def codecs() -> Iterator[Case]:
    """Every container with codecs that are found in it."""
    for line in _CODECS.split("\n")[1:-1]:
        suffix, codec, *options = line.split()
        rough = codec in ("cinepak", "hap", "dxv") or "rgb555le" in options
        facts = {"off": 16 if rough else 8}
        if codec in ("libx264", "libx265", "libvpx", "libvpx-vp9") and "-pix_fmt" not in options:
            options += ["-pix_fmt", "yuv420p"]
        yield coded(f"{suffix}, {codec} {options[-1] if '-pix_fmt' in options else ''}".strip(), suffix,
                    " ".join(["-c:v", codec, *options]), steady(**facts))  # fmt: skip
    yield coded(
        "mov, DNxHR",
        "mov",
        "-c:v dnxhd -profile:v dnxhr_sq -pix_fmt yuv422p -vf scale=out_color_matrix=bt709",
        size=_WIDE,
    )
    yield coded(
        "mxf, DNxHR",
        "mxf",
        "-c:v dnxhd -profile:v dnxhr_sq -pix_fmt yuv422p -vf scale=out_color_matrix=bt709",
        size=_WIDE,
    )
    dv = "-vf scale=720:576 -c:v dvvideo -pix_fmt yuv420p -aspect 4:3"
    yield coded("dv", "dv", dv, steady(8, size=(576, 768)))
    yield coded("avi, DV", "avi", dv, steady(8, size=(576, 768)))
    yield coded(
        "3gp, H.263", "3gp", "-vf scale=128:96 -c:v h263 -q:v 2 -aspect 35:24", steady(rate=NTSC, size=(96, 140))
    )
    yield coded(
        "gxf",
        "gxf",
        "-c:v mpeg2video -q:v 2 -pix_fmt yuv422p -aspect 5:4",
        steady(COUNT, size=_PAL, late=Fraction(1, 40)),
    )
    for rate in (Fraction(1), Fraction(12), FILM, NTSC, Fraction(60000, 1001), Fraction(240)):
        for suffix in ("mp4", "mkv", "avi", "ts"):
            if (suffix, rate) != ("ts", 1):
                yield coded(f"{suffix}, {float(rate):.6g} per second", suffix, _X264, steady(12, rate))


def pixels() -> Iterator[Case]:
    """Depths, subsampling, ranges, matrices, sizes, transparency."""
    for name, off in _PIXELS.items():
        yield coded(f"pixels {name}", "mkv", f"-c:v ffv1 -pix_fmt {name}", off=255 * off)
    grey = [[0.299 * red + 0.587 * green + 0.114 * blue] * 3 for red, green, blue in COLORS]
    for name in ("gray", "gray10le", "gray16le"):
        yield coded(f"pixels {name}", "mkv", f"-c:v ffv1 -pix_fmt {name}", colors=grey, off=3)
    yield coded("pixels monob", "mov", "-c:v png -pix_fmt monob", colors=None)
    yield coded("pixels rgb48be in PNG", "mov", "-c:v png -pix_fmt rgb48be", off=3)
    yield coded("pixels xyz12le", "nut", "-c:v rawvideo -pix_fmt xyz12le", off=12)
    for options, ending in (("-c:v png -pix_fmt rgba64be", "mov"), ("-c:v qtrle -pix_fmt argb", "mov"),
                            ("-c:v ffv1 -pix_fmt bgra", "mkv"), ("-c:v ffv1 -pix_fmt yuva420p", "mkv"),
                            ("-c:v ffv1 -pix_fmt yuva444p10le", "mkv"), ("-c:v utvideo -pix_fmt gbrap", "avi"),
                            ("-c:v prores_ks -profile:v 4 -pix_fmt yuva444p10le", "mov"),
                            ("-c:v libvpx -pix_fmt yuva420p -auto-alt-ref 0 -crf 5 -b:v 2M", "webm"),
                            ("-c:v libvpx-vp9 -pix_fmt yuva420p -deadline realtime -crf 10", "webm"),
                            ("-c:v libvpx-vp9 -pix_fmt yuva420p -deadline realtime -crf 10", "mkv"),
                            ("-c:v apng -plays 0", "apng")):  # fmt: skip
        codec, form = options.split()[1], options.split()[3]
        yield coded(f"transparent {ending}, {codec} {form}", ending, options, colors=_OVER_BLACK, alphas=ALPHAS)
    yield _gif()
    for matrix, number in (("bt601", "smpte170m"), ("bt709", "bt709"), ("bt2020", "bt2020nc")):
        for span in ("tv", "pc"):
            scale = f"-vf scale=out_color_matrix={matrix}:out_range={span}:flags=accurate_rnd"
            for form in ("yuv444p", "yuv420p"):
                tags = f"-colorspace {number} -color_range {span} -pix_fmt {form}"
                yield coded(f"matrix {matrix}, {span} {form}", "mkv", f"{scale} -c:v ffv1 {tags}", off=4)
    for size in ((97, 129), (95, 127), (98, 130), (96, 129), (97, 128)):
        for suffix, options in (("webm", "-c:v libvpx-vp9 -deadline realtime"), ("mkv", "-c:v ffv1 -pix_fmt yuv420p"),
                                ("mov", "-c:v libx264 -pix_fmt yuv444p")):  # fmt: skip
            yield coded(f"{size[1]}x{size[0]} {suffix}", suffix, options, steady(6, size=size))
    for suffix, options in (
        ("mp4", _X264),
        ("mkv", _X264),
        ("mpg", "-c:v mpeg2video -q:v 2"),
        ("avi", "-c:v mpeg4 -q:v 2"),
    ):
        aspect = Fraction(4, 3) if suffix != "mpg" else Fraction(16, 9) / Fraction(128, 96)
        write = coded("", suffix, f"-vf setsar={aspect.numerator}/{aspect.denominator} {options}").write
        yield Case(f"wide pixels {suffix}", suffix, write, steady(size=(96, round(128 * aspect))))


def _gif() -> Case:
    """By a palette of its own, because ffmpeg's common one has other colours."""

    def write(path: Path) -> None:
        palette = "[0]split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=none"
        encode(path, drawing.transparent(drawing.frames(COUNT), _HOLED), "-filter_complex", palette)

    truth = steady(colors=_HOLED_OVER_BLACK, alphas=_HOLED)
    return Case("transparent gif", "gif", write, truth)
