"""Memory that a render frees is there for its next step."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import resource, torch
from zoomdream.build.memory import keep_freed_memory

def use():
    held = [torch.ones(3_000_000), torch.ones(12_000_000)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    del held
    held = [torch.ones(3_000_000), torch.ones(12_000_000)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

keep_freed_memory()
use()
print(use())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc can be told")
def test_large_tensors_are_made_of_memory_that_is_there_already() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100  # of 15,000 pages


GIVING_BACK = """
import re, torch
from zoomdream.build.memory import LARGE, give_back_freed_memory, keep_freed_memory

def resident():
    return int(re.search(r"VmRSS:\\s*(\\d+)", open("/proc/self/status").read())[1]) >> 10

keep_freed_memory()
held = [torch.ones(3_000_000) for _ in range(20)]
last = torch.ones(10)
before = resident()
del held
give_back_freed_memory(LARGE - 1)
kept = resident()
give_back_freed_memory(LARGE)
print(before - kept, before - resident())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc can be told")
def test_a_large_frame_gives_freed_memory_back_to_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", GIVING_BACK], capture_output=True, text=True, check=True)
    small, large = map(int, done.stdout.split())
    assert small < 50
    assert large > 150  # of 229 MiB
