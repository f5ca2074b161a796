"""Facts of the machine, the libraries and the code a run was made with."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypedDict

from stbench import __version__

LIBRARIES = ("numpy", "scipy", "numba", "zarr", "xarray", "torch", "scikit-learn", "scikit-image")
"""Those whose version can change a number."""


class Environment(TypedDict):
    """The fields of `RunRecord` that describe where it was made: `RunRecord(..., **environment("cpu"))`."""

    device: str
    processor: str
    threads: int
    libraries: dict[str, str]
    python: str
    git_revision: str | None
    git_dirty: bool | None
    stbench_version: str


def environment(device: str = "cpu") -> Environment:
    """What can be known of this process: `device` is the torch name; a CUDA device is told by the name of its card."""
    revision, dirty = git_revision()
    return {
        "device": device_name(device) if device.startswith("cuda") else device,
        "processor": processor_name(),
        "threads": _threads(),
        "libraries": library_versions(LIBRARIES),
        "python": platform.python_version(),
        "git_revision": revision,
        "git_dirty": dirty,
        "stbench_version": __version__,
    }


def peak_memory() -> int:
    """Largest resident memory of this process so far, bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def library_versions(names: Iterable[str]) -> dict[str, str]:
    """Name -> installed version, for those that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@cache
def processor_name() -> str:
    """The processor as its maker calls it, with the number of cores this process may use."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.lower().startswith("model name"):
            name = line.partition(":")[2].strip()
            break
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores"


def git_revision() -> tuple[str | None, bool | None]:
    """(revision, tracked files changed?) of the checkout the package lies in; (None, None) outside git."""
    folder = Path(__file__).resolve().parent

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
        return done.stdout.strip()

    try:
        # A package installed inside somebody else's checkout (a virtual environment there) is not that checkout's.
        git("ls-files", "--error-unmatch", str(Path(__file__).resolve()))
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return None, None


def _threads() -> int:
    if "torch" in sys.modules:
        return int(sys.modules["torch"].get_num_threads())
    return os.cpu_count() or 1


def device_name(device: str) -> str:
    """ "cuda (NVIDIA H200)", "cpu (AMD EPYC 9654, 2 cores)": a torch name with what its maker calls it."""
    if device.startswith("cuda") and "torch" in sys.modules:
        return f"{device} ({sys.modules['torch'].cuda.get_device_name(device)})"
    return f"{device} ({processor_name()})" if device.startswith("cpu") else device
