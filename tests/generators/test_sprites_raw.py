"""Sprites: every wrong sheet ends in one sentence that names the file, and nothing is written."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from stbench.generators.sprites.dataset import SpritesParameters, sprites
from stbench.generators.sprites.sheets import NAMES, OFFICIAL, SHEET, open_sheet
from stbench.generators.sprites.stand_in import sheets as stand_in

from stbench.contract.datasets import Blueprint
from stbench.errors import StbenchError
from stbench.store.build import resolve
from stbench.store.writer import generate

WHERE = Path("body/0.png")


def png(picture: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", **options)
    return buffer.getvalue()


def figure(mode: str) -> Image.Image:
    """A sheet with a red square on nothing, in a mode that PNG knows."""
    pixels = np.zeros((SHEET[1], SHEET[0], 4), np.uint8)
    pixels[700:740, 20:40] = (255, 0, 0, 255)
    return Image.fromarray(pixels).convert(mode)


SHEET_BYTES = png(figure("RGBA"))


def message_of(data: bytes) -> str:
    with pytest.raises(StbenchError) as error:
        open_sheet(data, WHERE)
    text = str(error.value)
    assert text.startswith(str(WHERE))
    assert "\n" not in text
    return text


def header(width: int, height: int, depth: int = 8) -> bytes:
    """A PNG that claims a size and has one byte of pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    ihdr = struct.pack(">IIBBBBB", width, height, depth, 6, 0, 0, 0)
    idat = zlib.compress(b"\0")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", idat) + chunk(b"IEND", b"")


# ---- one sheet


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_sheets_with_transparency_are_read_whatever_their_mode(mode: str) -> None:
    if mode == "P":
        picture = figure("RGB").convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
        black = int(np.asarray(picture)[0, 0])
        data = png(picture, transparency=black)
    else:
        data = png(figure(mode))
    alpha = np.asarray(open_sheet(data, WHERE))[..., 3]
    assert (alpha > 0).sum() == 40 * 20
    assert alpha[700:740, 20:40].min() == 255


@pytest.mark.parametrize("mode", ["RGB", "L", "1"])
def test_sheets_without_transparency_would_hide_the_figure_and_are_refused(mode: str) -> None:
    assert "no transparent pixel" in message_of(png(figure(mode)))


def test_sixteen_bits_a_channel_are_refused() -> None:
    assert "16 bits" in message_of(png(Image.new("I;16", SHEET)))


@pytest.mark.parametrize("size", [(64, 64), (SHEET[1], SHEET[0]), (2**31 - 1, 2**31 - 1), (0, 0)])
def test_a_wrong_or_absurd_size_is_refused_by_its_header(size: tuple[int, int]) -> None:
    assert f"has {size[0]} x {size[1]} pixels and a sheet 832 x 1344" in message_of(header(*size))


def test_a_right_size_without_pixels_is_refused() -> None:
    assert "damaged PNG" in message_of(header(*SHEET))


@pytest.mark.parametrize("data", [b"", b"GIF89a" + bytes(60), b"\xff\xd8\xff\xe0" + bytes(60)])
def test_what_is_no_png_is_refused(data: bytes) -> None:
    assert "no PNG file" in message_of(data)


@settings(deadline=None, max_examples=60)
@given(keep=st.integers(0, len(SHEET_BYTES) - 50))
def test_a_truncated_sheet_is_refused(keep: int) -> None:
    message_of(SHEET_BYTES[:keep])


@settings(deadline=None, max_examples=150)
@given(at=st.integers(0, len(SHEET_BYTES) - 1), data=st.binary(min_size=1, max_size=40))
@example(at=35, data=b"\x00\x00\n")
def test_a_mutated_sheet_is_read_at_its_size_or_refused_in_one_sentence(at: int, data: bytes) -> None:
    mutated = SHEET_BYTES[:at] + data + SHEET_BYTES[at + len(data) :]
    try:
        size, message = open_sheet(mutated, WHERE).size, str(WHERE)
    except StbenchError as error:
        size, message = SHEET, str(error)
    assert size == SHEET
    assert message.startswith(str(WHERE))
    assert "\n" not in message


@settings(deadline=None, max_examples=100)
@given(at=st.integers(0, len(SHEET_BYTES) - 1), bit=st.integers(0, 7))
def test_every_flipped_bit_of_a_sheet_is_found_by_a_checksum(at: int, bit: int) -> None:
    flipped = bytearray(SHEET_BYTES)
    flipped[at] ^= 1 << bit
    message_of(bytes(flipped))


# ---- the tree


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with the official names, of the official sizes, that is not the official one."""
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("STBENCH_RAW", raising=False)
    for spec in OFFICIAL:
        path = tmp_path / "raw" / "sprites" / spec.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(SHEET_BYTES[: spec.bytes].ljust(spec.bytes or 0, b"\0"))
    return tmp_path / "raw"


def refusal(made: Blueprint, out: Path) -> str:
    with pytest.raises(StbenchError) as error:
        generate(made, out, workers=1)
    assert not list(out.parent.glob(f"{out.name}*"))
    return str(error.value)


def test_a_wrong_checksum_stops_generation_before_anything_is_written(tree: Path, tmp_path: Path) -> None:
    made = sprites.blueprint(SpritesParameters(), "official", tree)
    assert "body/0.png has the sha256" in refusal(made, tmp_path / "out.zarr")


def test_a_wrong_length_stops_generation_before_anything_is_written(tree: Path, tmp_path: Path) -> None:
    path = tree / "sprites" / "body" / "0.png"
    path.write_bytes(path.read_bytes()[:-1])
    made = sprites.blueprint(SpritesParameters(), "official", tree)
    assert "body/0.png has 33,733 bytes, not the 33,734" in refusal(made, tmp_path / "out.zarr")


def test_a_missing_file_is_named_and_auto_falls_back_where_no_folder_was_named(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "sprites" / "hair" / "3.png").unlink()
    assert sprites.sources(tree) == ("simulated",)
    with pytest.raises(StbenchError, match=r"has 24 of the 25 but not hair/3\.png"):
        sprites.blueprint(SpritesParameters(), "official", tree)
    with pytest.raises(StbenchError, match=r"has 24 of the 25 but not hair/3\.png"):
        resolve("sprites", {"characters": 12}, "auto", tree)
    monkeypatch.setenv("STBENCH_RAW", str(tree))
    assert resolve("sprites", {"characters": 12}, "auto").source == "simulated"


def test_a_damaged_sheet_of_the_stand_in_is_named_and_written_again_once_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path / "data"))
    path = stand_in.write_sheets() / NAMES[7]
    path.write_bytes(path.read_bytes()[:2000])
    made = sprites.blueprint(SpritesParameters(characters=10), "simulated", None)
    assert f"{NAMES[7]} is a damaged PNG" in refusal(made, tmp_path / "out.zarr")
    path.unlink()
    assert generate(made, tmp_path / "out.zarr", workers=1).n_sequences == 90
