"""What every test may use, and what is skipped where.

Tests marked `assets` (real weights and photos), `ray` or `browser` are skipped where that is missing. Kinds that the
environment variable ZOOMDREAM_NO_SKIPS names, as in `ray,browser`, fail instead: so does CI.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # torch is loaded later
    from tests.emulated_gpu import EmulatedGpu

# Before torch is loaded, here and in every process that a test starts: the pictures are tiny, and two processes of two
# threads each slow one another fiftyfold on two cores, because threads that wait keep a core busy.
os.environ.setdefault("OMP_NUM_THREADS", "1")


ASSETS = os.environ.get("ZOOMDREAM_ASSETS", "")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), "")
MISSING = {
    "assets": "" if ASSETS else "ZOOMDREAM_ASSETS is not set",
    "ray": "" if importlib.util.find_spec("ray") else "the extra `ray` is not installed",
    "browser": "" if BROWSER else "no Chromium is installed",
}
"""Why tests of each kind cannot run here, or ""."""
NO_SKIPS = tuple(filter(None, os.environ.get("ZOOMDREAM_NO_SKIPS", "").split(",")))


def pytest_configure(config: pytest.Config) -> None:
    """Refuse kinds of tests that there are not, and let Ctrl-C reach what tests start."""
    if unknown := set(NO_SKIPS) - set(MISSING):
        raise pytest.UsageError(f"ZOOMDREAM_NO_SKIPS names {sorted(unknown)}, which is none of {list(MISSING)}")
    # Shells let programs in the background ignore Ctrl-C, and their children inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs something that is missing."""
    for item in items:
        for kind, reason in MISSING.items():
            if reason and item.get_closest_marker(kind):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip that ZOOMDREAM_NO_SKIPS forbids into a failure."""
    report = yield
    if report.skipped and any(map(item.get_closest_marker, NO_SKIPS)):
        report.outcome = "failed"
        report.longrepr = f"ZOOMDREAM_NO_SKIPS forbids this skip: {report.longrepr}"
    return report


@pytest.fixture
def assets() -> Path:
    """The folder of real weights and photos; use it only in tests marked `assets`."""
    return Path(ASSETS)


@pytest.fixture
def browser() -> str:
    """The path of Chromium; use it only in tests marked `browser`."""
    return BROWSER


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may ask the internet for weights."""
    monkeypatch.setenv("ZOOMDREAM_OFFLINE", "1")


@pytest.fixture
def container_of_three_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of 64 cores, of which this process's container allows three."""
    from zoomdream.machine import limits

    (tmp_path / "cpu.max").write_text("300000 100000\n")
    monkeypatch.setattr(limits, "_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(64)), raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 64)


@pytest.fixture
def emulated_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmulatedGpu]:
    """In a test that asks for it `cuda` is a device, for this thread."""
    from tests.emulated_gpu import emulated

    with emulated(monkeypatch) as gpu:
        yield gpu


@pytest.fixture(scope="session")
def untrained_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dreamnet file of random weights, for whole renders where a test does not look at what was dreamt."""
    import safetensors.torch
    import torch

    from zoomdream.networks.dreamnet import DreamNet
    from zoomdream.networks.dreamnet_file import checksum

    path = tmp_path_factory.mktemp("weights") / "untrained.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tensors = {name: tensor.half().contiguous() for name, tensor in DreamNet().state_dict().items()}
    safetensors.torch.save_file(tensors, path, {"checksum": checksum(tensors)})
    return path


@pytest.fixture(scope="session")
def random_googlenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of BVLC GoogLeNet's layout with random weights, for what bench_speed measures."""
    from bench.speed import weights

    return weights.random_googlenet(tmp_path_factory.mktemp("weights") / "googlenet.pth")


@pytest.fixture(scope="session")
def random_torchvision(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of torchvision's GoogLeNet."""
    from bench.speed import weights

    return weights.random_torchvision(tmp_path_factory.mktemp("weights") / "torchvision.pth")


@pytest.fixture
def decoded() -> Callable[[Path], list[str]]:
    """The checksum of each decoded frame of a video."""
    from zoomdream import ffmpeg

    def read(path: Path) -> list[str]:
        command = [str(ffmpeg.executable()), *ffmpeg.QUIET, "-i", str(path), "-map", "0:v:0", "-f", "framemd5", "-"]
        lines = ffmpeg.run(command, what="decoding").splitlines()
        return [line.split(",")[-1].strip() for line in lines if not line.startswith("#")]

    return read


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden`: renew the pictures that rendering is compared with."""
    parser.addoption("--update-golden", action="store_true", help="renew tests/golden")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A small file system: call it with its size in kilobytes, again to make it larger."""
    folder = tmp_path / "disk"
    mounted = False

    def sized(kilobytes: int) -> Path:
        nonlocal mounted
        if sys.platform != "linux" or os.geteuid() != 0:
            pytest.skip("only root may mount")
        folder.mkdir(exist_ok=True)
        options = f"size={kilobytes}k" + (",remount" if mounted else "")
        if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True).returncode:
            pytest.skip("mounting is not allowed here")
        mounted = True
        return folder

    yield sized
    if mounted:
        subprocess.run(["umount", folder], check=True)
