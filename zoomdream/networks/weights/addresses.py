"""The addresses of the GoogLeNets' weights, and the folder where they are kept on this machine.

Nobody could try the addresses while this was written: they are from the scripts of Caffe, neural-dream and captum.
Caffe's model zoo gives the SHA-1 of BVLC's file. No digest of the others is known: their tensors' names and shapes are
checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoomdream.machine.files import cache_folder

MAX_BYTES = 300 * 10**6


@dataclass(frozen=True, slots=True)
class WeightFiles:
    """The weights of a network. files: names that they may have in the cache, the last one that of a download;
    addresses: of one and the same file, tried in turn; digest: as in `download.fetch`.
    """

    files: tuple[str, ...]
    addresses: tuple[str, ...]
    digest: str
    licence: str
    description: str


_CSAIL = "released by MIT CSAIL under CC BY"
_PROGAMER = "https://github.com/ProGamerGov"
WEIGHTS = {
    "googlenet": WeightFiles(
        ("bvlc_googlenet.safetensors", "bvlc_googlenet.pth", "bvlc_googlenet.caffemodel"),
        (
            "https://dl.caffe.berkeleyvision.org/bvlc_googlenet.caffemodel",
            "https://www.deepdetect.com/downloads/platform/pretrained/caffe/googlenet/bvlc_googlenet.caffemodel",
        ),
        "sha1:405fc5acd08a3bb12de8ee5e23a96bec22f08204",
        "BVLC model, released for unrestricted use",
        "BVLC GoogLeNet, the network of the first Deep Dreams (Szegedy et al. 2014, trained with Caffe)",
    ),
    "googlenet-places205": WeightFiles(
        ("googlenet_places205.safetensors", "googlenet_places205.caffemodel", "googlenet_places205.pth"),
        (f"{_PROGAMER}/pytorch-places/raw/master/googlenet_places205.pth",),
        "",
        _CSAIL,
        "GoogLeNet that knows 205 kinds of places: landscapes, temples, arches (Zhou et al. 2014)",
    ),
    "googlenet-places365": WeightFiles(
        ("googlenet_places365.safetensors", "googlenet_places365.caffemodel", "googlenet_places365.pth"),
        (f"{_PROGAMER}/pytorch-places/raw/master/googlenet_places365.pth",),
        "",
        _CSAIL,
        "GoogLeNet that knows 365 kinds of places (Zhou et al. 2017)",
    ),
    "inception5h": WeightFiles(
        ("inception5h.safetensors", "inception5h.pth"),
        (
            "https://pytorch.s3.amazonaws.com/models/captum/inception5h.pth",
            f"{_PROGAMER}/pytorch-old-tensorflow-models/raw/master/inception5h.pth",
        ),
        "",
        "Apache-2.0",
        "Google's own GoogLeNet, the network of TensorFlow's Deep Dream and of lucid",
    ),
}


def cached(name: str) -> Path | None:
    """The file of the network's weights in the cache; None where there is none."""
    folder = cache_folder()
    if folder is None or name not in WEIGHTS:
        return None
    return next((path for file in WEIGHTS[name].files if (path := folder / file).is_file()), None)
