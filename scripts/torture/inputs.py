"""Clips, pictures and weights that are damaged or hostile, and files that name other files."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import safetensors.torch
import torch
from bench.files import damage, drawing
from bench.files.making import encode
from PIL import Image
from torture.asking import Asker
from torture.commands import Outcome
from torture.hostile import TOUCH

Originals = dict[str, bytes]
"""Whole files by their suffix."""


def pictures(folder: Path) -> Originals:
    """Of each kind that is read, small: damage hits what is not pixels more often then."""
    pixels = drawing.frames(1, (24, 40))[0]
    deep = (pixels.astype(np.uint16) << 8) | pixels
    for suffix in ("png", "jpg", "webp", "tif", "bmp", "ppm", "gif", "avif"):
        Image.fromarray(pixels).save(folder / f"whole.{suffix}")
    Image.fromarray(pixels).quantize(16).save(folder / "whole.palette.png")
    Image.fromarray(pixels).convert("CMYK").save(folder / "whole.cmyk.jpg")
    for suffix, numbers in {"deep.png": deep, "deep.tif": deep, "float.tif": pixels / np.float32(255)}.items():
        cv2.imwrite(str(folder / f"whole.{suffix}"), numbers)
    cv2.imwrite(str(folder / "whole.hdr"), pixels / np.float32(255))
    encode(folder / "whole.exr", drawing.frames(1, (24, 40)))
    encode(folder / "whole.pfm", drawing.frames(1, (24, 40)), "-pix_fmt", "gbrpf32le")
    return _taken(folder)


def weights(folder: Path) -> Originals:
    """Small files of each layout: what is not numbers is a larger part of them."""
    random_numbers = torch.Generator().manual_seed(1)
    tensors = {f"layer{n}.weight": torch.randn(4, 3, 2, 2, generator=random_numbers) for n in range(8)}
    torch.save(tensors, folder / "whole.zip.pth")
    torch.save({"state_dict": tensors, "epoch": 3}, folder / "whole.checkpoint.pth")
    torch.save(tensors, folder / "whole.old.pth", _use_new_zipfile_serialization=False)
    safetensors.torch.save_file(tensors, folder / "whole.safetensors", {"made": "here"})
    (folder / "whole.caffemodel").write_bytes(_caffemodel(tensors))
    return _taken(folder)


def _taken(folder: Path) -> Originals:
    """All whole files of a folder, which go."""
    found = {}
    for path in sorted(folder.glob("whole.*")):
        found[path.name.removeprefix("whole.")] = path.read_bytes()
        path.unlink()
    return found


def _field(number: int, data: bytes) -> bytes:
    """A protobuf field of bytes."""
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def _caffemodel(tensors: dict[str, torch.Tensor]) -> bytes:
    layers = b""
    for name, tensor in tensors.items():
        shape = _field(7, _field(1, b"".join(map(_varint, tensor.shape))))
        layers += _field(
            100,
            _field(1, name.encode())
            + _field(2, b"Convolution")
            + _field(7, shape + _field(5, tensor.numpy().tobytes())),
        )
    return _field(1, b"net") + layers


class _Trap:
    """Runs a command where it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (TOUCH,)


def hostile_weights(dice: random.Random) -> bytes:
    """A file that says what is not true, or would run something."""
    header = {"a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}
    numbers = dice.choice((-1, 2**31, 2**62, 2**64, 10**30, 0, 7))
    match dice.randrange(9):
        case 0:
            made = io.BytesIO()
            torch.save({"a": torch.ones(3), "b": _Trap()}, made, pickle_protocol=dice.choice((2, 4)))
            return made.getvalue()
        case 1:
            return pickle.dumps(_Trap(), protocol=dice.choice((2, 3, 4, 5)))
        case 2:
            header["a"]["shape"] = dice.choice(([numbers], [numbers, numbers], [1] * 5000, [2, 2, 0]))
        case 3:
            header["a"]["data_offsets"] = [0, numbers]
        case 4:
            header["a"]["dtype"] = dice.choice(("F64", "I64", "BOOL", "F8_E4M3", "X", ""))
        case 5:
            header = {
                str(n): {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(dice.choice((10, 50_000)))
            }
        case 6:
            return struct.pack("<Q", numbers % 2**64) + b"{" * 5000
        case 7:
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(
                    dice.choice(("a/data.pkl", "../../x/data.pkl", "data.pkl")), bytes(dice.choice((0, 50_000_000)))
                )
                archive.writestr("a/version", "3\n")
            return packed.getvalue()
        case _:
            return (
                _field(
                    100,
                    _field(1, b"x")
                    + _field(7, _field(7, _field(1, _varint(numbers % 2**64) * 3)) + _field(5, bytes(64))),
                )
                * 3
            )
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(16)


def hostile_picture(dice: random.Random) -> bytes:
    """A head that promises more than anybody has."""
    edge = dice.choice((0, 1, 2**15, 2**16 - 1, 2**31 - 1))
    match dice.randrange(5):
        case 0:
            return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", edge, edge) + b"\x08\x02\0\0\0" + bytes(40)
        case 1:
            return f"P6\n{edge} {edge}\n65535\n".encode() + bytes(100)
        case 2:
            return (
                b"BM"
                + struct.pack("<IHHIIiiHHIIiiII", 100, 0, 0, 54, 40, edge, -edge, 1, 24, 0, 0, 0, 0, 0, 0)
                + bytes(60)
            )
        case 3:
            return (
                b"GIF89a" + struct.pack("<HH", edge % 2**16, edge % 2**16) + b"\xf7\0\0" + bytes(768) + b"," + bytes(20)
            )
        case _:
            return f"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y {edge} +X {edge}\n".encode() + bytes(50)


def damaged(
    how: str, originals: Callable[[Path], Originals], hostile: Callable[[random.Random], bytes] | None = None
) -> Callable[[range, Path], Iterator[Outcome]]:
    """A part of trials of files, damaged as the benchmark of files does it; a tenth of them hostile from the start."""

    def try_out(numbers: range, folder: Path) -> Iterator[Outcome]:
        whole = originals(folder)
        with Asker(folder) as asker:
            for number in numbers:
                dice = random.Random(f"{how} {number}")
                suffix = list(whole)[number % len(whole)]
                if hostile and dice.random() < 0.1:
                    kind, data = "hostile", hostile(dice)
                else:
                    kind, data = suffix, damage.damaged(whole[suffix], dice)[1]
                path = folder / f"{number}.{suffix}"
                path.write_bytes(data)
                yield asker.ask(kind, number, how, str(path), path.name)

    return try_out


_HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{0}\n#EXT-X-ENDLIST\n"
_XML = '<?xml version="1.0"?>'
_DASH = '<Representation id="1" bandwidth="1"><BaseURL>{0}</BaseURL></Representation></AdaptationSet></Period></MPD>'
_LISTS = {
    "a.m3u8": _HLS,
    "a.m3u": "#EXTM3U\n#EXTINF:2,\n{0}\n",
    "b.mp4": _HLS.replace("#EXTINF", '#EXT-X-MAP:URI="{0}"\n#EXTINF'),
    "a.txt": "ffconcat version 1.0\nfile {0}\n",
    "c.mkv": "ffconcat version 1.0\nfile {0}\nfile {0}\n",
    "a.mpd": f'{_XML}<MPD type="static"><Period><AdaptationSet mimeType="video/mp4">{_DASH}',
    "a.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    "a.pls": "[playlist]\nFile1={0}\nNumberOfEntries=1\n",
    "a.asx": '<asx version="3.0"><entry><ref href="{0}"/></entry></asx>',
    "a.xspf": f"{_XML}<playlist><trackList><track><location>{{0}}</location></track></trackList></playlist>",
    "a.svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="{0}"/></svg>',
    "a.vpy": f"import os\nos.system('{TOUCH}')\n",
    "a.avs": 'DirectShowSource("{0}")\n',
    "a.xml": f"{_XML}<AssetMap><Id>urn:uuid:0</Id><Path>{{0}}</Path></AssetMap>",
}
"""Files that name another file, {0}, or are programs."""
_TARGETS = (
    "{clip}", "clip.mkv", "file:{clip}", "/etc/passwd", "http://127.0.0.1:9/x.ts", "concat:clip.mkv|clip.mkv", "pipe:0",
    "subfile,,start,0,end,9,,:clip.mkv", "crypto:clip.mkv", "data:video/mp4;base64,AAAA", "lavfi:testsrc",
)  # fmt: skip
_USES = ("source={kind: video, path: %s}", "encode.audio=%s", "source={kind: image, path: %s}", "dream.mask=%s")


def playlists(numbers: range, folder: Path) -> Iterator[Outcome]:
    """Files that name other files, as a clip, as a soundtrack, as a picture; and such names in the config itself."""
    sound = ["-f", "lavfi", "-i", "sine=duration=1"]
    encode(folder / "clip.mkv", drawing.frames(12, (32, 48)), "-map", "0", "-map", "1", "-c:v", "ffv1", before=sound)
    with Asker(folder) as asker:
        for number in numbers:
            dice = random.Random(f"playlist {number}")
            name, use = list(_LISTS)[number % len(_LISTS)], dice.choice(_USES)
            target = dice.choice(_TARGETS).format(clip=folder / "clip.mkv")
            (folder / name).write_text(_LISTS[name].replace("{0}", target))
            named = target if dice.random() < 0.2 and ":" in target else str(folder / name)
            setting = use % (json.dumps(named) if "{" in use else named)
            more = {"d": "source: {kind: video, path: clip.mkv}\n", "e": "frames: 3\n"}.get(use[0], "")
            (folder / "trial.yaml").write_text(f"size: [48, 32]\n{more}")
            found = asker.ask(name, number, "command", ["render", "trial.yaml", "--quiet", "--set", setting], name)
            yield (
                found
                if found.ended != "right"
                else replace(found, ended="fault", fault=f"seed {number}: {setting} is taken")
            )
