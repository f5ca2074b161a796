"""Stand-in for the sheets of Sprites: jointed figures drawn layer by layer, in the layout of the official files.

Each layer is drawn on its own transparent sheet (832 x 1344, tiles of 64 x 64) from the same poses, so that any body,
trousers, shirt, hair and boots fit over each other. Only the tiles the dataset uses are drawn.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stbench.contract.datasets import fingerprint
from stbench.files import atomic_file
from stbench.paths import data_dir

from ..sheets import ACTIONS, COLUMNS, NAMES, ROWS, SHEET, SIMULATED, TILE, VIEWS, Sheets
from .pose import Limb, Pose, pose
from .tile import Colour, Tile, ellipse_mask, to_segment, xs, ys

VERSION = 1

SKINS: tuple[Colour, ...] = (
    (238, 192, 154),
    (222, 172, 122),
    (130, 158, 112),
    (120, 96, 168),
    (150, 98, 62),
    (88, 58, 44),
)
TROUSERS: tuple[Colour, ...] = (
    (232, 230, 224),
    (206, 158, 44),
    (186, 46, 48),
    (142, 150, 162),
    (30, 146, 142),
    (52, 54, 76),
)
TOPS: tuple[Colour, ...] = (
    (134, 34, 58),
    (36, 136, 148),
    (240, 240, 236),
    (172, 180, 194),
    (142, 92, 50),
    (66, 80, 160),
)
HAIRS: tuple[Colour, ...] = (
    (72, 168, 66),
    (48, 92, 206),
    (236, 208, 112),
    (238, 238, 244),
    (184, 30, 44),
    (138, 58, 178),
)
BOOTS: Colour = (214, 166, 46)


def _limb(tile: Tile, limb: Limb, radius: float, colour: Colour) -> None:
    tile.capsule(limb.root, limb.joint, radius, colour)
    tile.capsule(limb.joint, limb.end, radius - 0.5, colour)


def _far_first(limbs: tuple[Limb, Limb]) -> list[Limb]:
    return sorted(limbs, key=lambda limb: limb.near)


def _body(tile: Tile, body: Pose, value: int) -> None:
    skin = SKINS[value]
    arms = _far_first(body.arms)
    _limb(tile, arms[0], 3.0, skin)
    for leg in _far_first(body.legs):
        _limb(tile, leg, 3.75, skin)
    tile.trunk(body, 5.0 if body.side else 8.5, 4.5 if body.side else 6.5, 2.0, skin)
    _limb(tile, arms[1], 3.0, skin)
    x, y = body.head
    tile.ellipse((x, y), 8.0 if body.side else 8.75, 9.5, skin)
    eyes = ((x - 5, y + 1.5),) if body.side else ((x - 3.5, y + 1.5), (x + 3.5, y + 1.5))
    for eye in eyes:
        tile.stripe(ellipse_mask(eye, 1.4, 1.9), (30, 26, 40))
    tile.stripe(ellipse_mask((x - 4.5 if body.side else x, y + 6.0), 1.8, 0.8), (120, 52, 52))


def _bottomwear(tile: Tile, body: Pose, value: int) -> None:
    colour = TROUSERS[value]
    for leg in _far_first(body.legs):
        _limb(tile, leg, 4.5, colour)
    top = (body.hip[0], body.hip[1] + 0.5)
    tile.ellipse(top, 5.5 if body.side else 7.5, 4.5, colour)
    dark: Colour = (colour[0] // 2, colour[1] // 2, colour[2] // 2)
    if value in (1, 3):  # greaves: plates one below the other
        tile.stripe((ys.astype(int) % 5 == 0) & (ys > body.hip[1] + 4), dark)
    if value in (0, 2, 4):  # a belt
        tile.stripe((ys > body.hip[1] - 3) & (ys < body.hip[1] - 1), (92, 60, 34))


def _topwear(tile: Tile, body: Pose, value: int) -> None:
    colour, arms = TOPS[value], _far_first(body.arms)
    sleeves = value in (0, 1, 2, 5)
    if sleeves:
        _limb(tile, arms[0], 3.5, colour)
    tile.trunk(body, 5.75 if body.side else 9.25, 5.25 if body.side else 7.25, 1.0, colour)
    middle = abs(xs - body.hip[0])
    if value == 3:  # a breastplate with a rim
        tile.stripe((abs(ys - body.neck[1] - 8) < 1) | (middle < 0.75), (90, 96, 112))
    if value == 4:  # a leather jerkin with laces
        tile.stripe((middle < 1.5) & (ys.astype(int) % 3 == 0), (236, 214, 168))
    if value == 5:  # a formal shirt with a bright front
        tile.stripe((middle < 2.25) & (ys < body.hip[1]), (244, 244, 248))
    near = arms[1]
    if sleeves:
        _limb(tile, near, 3.5, colour)
        for arm in arms:  # hands are skin, which the body's sheet shows
            tile.clear(to_segment(arm.end, arm.end) < 2.75**2)
    else:
        for arm in (near,) if body.side else arms:
            tile.capsule(arm.root, arm.root, 4.0, colour)
            tile.clear(to_segment(arm.joint, arm.end) < 2.5**2)
        if body.side:
            tile.clear(to_segment(near.root, near.joint) < 2.0**2)


def _hair(tile: Tile, body: Pose, value: int) -> None:
    colour, (x, y), side = HAIRS[value], body.head, body.side
    back = 2.0 if side else 0.0
    face = ellipse_mask((x - (4.0 if side else 0.0), y + 3.5), 6.5, 6.5)
    if value == 0:  # messy: spikes
        for k in range(-3, 4):
            tile.capsule((x + back + 2.0 * k, y - 4.0), (x + back + 3.25 * k, y - 10.5 + 0.5 * abs(k)), 2.5, colour)
        tile.ellipse((x + back, y - 3.0), 9.5, 7.0, colour)
    elif value == 1:  # long, tied in a knot
        if side:
            tile.capsule((x + 6.5, y), (x + 8.0, y + 15.0), 4.5, colour)
        else:
            for sign in (-1, 1):
                tile.capsule((x + 8.0 * sign, y), (x + 8.5 * sign, y + 14.0), 2.75, colour)
        tile.ellipse((x + back, y - 2.0), 9.75, 9.5, colour)
        tile.ellipse((x + back + (3.0 if side else 0.0), y - 11.0), 4.0, 3.5, colour)
    elif value == 2:  # short, swept to one side
        tile.ellipse((x + back, y - 3.5), 9.75, 7.0, colour)
        tile.capsule((x - 6.0, y - 3.0), (x + 6.0, y - 7.0), 3.0, colour)
    elif value == 3:  # bangs: a straight fringe and sides to the chin
        tile.ellipse((x + back, y - 1.5), 10.0, 10.0, colour)
        for sign in (-1, 1):
            if not side or sign > 0:
                tile.capsule((x + back + 8.0 * sign, y), (x + back + 8.0 * sign, y + 8.0), 3.0, colour)
    elif value == 4:  # plain and close
        tile.ellipse((x + back, y - 2.5), 9.5, 8.0, colour)
    else:  # a round cloud
        tile.ellipse((x + back, y - 4.0), 13.5, 12.0, colour)
        tile.stripe(
            ((xs.astype(int) + 2 * ys.astype(int)) % 5 == 0),
            (colour[0] * 7 // 10, colour[1] * 7 // 10, colour[2] * 7 // 10),
        )
    tile.clear(face if value != 3 else face & (ys > y - 2.0))


def _shoes(tile: Tile, body: Pose, value: int) -> None:
    for leg in _far_first(body.legs):
        x, y = leg.end
        tile.capsule((x, y - 2.0), (x, y + 0.25), 3.75, BOOTS)
        if body.side:
            tile.capsule((x, y + 0.75), (x - 3.5, y + 0.75), 2.75, BOOTS)


PAINTERS = {"body": _body, "bottomwear": _bottomwear, "topwear": _topwear, "hair": _hair, "shoes": _shoes}


def draw_sheet(layer: str, value: int) -> np.ndarray:
    """(1344, 832, 4) uint8 RGBA: one sheet with the tiles of all actions and views of the dataset."""
    sheet = np.zeros((SHEET[1], SHEET[0], 4), np.uint8)
    for action in ACTIONS:
        for view in VIEWS:
            for column in sorted(set(COLUMNS[action])):
                tile = Tile()
                PAINTERS[layer](tile, pose(action, view, column), value)
                pixels = tile.pixels[:, ::-1] if view == "right" else tile.pixels
                row = ROWS[action][view]
                sheet[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE] = pixels
    return sheet


def raw_folder() -> Path:
    """Where the stand-in's files lie, written or not."""
    key = fingerprint({"sheets": VERSION})[:8]
    return data_dir() / "raw" / f"sprites-simulated-{key}"


def simulated_sheets() -> Sheets:
    """The stand-in's sheets, written or not (`write_sheets` writes them)."""
    return Sheets(f"simulated, version {VERSION}", SIMULATED, tuple(raw_folder() / name for name in NAMES))


def write_sheets(folder: Path | None = None) -> Path:
    """Write those of the 25 sheets that are not there, each as a whole: an interrupted run goes on where it was."""
    from PIL import Image

    folder = raw_folder() if folder is None else folder
    for name in NAMES:
        final = folder / name
        if final.is_file():
            continue
        layer, value = final.parent.name, int(final.stem)
        with atomic_file(final) as part:
            Image.fromarray(draw_sheet(layer, value)).save(part, format="PNG")
    return folder
