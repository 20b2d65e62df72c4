"""What a file is that cannot be read as a picture, in words of its own, and what to do with it."""

from __future__ import annotations

RAW = (
    *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef", ".mos", ".mrw"),
    *(".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
)
"""Endings of what cameras save before it is developed."""

_RAW_SIGNATURES = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM")
RAW_TOLD = (
    "a camera raw file; develop it first, in darktable, RawTherapee or your camera's program, and save a 16 bit TIFF"
)
_SAVE = "save it as PNG or TIFF"
_CLIP = "where it is the source, set `source.kind: video`"

_SIGNATURES = (
    (b"%PDF", f"a PDF; {_SAVE}"),
    (b"%!PS", f"PostScript; {_SAVE}"),
    (b"8BPS", f"a Photoshop file (PSD); {_SAVE}"),
    (b"gimp xcf", f"a GIMP file (XCF); {_SAVE}"),
    (b"\xff\x0a", f"a JPEG XL picture; {_SAVE}"),
    (b"\0\0\0\x0cJXL ", f"a JPEG XL picture; {_SAVE}"),
    (b"\0\0\0\x0cjP  ", f"a JPEG 2000 picture; {_SAVE}"),
    (b"\xff\x4f\xff\x51", f"a JPEG 2000 picture; {_SAVE}"),
    (b"SDPX", f"a DPX picture; {_SAVE}, or EXR"),
    (b"XPDS", f"a DPX picture; {_SAVE}, or EXR"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x1aE\xdf\xa3", f"a Matroska or WebM video; {_CLIP}"),
    (b"FLV\x01", f"a Flash video; {_CLIP}"),
    (b"\x00\x00\x01\xba", f"an MPEG video; {_CLIP}"),
    (b"ID3", "an mp3"),
    (b"OggS", "an Ogg file"),
    (b"\x7fELF", "a program"),
    (b"\x89HDF", "an HDF5 file"),
)


class Refused(Exception):
    """A picture is not read; the text says what it is."""


def is_raw(data: bytes, suffix: str) -> bool:
    """Whether a file is a camera's raw picture; a JPEG that is only called so is none. TIFF's own tags tell more."""
    if data.startswith(_RAW_SIGNATURES) or data[4:12] == b"ftypcrx ":
        return True
    return suffix.lower() in RAW and data[:4] in (b"II*\0", b"MM\0*")


def describe(data: bytes, suffix: str = "") -> str:
    """What a file that is no picture seems to be, from its first bytes, and what to do."""
    if not data:
        return "it is empty"
    if is_raw(data, suffix):
        return f"it is {RAW_TOLD}"
    if data[4:8] == b"ftyp":
        brands = data[8 : int.from_bytes(data[:4], "big")][:64]
        if b"avi" in brands:
            return f"it is an AVIF picture, which Pillow reads from 11.3 on; {_SAVE}"
        if any(brand in brands for brand in (b"heic", b"heix", b"heim", b"hevc", b"mif1", b"msf1")):
            return "it is a HEIC picture: `pip install 'zoomdream[heic]'` makes it readable; or save it as JPEG"
        return f"it is an mp4 or mov video; {_CLIP}"
    if data.startswith(b"RIFF"):
        return f"it is an AVI video; {_CLIP}" if data[8:12] == b"AVI " else "it is a RIFF file (a sound)"
    if data[:1] == b"G" and data[188:189] == b"G":
        return f"it is a transport stream (a video); {_CLIP}"
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return f"it is {name}"
    try:
        head = data[:400].decode("utf-8", "strict" if len(data) <= 400 else "ignore")
    except UnicodeDecodeError:
        head = "\0"
    if all(letter.isprintable() or letter.isspace() for letter in head):
        if "<svg" in data[:4000].decode("utf-8", "ignore"):
            return f"it is an SVG drawing; {_SAVE}"
        return "it is a text file"  # whose words are not ours to show: reports are sent around
    if data[:4] in (b"II*\0", b"MM\0*"):
        return f"it is a TIFF of a rare kind; {_SAVE} of 8 or 16 bits, RGB"
    return "its kind is unknown; PNG, JPEG, WebP, AVIF, TIFF, EXR, HDR, PFM, BMP and GIF can be read"
