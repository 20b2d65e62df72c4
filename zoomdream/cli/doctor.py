"""`zoomdream doctor`: what works here and what does not, each line with its remedy."""

from __future__ import annotations

import argparse
import contextlib
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from zoomdream.cli.tables import counted, show, tell
from zoomdream.errors import InputError, OutputError, ZoomdreamError
from zoomdream.version import __version__

PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "pydantic",
    "pyyaml",
    "rich",
    "safetensors",
    "pillow",
    "imageio",
    "imageio-ffmpeg",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `blocks` is the exit code of a render without it, 0 if a render works all the same."""

    state: str  # ok | missing | note
    what: str
    detail: str
    blocks: int = 0


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; 0 if a render can work here, else the exit code that it would end with."""
    findings = [finding for what, examine in EXAMINATIONS.items() for finding in _examined(what, examine)]
    show(("state", "what", "found"), [(finding.state, finding.what, finding.detail) for finding in findings])
    broken = [finding for finding in findings if finding.blocks]
    if broken:
        tell(f"\nA render does not work here yet: {', '.join(finding.what for finding in broken)}.")
    else:
        tell("\nA render works here.")
    return broken[0].blocks if broken else 0


def _examined(what: str, examine: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """What an examination finds; if it breaks, that is a finding too, because a doctor must not die of the illness."""
    try:
        yield from examine()
    except ZoomdreamError as error:
        yield Finding("missing", what, str(error), blocks=error.exit_code)
    except Exception as error:
        yield Finding("missing", what, f"{type(error).__name__}: {error}".splitlines()[0], blocks=1)


def _versions() -> Iterator[Finding]:
    yield Finding("ok", "zoomdream", f"{__version__} in {Path(__file__).resolve().parent.parent}")
    yield Finding("ok", "python", f"{platform.python_version()} ({sys.executable}), {platform.platform()}")
    for name in PACKAGES:
        try:
            yield Finding("ok", name, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Finding("missing", name, f"install it: {sys.executable} -m pip install {name}", blocks=1)


def _processor() -> Iterator[Finding]:
    import torch

    from zoomdream.machine.devices import bfloat16_units
    from zoomdream.machine.limits import cores

    fast = [{"avx512_bf16": "bfloat16", "amx_bf16": "AMX bfloat16"}.get(unit, unit) for unit in bfloat16_units()]
    here, threads = counted(cores(), "core"), counted(torch.get_num_threads(), "thread")
    vectors = torch.backends.cpu.get_cpu_capability()
    yield Finding("ok", "processor", f"{here}, {threads}, {vectors}, {' and '.join(fast) or 'no bfloat16'} in hardware")


def _device() -> Iterator[Finding]:
    import torch

    for index in range(torch.cuda.device_count()):
        facts = torch.cuda.get_device_properties(index)
        yield Finding("ok", f"cuda:{index}", f"{facts.name}, {facts.total_memory / 2**30:.0f} GiB")
    if torch.backends.mps.is_available():
        yield Finding("ok", "mps", "Apple GPU")
    from zoomdream.config import load_config
    from zoomdream.rendering.plan import make_plan

    plan = make_plan(load_config({}))
    yield Finding(
        "ok", "auto means", f"device {plan.device}, precision {plan.precision}, {counted(plan.threads, 'thread')}"
    )


def _ffmpeg() -> Iterator[Finding]:
    from zoomdream import ffmpeg
    from zoomdream.config.codecs import CODECS

    try:
        program = ffmpeg.executable("bundled")
        version = ffmpeg.version(program)
        listed = ffmpeg.encoders(program)
    except ZoomdreamError as error:
        yield Finding("missing", "ffmpeg", str(error), blocks=OutputError.exit_code)
    else:
        yield Finding("ok", "ffmpeg", f"{version} ({program})")
        absent = sorted({codec.encoder for codec in CODECS.values()} - set(listed))
        if absent:
            yield Finding("missing", "encoders", f"this ffmpeg has no {', '.join(absent)}; other codecs work")
        else:
            yield Finding("ok", "encoders", f"for {', '.join(CODECS)}")
    try:
        on_path = ffmpeg.executable("path")
        yield Finding("note", "ffmpeg on PATH", f"{ffmpeg.version(on_path)} ({on_path})")
    except ZoomdreamError as error:
        yield Finding("note", "ffmpeg on PATH", f"{error} Only `encode.ffmpeg: path` would need it")


def _hardware() -> Iterator[Finding]:
    from zoomdream import ffmpeg
    from zoomdream.config.codecs import HARDWARE
    from zoomdream.encode import trial
    from zoomdream.encode.segment import EncodeSettings

    programs = {}
    for which, name in (("bundled", "the bundled ffmpeg"), ("path", "the ffmpeg on PATH")):
        with contextlib.suppress(OutputError):  # told above
            programs[name] = ffmpeg.executable(which)
    for which, program in programs.items():
        works = []
        for name, encoders in HARDWARE.items():
            for codec in encoders:  # h264 first: what has not even that is not asked any more
                if trial.trial(EncodeSettings(codec, 256, 144, Fraction(30), "yuv420p", program, hardware=name)):
                    break
                works.append(f"{name} {codec}")
        found = f"{', '.join(works) or 'none'} with {which}; only `encode.hardware` needs one"
        yield Finding("ok" if works else "note", "hardware encoders", found)


def _networks() -> Iterator[Finding]:
    from zoomdream.networks import catalog

    for info in catalog.networks():
        what = f"network {info.name}"
        if info.present:
            yield Finding("ok", what, info.description)
        elif info.source == "embedded":
            remedy = "its weights are missing from the package; install zoomdream again"
            yield Finding("missing", what, remedy, blocks=InputError.exit_code)
        else:
            yield Finding("note", what, f"its weights are not here; only needed for `network: {{name: {info.name}}}`")


def _clips() -> Iterator[Finding]:
    try:
        import cv2
        import scenedetect
    except ImportError as error:
        remedy = "where a system library is missing, install it (libGL.so.1: package libgl1), for clips and for speed"
        yield Finding("missing", "clips", f"{error}; {remedy}".replace("\n", " "))
    else:
        yield Finding("ok", "clips", f"OpenCV {cv2.__version__}, PySceneDetect {scenedetect.__version__}")


def _music() -> Iterator[Finding]:
    if find_spec("librosa") is None:
        remedy = "only drums(t), tones(t) and section(t) need it: pip install 'zoomdream[music]'"
        yield Finding("note", "music", f"librosa is not here; {remedy}")
    else:
        yield Finding("ok", "music", f"librosa {metadata.version('librosa')}")


def _folder() -> Iterator[Finding]:
    here = Path.cwd()
    try:
        with tempfile.TemporaryFile(dir=here):
            pass
    except OSError as error:
        remedy = f"{here} cannot be written ({error.strerror}); go elsewhere or use --output"
        yield Finding("missing", "working folder", remedy, blocks=OutputError.exit_code)
    else:
        yield Finding("ok", "working folder", f"{here}, {shutil.disk_usage(here).free / 2**30:.1f} GiB free")


EXAMINATIONS: dict[str, Callable[[], Iterator[Finding]]] = {
    "packages": _versions,
    "processor": _processor,
    "device": _device,
    "ffmpeg": _ffmpeg,
    "hardware encoders": _hardware,
    "networks": _networks,
    "clips": _clips,
    "music": _music,
    "working folder": _folder,
}
