"""The simulated faces as files in the layout of MUG: a JPEG per photograph."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stbench.store.files import locked, storage_errors

from ..index import SIDE
from .faces import Performance

DRAWN = SIDE // 2
"""Side at which a photograph is drawn before it is enlarged."""
QUALITY = 95


def photograph(performance: Performance, number: int) -> np.ndarray:
    """(896, 896, 3) uint8."""
    from PIL import Image

    picture = Image.fromarray(performance.draw(number, 0.0, 0.0, SIDE / DRAWN, DRAWN))
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def write_faces(performances: Sequence[Performance], folder: Path) -> None:
    """Write `folder/subjects3/...`; `folder` appears by one rename when it is complete; nothing is done where it is
    there.

    Takes that an interrupted writing finished are kept. Raises `StbenchError` while another process writes the same
    folder, or where there is no space.
    """
    if folder.is_dir():
        return
    part = folder.with_name(folder.name + ".part")
    with storage_errors(folder), locked(part, str(folder)):
        if not folder.is_dir():
            for each in performances:
                _write_take(each, part / "subjects3" / each.take.folder)
            (part / "lock").unlink()
            os.replace(part, folder)


def _write_take(performance: Performance, folder: Path) -> None:
    from PIL import Image

    if folder.is_dir():
        return
    unfinished = folder.with_name(f".{folder.name}.partial")
    unfinished.mkdir(parents=True, exist_ok=True)
    for number in range(performance.n_frames):
        picture = Image.fromarray(photograph(performance, number))
        picture.save(unfinished / f"img_{number:04d}.jpg", quality=QUALITY, subsampling=0)
    os.replace(unfinished, folder)
