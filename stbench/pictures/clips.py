"""Pictures of generated clips: rows of frames side by side, as a strip (.png) and moving (.gif). Same input, same
bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stbench.errors import StbenchError
from stbench.files import atomic_file
from stbench.pictures.colours import AMBER, SIMULATED

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.ImageDraw import ImageDraw

GAP = 4
LABEL = 118
HEADER = 40
TITLE = 14
SIDE = 128
"""Pixels of a tile of the grid, about."""
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
    return _saved(out, _strip(groups, title, source), _film(groups, title, source), fps)


def fusion_grid(
    content: np.ndarray, motion: np.ndarray, made: np.ndarray, out: Path, *, title: str, source: str = "", fps: int = 6
) -> list[Path]:
    """Draw every content in every motion: `out` with the suffixes .png (the last frame) and .gif (moving); gives both.

    First column `content` (n, channel, y, x), first row `motion` (m, time, channel, y, x), the rest `made` (n, m, time,
    channel, y, x); values in [0, 1]. `StbenchError` for shapes that do not fit, or a file that cannot be written.
    """
    if made.shape[:3] != (len(content), *motion.shape[:2]) or not made.size:
        raise StbenchError(
            f"a grid of {len(content)} contents and motions {motion.shape[:2]} has pictures (content, motion, time), "
            f"not {made.shape[:3]}"
        )
    pictures = [_fusion(content, motion[:, k], made[:, :, k], title, source) for k in range(motion.shape[1])]
    return _saved(out, pictures[-1], [_palette(each) for each in pictures], fps)


def _fusion(content: np.ndarray, motion: np.ndarray, made: np.ndarray, title: str, source: str) -> Picture:
    """One moment: contents down, motions across; between them and what was made runs a rule."""
    height, width = content.shape[2:]
    enlarged = max(1, SIDE // width)
    height, width = enlarged * height, enlarged * width
    apart = 3 * GAP
    corner = (GAP + width + apart, HEADER + height + apart)
    size = (corner[0] + made.shape[1] * (width + GAP), corner[1] + made.shape[0] * (height + GAP))
    sheet = _sheet((max(size[0], _title_width(title)), size[1]), title, source)

    def put(frame: np.ndarray, left: int, top: int) -> None:
        sheet.paste(_tile(frame).resize((width, height), 0), (left, top))

    _write(sheet, (GAP + width, HEADER + height // 2 - 8), "motion", 12, INK, "rm")
    _write(sheet, (GAP, HEADER + height - 8), "content", 12, INK, "lm")
    for column, frame in enumerate(motion):
        put(frame, corner[0] + column * (width + GAP), HEADER)
    for row, frame in enumerate(content):
        put(frame, GAP, corner[1] + row * (height + GAP))
        for column in range(made.shape[1]):
            put(made[row, column], corner[0] + column * (width + GAP), corner[1] + row * (height + GAP))
    half = (apart - GAP) // 2 + GAP // 2
    _draw(sheet).line([(GAP, corner[1] - half), (size[0] - GAP, corner[1] - half)], fill=RULE)
    _draw(sheet).line([(corner[0] - half, HEADER), (corner[0] - half, size[1] - GAP)], fill=RULE)
    return sheet


def _saved(out: Path, still: Picture, film: Sequence[Picture], fps: int) -> list[Path]:
    paths = [out.with_name(out.name + suffix) for suffix in (".png", ".gif")]
    try:
        with atomic_file(paths[0]) as part:
            still.save(part)
        duration = round(1000 / fps)
        with atomic_file(paths[1]) as part:
            film[0].save(part, save_all=True, append_images=film[1:], duration=duration, loop=0, optimize=True)
    except OSError as error:
        raise StbenchError(f"cannot write {out}: {error.strerror or error}") from None
    return paths


def _strip(groups: Sequence[Sequence[Row]], title: str, source: str) -> Picture:
    rows = [row for group in groups for row in group]
    height, width = rows[0].frames.shape[2:]
    longest = max(len(row.frames) for row in rows)
    size = (LABEL + longest * (width + GAP) + GAP, HEADER + sum(len(g) * (height + GAP) + 2 * GAP for g in groups))
    size = (max(size[0], _title_width(title)), size[1])
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
    height, width = groups[0][0].frames.shape[2:]
    tile, line = max(2 * width, 96), 2 * height + 22
    size = (max(len(group) for group in groups) * (tile + GAP) + GAP, HEADER + len(groups) * line + GAP)
    size = (max(size[0], 460, _title_width(title)), size[1])
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
        pictures.append(_palette(picture))
    return pictures


def _palette(picture: Picture) -> Picture:
    from PIL import Image

    return picture.quantize(128, dither=Image.Dither.NONE)


def _tile(frame: np.ndarray) -> Picture:
    from PIL import Image

    values = np.rint(255 * np.clip(np.moveaxis(frame, 0, -1), 0, 1)).astype(np.uint8)
    return Image.fromarray(np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values)


def _sheet(size: tuple[int, int], title: str, source: str) -> Picture:
    from PIL import Image

    sheet = Image.new("RGB", size, "#FFFFFF")
    _write(sheet, (GAP + 2, 15), title, TITLE, INK, "lm")
    if source == SIMULATED:
        _write(sheet, (GAP + 2, 31), SIMULATED, 12, AMBER, "lm")
    return sheet


def _title_width(title: str) -> int:
    """Pixels of a sheet on which a title is not cut."""
    from PIL import ImageFont

    return math.ceil(ImageFont.load_default(TITLE).getlength(title)) + 4 * GAP


def _draw(sheet: Picture) -> ImageDraw:
    from PIL import ImageDraw

    return ImageDraw.Draw(sheet)


def _write(sheet: Picture, place: tuple[int, int], text: str, size: int, colour: str, anchor: str) -> None:
    from PIL import ImageFont

    _draw(sheet).text(place, text, fill=colour, font=ImageFont.load_default(size), anchor=anchor)
