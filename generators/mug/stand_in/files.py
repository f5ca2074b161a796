"""The simulated faces as files in the layout of MUG: a JPEG per photograph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stbench.files import atomic_folder, grow_folder

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

    Takes that an interrupted writing finished are kept. Another process that writes it is waited for. Raises
    `StbenchError` where there is no space.
    """

    def write(part: Path) -> None:
        for each in performances:
            _write_take(each, part / "subjects3" / each.take.folder)

    grow_folder(folder, write)


def _write_take(performance: Performance, folder: Path) -> None:
    from PIL import Image

    if folder.is_dir():
        return
    with atomic_folder(folder) as unfinished:
        for number in range(performance.n_frames):
            picture = Image.fromarray(photograph(performance, number))
            picture.save(unfinished / f"img_{number:04d}.jpg", quality=QUALITY, subsampling=0)
