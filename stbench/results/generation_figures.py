"""Pictures of generated clips: rows of frames side by side, as a strip (.png) and moving (.gif). Same input, same
bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stbench.errors import StbenchError
from stbench.results.colours import AMBER, SIMULATED

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.ImageDraw import ImageDraw

GAP = 4
LABEL = 118
HEADER = 40
INK = "#1F2328"
RULE = "#D0D7DE"


@dataclass(frozen=True)
class Row:
    """One clip and what it is."""

    label: str
    frames: np.ndarray
    """(time, channel, y, x) in [0, 1]; values outside are cut."""


def clip_rows(groups: Sequence[Sequence[Row]], out: Path, *, title: str, source: str = "", fps: int = 6) -> list[Path]:
    """Draw groups of rows, a rule between groups: `out` with the suffixes .png (all frames) and .gif (rows beside one
    another, moving); gives both.

    A shorter row of a GIF starts again. `StbenchError` for nothing to draw, or a file that cannot be written.
    """
    if not groups or not all(groups):
        raise StbenchError(f"there are no clips to draw into {out}")
    strip, film = out.with_suffix(".png"), out.with_suffix(".gif")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _strip(groups, title, source).save(strip)
        frames = _film(groups, title, source)
        frames[0].save(film, save_all=True, append_images=frames[1:], duration=round(1000 / fps), loop=0, optimize=True)
    except OSError as error:
        raise StbenchError(f"cannot write {out}: {error.strerror or error}") from None
    return [strip, film]


def _strip(groups: Sequence[Sequence[Row]], title: str, source: str) -> Picture:
    rows = [row for group in groups for row in group]
    height, width = rows[0].frames.shape[2:]
    longest = max(len(row.frames) for row in rows)
    size = (LABEL + longest * (width + GAP) + GAP, HEADER + sum(len(g) * (height + GAP) + 2 * GAP for g in groups))
    sheet, top = _sheet(size, title, source), HEADER
    for number, group in enumerate(groups):
        if number:
            _draw(sheet).line([(GAP, top), (size[0] - GAP, top)], fill=RULE)
        top += GAP
        for row in group:
            _write(sheet, (GAP + 2, top + height // 2), row.label, 12, INK, "lm")
            for column, frame in enumerate(row.frames):
                sheet.paste(_tile(frame), (LABEL + column * (width + GAP), top))
            top += height + GAP
        top += GAP
    return sheet


def _film(groups: Sequence[Sequence[Row]], title: str, source: str) -> list[Picture]:
    """One picture a time: a group is a line, its rows stand side by side under their labels."""
    from PIL import Image

    height, width = groups[0][0].frames.shape[2:]
    tile, line = max(2 * width, 96), 2 * height + 22
    size = (max(len(group) for group in groups) * (tile + GAP) + GAP, HEADER + len(groups) * line + GAP)
    size = (max(size[0], 460), size[1])
    ground = _sheet(size, title, source)
    for place, group in enumerate(groups):
        for column, row in enumerate(group):
            _write(ground, (GAP + column * (tile + GAP), HEADER + place * line + 8), row.label, 12, INK, "lm")
    pictures = []
    for time in range(max(len(row.frames) for group in groups for row in group)):
        picture = ground.copy()
        for place, group in enumerate(groups):
            for column, row in enumerate(group):
                frame = _tile(row.frames[time % len(row.frames)])
                where = (GAP + column * (tile + GAP), HEADER + place * line + 18)
                picture.paste(frame.resize((2 * width, 2 * height), 0), where)
        pictures.append(picture.quantize(128, dither=Image.Dither.NONE))
    return pictures


def _tile(frame: np.ndarray) -> Picture:
    from PIL import Image

    values = np.rint(255 * np.clip(np.moveaxis(frame, 0, -1), 0, 1)).astype(np.uint8)
    return Image.fromarray(np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values)


def _sheet(size: tuple[int, int], title: str, source: str) -> Picture:
    from PIL import Image

    sheet = Image.new("RGB", size, "#FFFFFF")
    _write(sheet, (GAP + 2, 15), title, 14, INK, "lm")
    if source == SIMULATED:
        _write(sheet, (GAP + 2, 31), SIMULATED, 12, AMBER, "lm")
    return sheet


def _draw(sheet: Picture) -> ImageDraw:
    from PIL import ImageDraw

    return ImageDraw.Draw(sheet)


def _write(sheet: Picture, place: tuple[int, int], text: str, size: int, colour: str, anchor: str) -> None:
    from PIL import ImageFont

    _draw(sheet).text(place, text, fill=colour, font=ImageFont.load_default(size), anchor=anchor)
