"""Where the weights of the GoogLeNets are to be had, and where they are kept on this machine.

None of the addresses could be tried where this was written; they are those that Caffe's, neural-dream's and captum's
own scripts name. Of BVLC's file Caffe's model zoo gives the SHA-1; of the others no digest is known, so only their
tensors' names and shapes are checked.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

MAX_BYTES = 300 * 10**6


@dataclass(frozen=True, slots=True)
class Source:
    """A network's files by the names that are looked for in the cache, the last one being that of a download.

    addresses: of the same file, tried in turn. digest: see `download.fetch`.
    """

    files: tuple[str, ...]
    addresses: tuple[str, ...]
    digest: str
    licence: str
    description: str


_CSAIL = "released by MIT CSAIL under CC BY"
_PROGAMER = "https://github.com/ProGamerGov"
SOURCES = {
    "googlenet": Source(
        ("bvlc_googlenet.safetensors", "bvlc_googlenet.pth", "bvlc_googlenet.caffemodel"),
        (
            "https://dl.caffe.berkeleyvision.org/bvlc_googlenet.caffemodel",
            "https://www.deepdetect.com/downloads/platform/pretrained/caffe/googlenet/bvlc_googlenet.caffemodel",
        ),
        "sha1:405fc5acd08a3bb12de8ee5e23a96bec22f08204",
        "BVLC model, released for unrestricted use",
        "BVLC GoogLeNet, the network of the first Deep Dreams (Szegedy et al. 2014, trained with Caffe)",
    ),
    "googlenet-places205": Source(
        ("googlenet_places205.safetensors", "googlenet_places205.caffemodel", "googlenet_places205.pth"),
        (f"{_PROGAMER}/pytorch-places/raw/master/googlenet_places205.pth",),
        "",
        _CSAIL,
        "GoogLeNet that knows 205 kinds of places: landscapes, temples, arches (Zhou et al. 2014)",
    ),
    "googlenet-places365": Source(
        ("googlenet_places365.safetensors", "googlenet_places365.caffemodel", "googlenet_places365.pth"),
        (f"{_PROGAMER}/pytorch-places/raw/master/googlenet_places365.pth",),
        "",
        _CSAIL,
        "GoogLeNet that knows 365 kinds of places (Zhou et al. 2017)",
    ),
    "inception5h": Source(
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


def cache_folder() -> Path | None:
    """Where this user's weights files are looked for; None for a user without a home. Nothing is created."""
    if chosen := os.environ.get("XDG_CACHE_HOME"):  # counts on every system
        return Path(chosen) / "zoomdream"
    try:
        folder = platformdirs.user_cache_path("zoomdream", appauthor=False, opinion=False)
    except RuntimeError:  # no HOME, and a user id that the system has no entry of, as in containers
        return None
    return folder if folder.is_absolute() else None  # older platformdirs say "~/.cache" to such a user


def kept(name: str) -> Path | None:
    """The file of the network in the cache; None where there is none."""
    folder = cache_folder()
    if folder is None or name not in SOURCES:
        return None
    return next((path for file in SOURCES[name].files if (path := folder / file).is_file()), None)
