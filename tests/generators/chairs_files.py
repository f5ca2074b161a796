"""Trees of rendered chairs as they were given out: small, written by the tests."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

AZIMUTHS = (
    "000 011 023 034 046 058 069 081 092 104 116 127 139 150 162 174 185 197 209 220 232 243 255 267 278 290 301 313 "
    "325 336 348"
)
"""As published."""
NAMES = [
    f"image_{first + k:03d}_p{elevation}_t{azimuth}_r096.png"
    for first, elevation in ((0, "020"), (32, "030"))
    for k, azimuth in enumerate(AZIMUTHS.split())
]
MODELS = ("f0e1d2c3b4a5968778695a4b3c2d1e0f", "0123456789abcdef0123456789abcdef", "1a3b5c7d9e8f6a4b2c1d3e5f7a9b8c0")
"""The last one has lost a leading zero."""


def picture(model: str, view: int, side: int = 600) -> np.ndarray:
    """(side, side, 3) uint8: on white, a patch whose place says the view and whose colour says the model."""
    pixels = np.full((side, side, 3), 255, np.uint8)
    left, top = 110 + 5 * view, 120 + 4 * (view % 31)
    pixels[top : top + 150, left : left + 75] = list(bytes.fromhex(model[:6]))
    pixels[80:99], pixels[:, 501:] = 0, 40  # what the crop must leave out
    return pixels


def write_png(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, compress_level=1)


def write_tree(folder: Path, models: Sequence[str] = MODELS) -> Path:
    """`folder/rendered_chairs/<model>/renders/*.png` and the list of names that comes with it; gives the root."""
    root = folder / "rendered_chairs"
    for model in models:
        for view, name in enumerate(NAMES):
            write_png(root / model / "renders" / name, picture(model, view))
    (root / "all_chair_names.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    return root


def write_outline(folder: Path, models: Sequence[str] = MODELS) -> Path:
    """As `write_tree`, but only the first picture of each model is one."""
    root = folder / "rendered_chairs"
    for model in models:
        renders = root / model / "renders"
        renders.mkdir(parents=True)
        (renders / NAMES[0]).write_bytes(_first())
        for name in NAMES[1:]:
            (renders / name).write_bytes(b"x")
    return root


@lru_cache(maxsize=1)
def _first() -> bytes:
    import io

    buffer = io.BytesIO()
    Image.fromarray(picture(MODELS[0], 0)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
