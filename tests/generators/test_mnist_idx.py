"""IDX files are untrusted: whatever the bytes, a reader gets the right array or one sentence."""

from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stbench.generators.moving_mnist.digits import DigitFiles
from stbench.generators.moving_mnist.idx import format_idx, parse_digits, parse_idx

from stbench.errors import StbenchError
from stbench.raw.files import RawFile

IMAGES = np.arange(3 * 28 * 28, dtype=np.uint8).reshape(3, 28, 28)
LABELS = np.array([7, 0, 9], np.uint8)
HEADER = struct.pack(">4B3I", 0, 0, 8, 3, 3, 28, 28)


def test_the_layout_is_the_published_one() -> None:
    assert format_idx(IMAGES) == HEADER + IMAGES.tobytes()
    assert format_idx(LABELS) == bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 9])


def test_what_is_written_is_read_again() -> None:
    pixels, classes = parse_digits(format_idx(IMAGES), format_idx(LABELS), "images", "labels")
    assert np.array_equal(pixels, IMAGES)
    assert np.array_equal(classes, LABELS)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "has 0 bytes, fewer than the 16"),
        (HEADER[:15], "has 15 bytes, fewer than the 16"),
        (b"\x89PNG" + HEADER[4:] + IMAGES.tobytes(), "begins with 0x89504e47, not with the 0x00000803"),
        (struct.pack(">4B3I", 0, 0, 9, 3, 3, 28, 28) + IMAGES.tobytes(), "begins with 0x00000903"),
        (struct.pack(">4B3I", 0, 0, 8, 4, 3, 28, 28) + IMAGES.tobytes(), "begins with 0x00000804"),
        (struct.pack("<4B3I", 0, 0, 8, 3, 3, 28, 28) + IMAGES.tobytes(), "claims 50331648 x "),
        (struct.pack(">4B3I", 0, 0, 8, 3, *[2**32 - 1] * 3) + IMAGES.tobytes(), "claims 4294967295 x "),
        (HEADER + IMAGES.tobytes()[:-1], "holds 2,351"),
        (HEADER + IMAGES.tobytes() + b"\0", "holds 2,353"),
    ],
)
def test_a_wrong_header_or_length_is_one_sentence_that_names_the_file(data: bytes, message: str) -> None:
    with pytest.raises(StbenchError) as error:
        parse_idx(data, "folder/images-idx3", 3)
    assert message in str(error.value)
    assert str(error.value).startswith("folder/images-idx3 ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((3, 32, 32)), LABELS, "holds images of 32 x 32 pixels"),
        (np.zeros((3, 28, 27)), LABELS, "holds images of 28 x 27 pixels"),
        (IMAGES, LABELS[:2], "holds 3 images but labels 2 labels"),
        (IMAGES, LABELS + 1, "holds the label 10"),
        (np.zeros((0, 28, 28)), LABELS[:0], "holds no image"),
    ],
)
def test_images_and_labels_that_are_not_mnist_are_refused(images: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(StbenchError, match=message):
        parse_digits(format_idx(images), format_idx(labels), "images", "labels")


@settings(max_examples=200, deadline=None)
@given(
    edits=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 255)), max_size=4),
    cut=st.none() | st.integers(0, 16 + IMAGES.size),
    more=st.binary(max_size=8),
)
def test_mutated_bytes_give_an_array_that_fits_its_header_or_an_error(
    edits: list[tuple[int, int]], cut: int | None, more: bytes
) -> None:
    data = bytearray(format_idx(IMAGES))
    for at, byte in edits:
        data[at] = byte
    data = data[:cut] + more
    try:
        array = parse_idx(bytes(data), "mutated", 3)
    except StbenchError as error:
        message = str(error)
    else:
        assert bytes(data[:4]) == bytes([0, 0, 8, 3])
        assert array.shape == struct.unpack(">3I", data[4:16])
        assert array.tobytes() == bytes(data[16:])
        return
    assert message.startswith("mutated ")


@settings(max_examples=60, deadline=None)
@given(
    which=st.integers(0, 1), at=st.integers(0, 10**6), bit=st.integers(0, 7), cut=st.booleans(), packed=st.booleans()
)
def test_the_importer_never_uses_a_mutated_file(
    tmp_path_factory: pytest.TempPathFactory, which: int, at: int, bit: int, cut: bool, packed: bool
) -> None:
    contents = [format_idx(IMAGES), format_idx(LABELS)]
    specs = tuple(
        RawFile(name, len(data), f"md5:{hashlib.md5(data).hexdigest()}", "content")
        for name, data in zip(("images", "labels"), contents, strict=True)
    )
    stored = [bytearray(gzip.compress(data, mtime=0) if packed else data) for data in contents]
    at %= len(stored[which])
    if cut:
        del stored[which][at:]
    else:
        stored[which][at] ^= 1 << bit
    folder = tmp_path_factory.mktemp("mutated")
    paths = tuple(folder / name for name in ("images", "labels"))
    for path, data in zip(paths, stored, strict=True):
        path.write_bytes(data)
    files = DigitFiles(specs * 2, paths * 2)
    try:
        pixels, classes = files.load("train")
    except StbenchError as error:
        message = str(error)
    else:
        # Only a change that the decompressed bytes do not show (a field of the gzip header) may pass.
        assert packed
        assert np.array_equal(pixels, IMAGES)
        assert np.array_equal(classes, LABELS)
        return
    assert str(paths[which]) in message
    assert "\n" not in message


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    spec = RawFile("images", 10, None, "content")
    with pytest.raises(StbenchError, match="absent"):
        DigitFiles((spec,) * 4, (tmp_path / "absent",) * 4).load("test")
