"""The simulated chairs as files in the layout of the rendered chairs: a PNG of 600 x 600 for every view."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from stbench.files import atomic_folder, grow_folder

from ..files import RENDERS, ROOT
from ..png import SIDE
from ..views import ALL
from .drawing import draw

COMPRESSION = 3
"""Of zlib: the pixels are the same at any."""


def write_chairs(seed: int, models: Mapping[str, int], folder: Path) -> None:
    """Write `folder/rendered_chairs/<model>/renders/...`; `folder` appears by one rename when it is complete.

    Nothing is done where it is there. Chairs that an interrupted writing finished are kept. Another process that
    writes it is waited for. Raises `StbenchError` where there is no space.
    """

    def write(part: Path) -> None:
        for model, number in models.items():
            _write_chair(seed, number, part / ROOT / model)

    grow_folder(folder, write)


def _write_chair(seed: int, number: int, folder: Path) -> None:
    from PIL import Image

    if folder.is_dir():
        return
    with atomic_folder(folder) as unfinished:
        (unfinished / RENDERS).mkdir()
        for view, pixels in zip(ALL, draw(seed, number, (0, 0, SIDE, SIDE), SIDE), strict=True):
            Image.fromarray(pixels).save(unfinished / RENDERS / view.name, compress_level=COMPRESSION)
