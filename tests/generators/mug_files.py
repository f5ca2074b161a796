"""MUG trees as they are given out: small, written by the tests, with all their irregularities."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

TAKES: dict[str, int] = {
    "008/anger/take000": 9,
    "008/anger/take001": 6,
    "008/anger/take010": 5,
    "008/happiness": 7,
    "008/neutral/take000": 8,
    "077/anger/take000": 6,
    "077/surprise/take003": 5,
    "001/fear/take000": 12,
    "002/session0/anger/take000": 6,
    "002/session1/anger/take000": 7,
}
"""Number of photographs of each folder. Subject 008: take010 comes after take001, and happiness has no takes."""
SMALL = {"subjects": ("008", "077", "001", "002"), "shortest": 4, "size": 16, "side": 64, "crop": (8, 4, 48)}


def picture(folder: str, number: int, side: int = 64) -> np.ndarray:
    """(side, side, 3) uint8: a bright patch that moves over a smooth ramp, of another colour for each folder."""
    place = sum(map(ord, folder))
    y, x = np.mgrid[:side, :side]
    base = np.stack([(x + y + place) % 160, (2 * y + place) % 200, (x + 3 * place) % 180], axis=-1) // 4 + 60
    at = (place + 3 * number) % (side // 2) + side // 4
    inside = (np.abs(x - at) < side // 6) & (np.abs(y - side // 2) < side // 5)
    return np.where(inside[..., None], [220, 180, 150], base).astype(np.uint8)


def write_tree(root: Path, takes: Mapping[str, int] = TAKES, side: int = 64) -> Path:
    """`root/subjects3/<folder>/img_%04d.jpg`, an .avi at the end of each folder, and some empty folders."""
    top = root / "subjects3"
    for folder, count in takes.items():
        (top / folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            name = f"img_{number + 10}.jpg" if folder.endswith("take001") else f"img_{number:04d}.jpg"
            Image.fromarray(picture(folder, number, side)).save(top / folder / name, quality=92)
        (top / folder / "take.avi").write_bytes(b"RIFF")
    (top / "008" / "sadness").mkdir(parents=True, exist_ok=True)
    (top / "077" / "fear" / "take000").mkdir(parents=True, exist_ok=True)
    (top / "008" / "anger" / "take000" / "Thumbs.db").write_bytes(b"x")
    (top / "008" / "anger" / "take000" / "._img_0000.jpg").write_bytes(b"x")
    return root
