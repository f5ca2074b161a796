"""Photographs of MUG: JPEG files, checked by their header before a decoder fills memory."""

from __future__ import annotations

import stat
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stbench.errors import StbenchError

if TYPE_CHECKING:
    from PIL.JpegImagePlugin import JpegImageFile

MOST_BYTES = 16 << 20
"""Of a file: a photograph of MUG has some hundred thousand."""
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    AttributeError,
    MemoryError,
    struct.error,
)
"""What Pillow may raise where a file is damaged."""


def check_header(path: Path, side: int) -> None:
    """`StbenchError` naming the file where it is no colour JPEG of `side` x `side` pixels; nothing is decoded."""
    _opened(path, side).close()


def _opened(path: Path, side: int) -> JpegImageFile:
    # The class itself: Image.open would also try other formats, and only warn of a picture of 100 megapixels.
    from PIL.JpegImagePlugin import JpegImageFile

    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise StbenchError(f"{path} is no file but a folder or a device: put the photograph there")
        size = about.st_size
        if size > MOST_BYTES:
            raise StbenchError(f"{path} has {size:,} bytes: a photograph of MUG has at most {MOST_BYTES:,}")
        picture = JpegImageFile(str(path))
    except FileNotFoundError:
        raise StbenchError(f"{path} is not there any more: unpack the tree again") from None
    except PermissionError:
        raise StbenchError(f"{path} cannot be read: Permission denied") from None
    except BROKEN as error:
        why = "" if isinstance(error, SyntaxError) else f" ({_words(error)})"
        what = "is empty" if _is_empty(path) else f"is not a JPEG file, or its header is damaged{why}"
        raise StbenchError(f"{path} {what}: unpack it again") from None
    wide, high = picture.size
    if (wide, high) != (side, side) or picture.mode != "RGB":
        kind = "" if picture.mode == "RGB" else f", {picture.mode}"
        picture.close()
        raise StbenchError(
            f"{path} has {wide:,} x {high:,} pixels{kind}: photographs of MUG have {side} x {side} in colour; for a "
            "copy in another size give `--set side=...` and `--set crop=left,top,side`"
        )
    return picture


def check_photograph(path: Path, side: int) -> None:
    """`StbenchError` naming the file where it is no such JPEG, or its data are damaged; decoded at an eighth of its
    size, for which all of them are read."""
    picture = _opened(path, side)
    try:
        with picture:
            picture.draft("RGB", (side // 8, side // 8))
            picture.load()
    except BROKEN as error:
        raise StbenchError(f"{path} is damaged ({_words(error)}): unpack it again") from None


def read_photograph(path: Path, side: int, crop: tuple[int, int, int], size: int) -> np.ndarray:
    """The crop of a photograph, (size, size, 3) uint8; `StbenchError` naming the file where it is damaged or wrong."""
    picture = _opened(path, side)
    left, top, width = crop
    try:
        with picture:
            return shrink(np.asarray(picture.crop((left, top, left + width, top + width))), size)
    except BROKEN as error:
        raise StbenchError(f"{path} is damaged ({_words(error)}): unpack it again") from None


def shrink(picture: np.ndarray, size: int) -> np.ndarray:
    """(n, n, 3) -> (size, size, 3) uint8, bicubic over all pixels a new one covers (antialiased); integers, Pillow."""
    from PIL import Image

    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC))


def _is_empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except OSError:
        return False


def _words(error: BaseException) -> str:
    return (str(error) or type(error).__name__).split("\n")[0][:100]
