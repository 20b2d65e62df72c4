"""Devices: which are here, what they multiply quickly, and how a tensor gets there."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from zoomdream.errors import ConfigError

_UNITS = ("avx512_bf16", "amx_bf16")
_PROCESSOR = Path("/proc/cpuinfo")


def to_device(picture: Tensor, device: str | torch.device) -> Tensor:
    """A tensor where the network is. To a GPU it is only queued, behind what that has to do, and nobody waits."""
    if str(device).startswith("cuda") and picture.device.type == "cpu":
        return picture.pin_memory().to(device, non_blocking=True)
    return picture.to(device)


def _devices() -> list[str]:
    here = ["cpu"]
    if torch.cuda.is_available():
        here += ["cuda", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        here.append("mps")
    return here


def check_device(device: str) -> None:
    """ConfigError for a device that is not here."""
    here = _devices()
    if device not in here:
        raise ConfigError(f"{device} is not on this machine. Here are auto, {', '.join(here)}.")


def bfloat16_units() -> tuple[str, ...]:
    """What this machine's CPU multiplies bfloat16 with, of "avx512_bf16" and "amx_bf16"; empty where it has neither."""
    if hasattr(torch.cpu, "get_capabilities"):
        flags = torch.cpu.get_capabilities()
        return tuple(unit for unit in _UNITS if flags.get(unit))
    try:  # older torch knows no such flags, but runs on them all the same
        text = _PROCESSOR.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    words = set(next((line for line in text.splitlines() if line.startswith("flags")), "").split())
    return tuple(unit for unit in _UNITS if unit in words)


def fastest_precision(device: str) -> str:
    """bfloat16 where the hardware multiplies it faster than float32, float16 on older GPUs, else float32.

    Known, not measured: of a frame of dreamnet AVX512-BF16 saves 35 to 45 %, and without it bfloat16 is emulated.
    """
    if device.startswith("cuda"):
        modern = torch.version.hip is not None or torch.cuda.get_device_capability(device) >= (8, 0)
        return "bfloat16" if modern else "float16"
    return "bfloat16" if device == "cpu" and bfloat16_units() else "float32"
