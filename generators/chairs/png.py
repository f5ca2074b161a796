"""Pictures of rendered chairs: PNG files, checked by their header before a decoder fills memory.

frame = Lanczos(picture[100:500, 100:500], 64 x 64)
"""

from __future__ import annotations

import io
import stat
import struct
import warnings
from pathlib import Path

import numpy as np

from stbench.errors import StbenchError
from stbench.raw.png import SIGNATURE, check_chunks

SIDE = 600
"""Pixels of a picture on a side."""
CROP = (100, 100, 500, 500)
"""Left, top, right and bottom of the box that is cut out of a picture."""
MOST_BYTES = 4 << 20
"""Of a file: a picture of 600 x 600 has about a megabyte before it is compressed."""
HEADER_BYTES = 33
COLOUR = 2
"""Colour type of red, green and blue in a PNG header."""
_KINDS = {0: "grey", 2: "red, green and blue", 3: "a palette", 4: "grey with transparency", 6: "transparency"}
_AGAIN = "unpack rendered_chairs.tar again"


def check_header(path: Path) -> None:
    """`StbenchError` naming the file where it is no PNG of 600 x 600 in 8-bit colour; only its header is read."""
    _check(path, _bytes(path, HEADER_BYTES))


def check_picture(path: Path) -> None:
    """`StbenchError` naming the file where its header or a checksum in it is wrong; no pixel is decoded."""
    _checked(path)


def _checked(path: Path) -> bytes:
    data = _bytes(path, MOST_BYTES)
    _check(path, data)
    try:
        check_chunks(data)
    except ValueError as error:
        raise StbenchError(f"{path} is a damaged PNG file ({error}): {_AGAIN}") from None
    return data


def read_picture(path: Path, size: int) -> np.ndarray:
    """The frame of a file, (size, size, 3) uint8; `StbenchError` naming the file where it is damaged or wrong."""
    from PIL.PngImagePlugin import PngImageFile

    data = _checked(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # The class itself: Image.open would also try other formats.
            with PngImageFile(io.BytesIO(data)) as picture:
                if picture.size != (SIDE, SIDE) or picture.mode != "RGB":  # a second header further on
                    raise ValueError(f"{picture.size[0]} x {picture.size[1]} pixels, {picture.mode}")
                whole = np.asarray(picture)
    except Exception as error:  # Pillow's parser raises a dozen kinds on damaged chunks
        words = (str(error) or type(error).__name__).split("\n")[0][:100]
        raise StbenchError(f"{path} is a damaged PNG file ({words}): {_AGAIN}") from None
    left, top, right, bottom = CROP
    return shrink(whole[top:bottom, left:right], size)


def shrink(picture: np.ndarray, size: int) -> np.ndarray:
    """(n, n, 3) -> (size, size, 3) uint8, Lanczos over all pixels a new one covers, in integers (Pillow)."""
    from PIL import Image

    small = Image.fromarray(np.ascontiguousarray(picture)).resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(small)


def _bytes(path: Path, most: int) -> bytes:
    """The first bytes of a file, all of them below `most`; `StbenchError` where there are more than it may have."""
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise StbenchError(f"{path} is no file but a folder or a device: put the picture there")
        if about.st_size > MOST_BYTES:
            raise StbenchError(f"{path} has {about.st_size:,} bytes: a picture of a chair has at most {MOST_BYTES:,}")
        with path.open("rb") as file:
            return file.read(most)
    except FileNotFoundError:
        raise StbenchError(f"{path} is not there any more: {_AGAIN}") from None
    except OSError as error:
        raise StbenchError(f"{path} cannot be read: {error.strerror or error}") from None


def _check(path: Path, data: bytes) -> None:
    if not data:
        raise StbenchError(f"{path} is empty: {_AGAIN}")
    if data[: len(SIGNATURE)] != SIGNATURE:
        raise StbenchError(f"{path} is no PNG file (its first bytes are {data[:8]!r}): {_AGAIN}")
    if len(data) < HEADER_BYTES or data[12:16] != b"IHDR":
        raise StbenchError(f"{path} is a damaged PNG file (its header is cut short): {_AGAIN}")
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    if (width, height) != (SIDE, SIDE):
        raise StbenchError(
            f"{path} has {width:,} x {height:,} pixels: pictures of chairs have {SIDE} x {SIDE}; copies in another "
            f"size are not what was published, {_AGAIN}"
        )
    if (kind, depth) != (COLOUR, 8):
        raise StbenchError(
            f"{path} has {_KINDS.get(kind, 'an unknown kind of colour')} at bit depth {depth}: pictures of chairs have "
            f"red, green and blue at bit depth 8, {_AGAIN}"
        )
