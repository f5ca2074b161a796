"""Where things live, and how files are named. Nothing is written anywhere else."""

from __future__ import annotations

import os
from pathlib import Path

from stbench.arguments import local_path


def file_name(name: str) -> str:
    """A track, a model or a variant as a part of the name of a file."""
    return name.replace("/", "-").replace(":", ".")


def of_source(name: str, source: str) -> str:
    """The name of a file about data of a source: that of a stand-in says so."""
    return f"{name}-{source}" if source == "simulated" else name


def data_dir() -> Path:
    """Folder of built stores: `STBENCH_DATA`, by default the user's cache folder."""
    if value := os.environ.get("STBENCH_DATA"):
        return local_path(value)
    import platformdirs

    return Path(platformdirs.user_cache_dir("stbench")) / "stores"


def raw_dir() -> Path | None:
    """Folder of official raw files: `STBENCH_RAW`, or None where it is not set."""
    value = os.environ.get("STBENCH_RAW")
    return local_path(value) if value else None


def runs_dir() -> Path:
    """Folder of run records: `./runs`."""
    return Path("runs")
