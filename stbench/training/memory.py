"""Freed memory stays with the process instead of going back to the system after every step."""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Numbers of mallopt(3), from glibc's malloc.h."""
ONE_GIB = 2**30


def keep_freed_memory() -> bool:
    """Let glibc serve tensors of up to 1 GiB from its heap and keep what is freed; True where it agreed.

    By default every tensor above 32 MiB is mapped anew and unmapped when it is freed, so that each step touches
    tens of thousands of fresh pages, which the kernel has to fill with zeros. No value depends on it. Does nothing, and
    says so, where the C library is another one. docs/performance.md has what it saves.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, ONE_GIB)) and bool(mallopt(M_TRIM_THRESHOLD, 2 * ONE_GIB - 1))
