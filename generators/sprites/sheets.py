"""The sheets of Sprites: which files, checked and read once per process, composited to characters.

A sheet has 13 columns and 21 rows of 64 x 64 tiles. A character is its body, bottomwear, topwear and hair sheet and the
golden boots, alpha-composited in this order on opaque black (Li and Mandt 2018, github YingzhenLi/Sprites).
"""

from __future__ import annotations

import io
import struct
import threading
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from stbench.errors import StbenchError
from stbench.raw.files import RawFile, read, require
from stbench.raw.png import SIGNATURE, check_chunks

TILE = 64
SHEET = (832, 1344)
"""Width and height in pixels."""
LAYERS = ("body", "bottomwear", "topwear", "hair")
VALUES = 6
CHARACTERS = VALUES ** len(LAYERS)
SHOES = "shoes/1.png"
ACTIONS = ("walk", "spellcast", "slash")
VIEWS = ("front", "left", "right")
FRAMES = 8
COLUMNS = {
    "walk": (8, 1, 2, 3, 4, 5, 6, 7),
    "spellcast": (0, 1, 2, 3, 4, 5, 4, 6),
    "slash": (0, 1, 2, 3, 4, 5, 4, 0),
}
"""Column of the sheet of each frame; the standing figure in column 0 of the walk is never used."""
ROWS = {
    "walk": {"left": 9, "front": 10, "right": 11},
    "spellcast": {"left": 1, "front": 2, "right": 3},
    "slash": {"left": 13, "front": 14, "right": 15},
}
TILES = tuple((ROWS[action][view], column) for action in ACTIONS for view in VIEWS for column in COLUMNS[action])
"""Row and column of the 72 tiles of a character: action by action, view by view, frame by frame."""
ALIASES = ("sprites/sheets", "Sprites", "sheets")
LICENCE = "CC BY-SA 3.0 or GPL 3.0, the artists of the Liberated Pixel Cup (see the card)"
COMMIT = "3ce4048c5227802bd8f1888e293fd3afdba91c0c"
MOST_BYTES = 8 << 20
_AGAIN = "delete it and get it again (`stbench fetch sprites`; the simulated sheets are written again by themselves)"
_SHA256 = {
    "body/0.png": (33734, "27d1ac78db37c42f35a20d15c42705efc5e58d47c236cc01423879d4f797f151"),
    "body/1.png": (32036, "1535e9228357b884df80f777a0d1dac10ac35e550e4d8d077105ccad014a1460"),
    "body/2.png": (33247, "7c241033b4897501cb3721b6c3a9ebfa94b13db10a539edbd9bcc3e0c2a4bcb9"),
    "body/3.png": (33232, "055f5aa33fc112d8444b42fce2cf50608a9fbbf2466c54ceaa46c777589a717a"),
    "body/4.png": (33226, "57f3b9c510482379aba9a32fc0de7d48e9cbe3dc40f2447283547f773b77ca72"),
    "body/5.png": (31114, "91e49453aeab5ebbb4fd2b48253812895dcfb4cb1829b84e24425c66de8f04ff"),
    "bottomwear/0.png": (7581, "4ec356c488e272fde2d2d0d722b12a80217871e41161d43ba784caf243969ec2"),
    "bottomwear/1.png": (8304, "0674312eaa4ab548f8bb31ef95d7dbd46b41555758cec51bd6c3e9fac9a0f936"),
    "bottomwear/2.png": (7585, "3b464feb0d20ff34b0ca2a6d1fd00766ad86e2229c3d56ff91379fe27588a893"),
    "bottomwear/3.png": (8227, "b366e84ea0519d06cf693f51e0ee2f9ac32b3132d27c75dfdc4b6f52fca072de"),
    "bottomwear/4.png": (8322, "4ed7e7702e4f50b9692c0043be04b7296a108d85ea97230fb50d13c150d98771"),
    "bottomwear/5.png": (5375, "a5c5e7e33f13fe5ad37b5836a5a74fb0d2094a0877c2146961b88688ff85840d"),
    "topwear/0.png": (15643, "b917edcf2b3c35d51ef57a6fad67557c5edf048785bea29db09a640d09ac9a90"),
    "topwear/1.png": (15643, "e33c6cb31ed1268a2c0dc73b665b1c9b9420e22baf3321880222bdb22682368b"),
    "topwear/2.png": (15643, "2b9b8fefa08894b7ea536cd62b86d494aefe6e54495c5c1d83460827b13b6448"),
    "topwear/3.png": (10561, "807f5b628592f6747e2814be9435963069dba6c360577168c02f57bbe903433d"),
    "topwear/4.png": (10940, "b51b17878503877e179ce4f9231713bf2b2d2d666c3ec9ee29f4e784469867a2"),
    "topwear/5.png": (25293, "1b6049d43f83ebfda857cc405d1936ac9fd80be480fa6ad239024a6a75ad0372"),
    "hair/0.png": (8049, "e4007b0635a239ad16cdebfe90759349ccc73dfc6836c9d19625714be185f43d"),
    "hair/1.png": (8751, "fa6369f84d3310705df6d8ca8c9d515a7d211e73d2826c50a9cb5bb285652c66"),
    "hair/2.png": (8360, "1b8046752be7233e829ebe9b11048e171d8d181ee6f68e07042b34f57bb8af0d"),
    "hair/3.png": (8337, "333783285c5fd94ff434ae5000d2da39aac7940269f173119eaa70d34c8acfa1"),
    "hair/4.png": (7363, "24df8e9b291cbd444f6c4d12d35b3d43d909cd13f04e6401e0fd8ab10216d5a2"),
    "hair/5.png": (8236, "4dd471cc20e0b1cf71adcaab01c88598767e5cfe680adacdf560ca91574f17ae"),
    "shoes/1.png": (5504, "d56a561616a20a12030d2d40a52eeec63e6d048871bf3b6994221869362151f1"),
}


def _official(name: str) -> RawFile:
    size, digest = _SHA256[name]
    mirrors = (
        f"https://raw.githubusercontent.com/YingzhenLi/Sprites/{COMMIT}/{name}",
        f"https://cdn.jsdelivr.net/gh/YingzhenLi/Sprites@{COMMIT}/{name}",
    )
    return RawFile(name, size, f"sha256:{digest}", "file", mirrors, LICENCE)


NAMES = tuple(_SHA256)
OFFICIAL = tuple(_official(name) for name in NAMES)
SIMULATED = tuple(RawFile(name) for name in NAMES)
"""No checksum: the bytes of a PNG depend on who compresses it, its pixels do not."""


@dataclass(frozen=True)
class Sheets:
    """The 25 sheets of one source, in the order of `NAMES`."""

    origin: str
    """Which sheets these are; part of the identity of what is made from them."""
    specs: tuple[RawFile, ...]
    paths: tuple[Path, ...]

    def character(self, number: int) -> np.ndarray:
        """All 72 frames of a character, body·216 + bottomwear·36 + topwear·6 + hair: (9, 8, 3, 64, 64) uint8."""
        strips = self.strips()
        canvas = Image.new("RGBA", (TILE, TILE * len(TILES)), (0, 0, 0, 255))
        names = [f"{layer}/{value}.png" for layer, value in zip(LAYERS, attributes(number), strict=True)]
        for name in (*names, SHOES):
            canvas.alpha_composite(strips[name])
        pixels = np.asarray(canvas)[..., :3].reshape(len(ACTIONS) * len(VIEWS), FRAMES, TILE, TILE, 3)
        return np.ascontiguousarray(np.moveaxis(pixels, -1, 2))

    def pose(self, number: int) -> np.ndarray:
        """All 1,296 characters in pose 3·action + view: (1296, 8, 3, 64, 64) uint8, frames as `character` has them.

        Figures that share their lower layers share the work: they are put on each other once.
        """
        tall = TILE * FRAMES
        box = (0, number * tall, TILE, (number + 1) * tall)
        strips = {name: strip.crop(box) for name, strip in self.strips().items()}
        figures = [Image.new("RGBA", (TILE, tall), (0, 0, 0, 255))]
        for layer in LAYERS:
            upper = [strips[f"{layer}/{value}.png"] for value in range(VALUES)]
            figures = [Image.alpha_composite(figure, each) for figure in figures for each in upper]
        found = np.empty((len(figures), FRAMES, 3, TILE, TILE), np.uint8)
        for k, figure in enumerate(figures):
            pixels = np.asarray(Image.alpha_composite(figure, strips[SHOES]))[..., :3]
            found[k] = np.moveaxis(pixels.reshape(FRAMES, TILE, TILE, 3), -1, 1)
        return found

    def strips(self) -> dict[str, Image.Image]:
        """Name -> the 72 used tiles of a sheet under each other; `StbenchError` for a wrong file. Read once."""
        with _LOADING:
            return _strips(self)


_LOADING = threading.Lock()
"""Two threads that need the sheets at once read them once."""


@lru_cache(maxsize=2)
def _strips(sheets: Sheets) -> dict[str, Image.Image]:
    found = {}
    for spec, path in zip(sheets.specs, sheets.paths, strict=True):
        sheet = open_sheet(read(path, spec, MOST_BYTES), path)
        strip = Image.new("RGBA", (TILE, TILE * len(TILES)))
        for k, (row, column) in enumerate(TILES):
            box = (column * TILE, row * TILE, (column + 1) * TILE, (row + 1) * TILE)
            strip.paste(sheet.crop(box), (0, k * TILE))
        found[spec.name] = strip
    return found


def open_sheet(data: bytes, path: Path) -> Image.Image:
    """A sheet as RGBA; `StbenchError` naming `path` for what is no PNG, damaged, opaque, or of another size or depth.

    Palette and grey sheets are as good as RGBA ones as long as they have transparent pixels.
    """
    size, depth = _header(data, path)
    if size != SHEET:
        found, wanted = (" x ".join(map(str, each)) for each in (size, SHEET))
        raise StbenchError(f"{path} has {found} pixels and a sheet {wanted}: {_AGAIN}")
    if depth > 8:
        raise StbenchError(f"{path} has {depth} bits a channel and a sheet 8 at most: {_AGAIN}")
    try:
        check_chunks(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sheet = Image.open(io.BytesIO(data), formats=("PNG",)).convert("RGBA")
    except Exception as error:  # Pillow's parser raises a dozen kinds on damaged chunks
        raise StbenchError(f"{path} is a damaged PNG file ({error}): {_AGAIN}") from None
    if sheet.getchannel("A").getextrema()[0] != 0:
        raise StbenchError(f"{path} has no transparent pixel, so it is no layer of a figure: {_AGAIN}")
    return sheet


def _header(data: bytes, path: Path) -> tuple[tuple[int, int], int]:
    """((width, height), bits per channel), read by hand so that an absurd size never reaches an allocation."""
    if len(data) < 26 or data[:8] != SIGNATURE or data[12:16] != b"IHDR":
        raise StbenchError(f"{path} is no PNG file (its first bytes are {data[:8]!r}): {_AGAIN}")
    width, height, depth = struct.unpack(">IIB", data[16:25])
    return (width, height), depth


def attributes(number: int) -> tuple[int, ...]:
    """Body, bottomwear, topwear and hair of a character."""
    return tuple(int(each) for each in np.unravel_index(number, (VALUES,) * len(LAYERS)))


def official_sheets(dataset: str, raw: Path | None) -> Sheets:
    """Where the official sheets lie; nothing is opened. `StbenchError` says what is missing."""
    found = require(OFFICIAL, dataset, raw, ALIASES)
    return Sheets(f"YingzhenLi/Sprites@{COMMIT}", OFFICIAL, tuple(found[name] for name in NAMES))
