"""The simulated chairs as files in the layout of the rendered chairs: a PNG of 600 x 600 for every view."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from stbench.store.files import locked, storage_errors

from ..files import RENDERS, ROOT
from ..png import SIDE
from ..views import ALL
from .drawing import draw

COMPRESSION = 3
"""Of zlib: the pixels are the same at any."""


def write_chairs(seed: int, models: Mapping[str, int], folder: Path) -> None:
    """Write `folder/rendered_chairs/<model>/renders/...`; `folder` appears by one rename when it is complete.

    Nothing is done where it is there. Chairs that an interrupted writing finished are kept. Raises `StbenchError` while
    another process writes the same folder, or where there is no space.
    """
    if folder.is_dir():
        return
    part = folder.with_name(folder.name + ".part")
    with storage_errors(folder), locked(part, str(folder)):
        if not folder.is_dir():
            for model, number in models.items():
                _write_chair(seed, number, part / ROOT / model)
            (part / "lock").unlink()
            os.replace(part, folder)


def _write_chair(seed: int, number: int, folder: Path) -> None:
    from PIL import Image

    if folder.is_dir():
        return
    unfinished = folder.with_name(f".{folder.name}.partial")
    (unfinished / RENDERS).mkdir(parents=True, exist_ok=True)
    for view, pixels in zip(ALL, draw(seed, number, (0, 0, SIDE, SIDE), SIDE), strict=True):
        Image.fromarray(pixels).save(unfinished / RENDERS / view.name, compress_level=COMPRESSION)
    os.replace(unfinished, folder)
