"""The IDX format of the MNIST files.

Bytes 0, 0, type (8: unsigned byte), number of dimensions; then each dimension as a big-endian 32-bit integer; then the
values in C order. Labels are (n,), images (n, row, column).
"""

from __future__ import annotations

import math

import numpy as np

from stbench.errors import StbenchError

UNSIGNED_BYTE = 8
MAGIC = {1: "0x00000801", 3: "0x00000803"}


def parse_idx(data: bytes, name: str, dimensions: int) -> np.ndarray:
    """The array in an IDX file of unsigned bytes, read-only; `name` is what an error calls it.

    Nothing is allocated on the word of the header: the sizes it claims must be those of the bytes that are there.
    Raises `StbenchError` for another magic number, type or number of dimensions, and for missing or surplus bytes.
    """
    header = 4 + 4 * dimensions
    if len(data) < header:
        raise StbenchError(f"{name} has {len(data)} bytes, fewer than the {header} of an IDX header: get it again")
    if data[:4] != bytes((0, 0, UNSIGNED_BYTE, dimensions)):
        raise StbenchError(
            f"{name} begins with 0x{data[:4].hex()}, not with the {MAGIC[dimensions]} of an IDX file of unsigned bytes "
            f"in {dimensions} dimension{'s' if dimensions > 1 else ''}: get it again"
        )
    shape = tuple(int.from_bytes(data[at : at + 4], "big") for at in range(4, header, 4))
    claimed = math.prod(shape)
    if claimed != len(data) - header:
        raise StbenchError(
            f"{name} claims {' x '.join(map(str, shape))} = {claimed:,} values but holds {len(data) - header:,}: get"
            " it again"
        )
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def parse_digits(images: bytes, labels: bytes, images_name: str, labels_name: str) -> tuple[np.ndarray, np.ndarray]:
    """Digits (n, 28, 28) and their labels (n,), which must agree in number; labels are 0 .. 9."""
    pixels, classes = parse_idx(images, images_name, 3), parse_idx(labels, labels_name, 1)
    if pixels.shape[1:] != (28, 28):
        found = " x ".join(map(str, pixels.shape[1:]))
        raise StbenchError(f"{images_name} holds images of {found} pixels, not 28 x 28: it is not MNIST")
    if len(pixels) != len(classes):
        raise StbenchError(f"{images_name} holds {len(pixels):,} images but {labels_name} {len(classes):,} labels")
    if len(classes) == 0:
        raise StbenchError(f"{images_name} holds no image")
    if classes.max() > 9:
        raise StbenchError(f"{labels_name} holds the label {classes.max()}, a digit is 0 to 9: it is not MNIST")
    return pixels, classes


def format_idx(values: np.ndarray) -> bytes:
    """The IDX file of an array of unsigned bytes."""
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return bytes((0, 0, UNSIGNED_BYTE, values.ndim)) + sizes + np.asarray(values, np.uint8, order="C").tobytes()
