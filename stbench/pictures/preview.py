"""A look at a dataset: sequences side by side, moving (.gif) or as a contact strip (.png). Same store, same bytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stbench import arguments
from stbench.errors import StbenchError
from stbench.files import atomic_file
from stbench.pictures.colours import AMBER, SIMULATED, colour_scale

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

    from stbench.store.reader import Store

TILE = 176
"""Wanted side of a tile in pixels; an image frame is enlarged by the whole factor that comes nearest."""
GAP = 6
HEADER = 34
FOOTER = 22
BACKGROUND = "#FFFFFF"
INK = "#1F2328"
FAINT = "#6E7781"
DARK = "#2B2F36"
EDGE = "#D0D7DE"
GIF_FRAMES = 75
STRIP_COLUMNS = 8

Tiler = Callable[[np.ndarray], np.ndarray]
"""One frame (channel, y, x) or (sensor,) -> a tile (height, width, 3) uint8."""


@dataclass(frozen=True)
class _Look:
    """What is drawn: frames (sequence, time, *frame), the numbers of both, and how a frame becomes a tile.

    A GIF shows the same frames of all sequences, and one that is over stands still; a strip spreads its columns over
    each sequence.
    """

    store: Store
    sequences: tuple[int, ...]
    times: tuple[int, ...]
    frames: np.ndarray
    tiler: Tiler
    when: Sequence[str]
    """Label of each of `times`."""


def preview(
    store: Store,
    out: Path,
    *,
    sequences: int | Sequence[int] | np.ndarray = 6,
    frames: int | None = None,
    fps: int = 15,
) -> Path:
    """Write an animated `.gif` (sequences tiled, looped) or a `.png` strip (a row a sequence, time to the right).

    `sequences`: how many, spread evenly over the store, or which. `frames`: at most so many of the time axis, spread
    evenly (75 for a GIF, 8 for a strip). Vectors with positions are drawn as points in the plane, others as a line.
    Raises `StbenchError` for another suffix, a sequence that is not there, or a file that cannot be written.
    """
    out = Path(out)
    suffix = out.suffix.lower()
    if suffix not in {".gif", ".png"}:
        raise StbenchError(f"a preview is written as .gif or .png, not as '{out.name}': choose such a name")
    fps = arguments.whole("fps", fps, 1)
    frames = arguments.whole("frames", frames, 1) if frames is not None else None
    lengthwise = suffix == ".png" and store.row_size is not None
    look = (_look_lengthwise if lengthwise else _look)(
        store, _chosen(store, sequences), frames or (GIF_FRAMES if suffix == ".gif" else STRIP_COLUMNS)
    )
    try:
        with atomic_file(out) as part:
            if suffix == ".png":
                _strip(look).save(part)
            else:
                _animation(look, part, fps)
    except OSError as error:
        raise StbenchError(f"cannot write {out}: {error.strerror or error}") from None
    return out


def _chosen(store: Store, sequences: int | Sequence[int] | np.ndarray) -> tuple[int, ...]:
    n = store.n_sequences
    if isinstance(sequences, Sequence | np.ndarray):
        wanted = tuple(map(int, sequences))
    else:
        wanted = _evenly(n, arguments.whole("sequences", sequences, 1))
    for each in wanted:
        if not 0 <= each < n:
            raise StbenchError(f"there is no sequence {each} in {store.path}: it has 0 to {n - 1}")
    if not wanted:
        raise StbenchError("a preview wants at least one sequence")
    return wanted


def _look(store: Store, wanted: tuple[int, ...], frames: int) -> _Look:
    """The same times of all; a sequence that is over before the longest one shows its last frame."""
    row_size = store.row_size
    times = _evenly(store.n_frames if row_size is None else int(row_size[list(wanted)].max()), frames)
    # Only what is drawn is held: a sequence at a time, thinned at once.
    whole = (np.asarray(store.read(int(each))) for each in wanted)
    values = np.stack([each[np.minimum(times, len(each) - 1)] for each in whole])
    return _Look(store, wanted, times, values, _tiler(store, values), _time_labels(store, times))


def _look_lengthwise(store: Store, wanted: tuple[int, ...], frames: int) -> _Look:
    """Sequences of different length, each from its first frame to its last."""
    shares = np.linspace(0, 1, frames)
    whole = (np.asarray(store.read(int(each))) for each in wanted)
    values = np.stack([each[np.rint(shares * (len(each) - 1)).astype(int)] for each in whole])
    labels = [f"{share:.0%} of its length" for share in shares]
    return _Look(store, wanted, tuple(range(frames)), values, _tiler(store, values), labels)


def _evenly(n: int, count: int) -> tuple[int, ...]:
    return tuple(sorted({round(float(k)) for k in np.linspace(0, n - 1, min(count, n))})) if count > 0 else ()


def _time_labels(store: Store, times: Sequence[int]) -> list[str]:
    """ "t = 0.12 s" or a date where the store has such a time axis, else the number of the frame."""
    coordinates = store.to_xarray().coords
    if "time" in coordinates and np.issubdtype(coordinates["time"].dtype, np.floating):
        unit = coordinates["time"].attrs.get("units", "")
        values = coordinates["time"].values
        step = float(np.diff(values[list(times)]).min()) if len(times) > 1 else 1.0
        digits = min(6, max(0, math.ceil(-math.log10(step)))) if step > 0 else 3
        return [f"t = {values[k]:.{digits}f} {'' if unit == '1' else unit}".rstrip() for k in times]
    if "time" in coordinates and np.issubdtype(coordinates["time"].dtype, np.datetime64):
        return [str(coordinates["time"].values[k].astype("datetime64[D]")) for k in times]
    return [f"frame {k + 1} of {store.n_frames}" for k in times]


def _tiler(store: Store, values: np.ndarray) -> Tiler:
    if values.ndim == 3:
        places = _sensor_places(store)
        return _points(places, values) if places is not None else _line(values)
    if values.dtype == np.uint8 and values.shape[2] in (1, 3):
        return _photograph(values)
    return _coloured_image(values) if values.shape[2] == 3 else _scalar_image(values[:, :, 0])


def _sensor_places(store: Store) -> np.ndarray | None:
    """(sensor, 2) y and x of the sensors, or None where the store does not say."""
    coordinates = store.to_xarray().coords
    for y, x in (("y", "x"), ("sensor_y", "sensor_x"), ("latitude", "longitude")):
        if y in coordinates and x in coordinates and coordinates[y].dims == ("sensor",):
            return np.stack([coordinates[y].values, coordinates[x].values], axis=1).astype(np.float64)
    return None


def _factor(height: int, width: int) -> int:
    return max(1, round(TILE / max(height, width)))


def _scalar_image(values: np.ndarray) -> Tiler:
    """Values are enlarged before they are coloured, so that no colour appears that the map does not have."""
    from PIL import Image

    scale = colour_scale(values)
    height, width = values.shape[-2:]
    size = (width * _factor(height, width), height * _factor(height, width))

    def tile(frame: np.ndarray) -> np.ndarray:
        large = Image.fromarray(frame[0].astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
        return scale.rgb(np.asarray(large))

    return tile


def _photograph(values: np.ndarray) -> Tiler:
    """Bytes are what a camera or a pen gave: shown as they are, grey or in colour."""
    factor = _factor(*values.shape[-2:])

    def tile(frame: np.ndarray) -> np.ndarray:
        pixels = np.broadcast_to(np.moveaxis(frame, 0, -1), (*frame.shape[1:], 3))
        return np.asarray(pixels.repeat(factor, axis=0).repeat(factor, axis=1))

    return tile


def _coloured_image(values: np.ndarray) -> Tiler:
    factor = _factor(*values.shape[-2:])

    def tile(frame: np.ndarray) -> np.ndarray:
        pixels = np.rint(np.clip(np.moveaxis(frame, 0, -1), 0, 1) * 255).astype(np.uint8)
        return np.asarray(pixels.repeat(factor, axis=0).repeat(factor, axis=1))

    return tile


def _points(places: np.ndarray, values: np.ndarray) -> Tiler:
    from PIL import Image, ImageDraw

    scale, oversampling = colour_scale(values), 2
    side, margin = TILE * oversampling, 10 * oversampling
    low = places.min(axis=0)
    span = float(np.ptp(places, axis=0).max()) or 1.0
    # y grows downwards, as in the images the sensors were taken from.
    centres = margin + (places - low) / span * (side - 2 * margin)
    radius = max(1.5, min(6.0, 0.3 * TILE / np.sqrt(len(places)))) * oversampling

    def tile(frame: np.ndarray) -> np.ndarray:
        picture = Image.new("RGB", (side, side), DARK)
        draw = ImageDraw.Draw(picture)
        for (y, x), colour in zip(centres.tolist(), scale.rgb(frame).tolist(), strict=True):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=tuple(colour), outline=DARK)
        return np.asarray(picture.resize((TILE, TILE), Image.Resampling.LANCZOS))

    return tile


def _line(values: np.ndarray) -> Tiler:
    from PIL import Image, ImageDraw

    oversampling = 4
    side, margin = TILE * oversampling, 10 * oversampling
    low, high = float(values.min()), float(values.max())
    span = (high - low) or 1.0

    def tile(frame: np.ndarray) -> np.ndarray:
        picture = Image.new("RGB", (side, side), "#F6F8FA")
        x = np.linspace(margin, side - margin, len(frame))
        y = side - margin - (frame - low) / span * (side - 2 * margin)
        ImageDraw.Draw(picture).line(list(zip(x.tolist(), y.tolist(), strict=True)), fill="#0072B2", width=6)
        return np.asarray(picture.resize((TILE, TILE), Image.Resampling.LANCZOS))

    return tile


def _font(size: int, *, bold: bool = False) -> FreeTypeFont:
    """DejaVu Sans as it comes with matplotlib: the same letters on every machine."""
    import matplotlib
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)


def _header(draw: ImageDraw, look: _Look, width: int, right: str = "") -> None:
    """Dataset and version to the left, `right` to the right, the badge of a stand-in after the name."""
    store = look.store
    bold, plain = _font(14, bold=True), _font(12)
    x = float(GAP)
    for text, font, colour in (
        (store.dataset, bold, INK),
        (f"version {store.version}", plain, FAINT),
        (SIMULATED if store.source == SIMULATED else "", bold, AMBER),
    ):
        draw.text((x, HEADER - 10), text, fill=colour, font=font, anchor="ls")
        x += draw.textlength(text, font=font) + 8 if text else 0
    end = draw.textlength(right, font=plain)
    if x + end < width:
        draw.text((width - GAP, HEADER - 10), right, fill=INK, font=plain, anchor="rs")


def _paste(picture: Picture, draw: ImageDraw, tile: np.ndarray, x: int, y: int) -> None:
    """A tile with a hairline around it, so that a pale one has an edge."""
    from PIL import Image

    height, width = tile.shape[:2]
    picture.paste(Image.fromarray(tile), (x, y))
    draw.rectangle((x - 1, y - 1, x + width, y + height), outline=EDGE)


def _strip(look: _Look) -> Picture:
    from PIL import Image, ImageDraw

    tiles = [[look.tiler(frame) for frame in sequence] for sequence in look.frames]
    height, width = tiles[0][0].shape[:2]
    font = _font(12)
    left = 30 + int(max(font.getlength(str(each)) for each in look.sequences))
    size = (left + len(look.times) * (width + GAP), HEADER + FOOTER + len(tiles) * (height + GAP))
    picture = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(picture)
    _header(draw, look, size[0], "one row a sequence")
    for column, label in enumerate(look.when):
        x = left + column * (width + GAP)
        draw.text((x + width / 2, HEADER + FOOTER - 7), label, fill=FAINT, font=font, anchor="ms")
    for row, number in enumerate(look.sequences):
        y = HEADER + FOOTER + row * (height + GAP)
        draw.text((left - 8, y + height / 2), f"#{number}", fill=FAINT, font=font, anchor="rm")
        for column, tile in enumerate(tiles[row]):
            _paste(picture, draw, tile, left + column * (width + GAP), y)
    return picture


def _animation(look: _Look, out: Path, fps: int) -> None:
    from PIL import Image

    pictures = [_mosaic(look, k) for k in range(len(look.times))]
    # One palette for all frames, from frames spread over time: colours do not flicker.
    some = [pictures[k] for k in _evenly(len(pictures), 6)]
    width, height = some[0].size
    sheet = Image.new("RGB", (width, height * len(some)))
    for k, picture in enumerate(some):
        sheet.paste(picture, (0, k * height))
    palette = sheet.quantize(colors=256, method=Image.Quantize.MEDIANCUT)
    indexed = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    # The last frame rests, so that a viewer sees where a sequence ends.
    durations = [round(1000 / fps / 10) * 10] * (len(indexed) - 1) + [800]
    indexed[0].save(out, save_all=True, append_images=indexed[1:], duration=durations, loop=0, disposal=1)


def _mosaic(look: _Look, k: int) -> Picture:
    from PIL import Image, ImageDraw

    tiles = [look.tiler(sequence[k]) for sequence in look.frames]
    height, width = tiles[0].shape[:2]
    columns = min(len(tiles), 3 if len(tiles) <= 6 else 4)
    rows = -(-len(tiles) // columns)
    size = (GAP + columns * (width + GAP), HEADER + rows * (height + FOOTER) + GAP)
    picture = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(picture)
    _header(draw, look, size[0], look.when[k])
    for place, (number, tile) in enumerate(zip(look.sequences, tiles, strict=True)):
        x = GAP + place % columns * (width + GAP)
        y = HEADER + place // columns * (height + FOOTER)
        _paste(picture, draw, tile, x, y)
        draw.text((x + width / 2, y + height + 14), f"sequence {number}", fill=FAINT, font=_font(11), anchor="ms")
    return picture
