"""What a command sets for the life of its process."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import resource, torch
from zoomdream.machine.startup import keep_freed_memory

def use():
    held = [torch.ones(3_000_000), torch.ones(12_000_000)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    del held
    held = [torch.ones(3_000_000), torch.ones(12_000_000)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

keep_freed_memory()
for _ in range(8):  # until the pieces that other tensors have left are large enough
    pages = use()
print(pages)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc can be told")
def test_large_tensors_are_made_of_memory_that_is_there_already() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100  # of 15,000 pages


GIVEN_BACK = """
import torch
from zoomdream.machine.startup import give_back_memory, keep_freed_memory

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) // 256  # MiB

keep_freed_memory()
held = [torch.ones(25_000_000) for _ in range(2)]
after = torch.ones(10_000)  # what lies beyond stays
held.clear()
before = resident()
give_back_memory()
print(before - resident())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc can be told")
def test_what_is_freed_can_be_given_back_all_the_same() -> None:
    done = subprocess.run([sys.executable, "-c", GIVEN_BACK], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 150  # of 190 MiB
