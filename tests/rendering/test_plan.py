"""What `auto` means: known from what the hardware says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from zoomdream.api import load_config
from zoomdream.machine import devices
from zoomdream.machine.devices import bfloat16_units
from zoomdream.rendering import plan
from zoomdream.rendering.plan import make_plan


@pytest.mark.parametrize(
    ("capability", "precision"), [((9, 0), "bfloat16"), ((8, 0), "bfloat16"), ((7, 5), "float16"), ((6, 1), "float16")]
)
def test_a_gpu_gets_the_precision_that_it_multiplies(
    capability: tuple[int, int], precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def told(device: str) -> tuple[int, int]:
        asked.append(device)
        return capability

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_capability", told)
    monkeypatch.setattr(torch.version, "hip", None)
    config = load_config({"performance": {"device": "cuda:1", "tile": "off"}})
    assert make_plan(config).precision == precision
    assert asked == ["cuda:1"], "each GPU is another"


@pytest.mark.parametrize(
    ("flags", "units"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 amx_bf16 amx_tile", ("avx512_bf16", "amx_bf16")),
        ("flags\t\t: fpu avx512f avx512_bf16", ("avx512_bf16",)),
        ("flags\t\t: fpu avx2 notavx512_bf16", ()),
        ("Features\t: fp asimd bf16", ()),
    ],
)
def test_an_older_torch_leaves_the_flags_to_the_system(
    flags: str, units: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{flags}\nbugs\t\t: none\n")
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    monkeypatch.setattr(devices, "_PROCESSOR", tmp_path / "cpuinfo")
    assert bfloat16_units() == units
    monkeypatch.setattr(devices, "_PROCESSOR", tmp_path / "nothing")
    assert bfloat16_units() == ()


def test_there_are_no_more_threads_than_cores_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    monkeypatch.setattr(plan, "cores", lambda: 3)
    assert make_plan(load_config({})).threads == 3
    assert make_plan(load_config({"performance": {"threads": 5}})).threads == 5, "who says it is heard"
