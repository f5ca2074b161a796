"""Memory that is freed stays with the process: no fresh pages in every step."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

STEPS = """
import resource, sys
import torch
from stbench.training.memory import keep_freed_memory

if "keep" in sys.argv:
    assert keep_freed_memory()
faults = []
for step in range(25):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    tensors = [torch.ones(12_000_000) for _ in range(2)]
    del tensors
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(sorted(faults[10:])[7])
"""


def page_faults(*arguments: str) -> int:
    """Of a typical step, once the heap has grown: the median of the last fifteen."""
    done = subprocess.run([sys.executable, "-c", STEPS, *arguments], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc: there is nothing to set")
def test_steps_that_free_their_tensors_touch_no_fresh_pages():
    pages_of_one_tensor = 12_000_000 * 4 // 4096
    assert page_faults() > pages_of_one_tensor, "the default has changed: is keep_freed_memory still needed?"
    assert page_faults("keep") < pages_of_one_tensor // 100
