"""3D chairs: every wrong file or tree ends in one sentence that names it, and nothing is left under the final name."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chairs_files import MODELS, NAMES, picture, write_outline, write_png
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from stbench.generators.chairs.dataset import ChairsParameters, chairs
from stbench.generators.chairs.files import survey
from stbench.generators.chairs.png import check_header, read_picture

from stbench.contract.datasets import Blueprint, parse_parameters
from stbench.errors import StbenchError
from stbench.store.writer import generate

pytestmark = pytest.mark.usefixtures("own_data")


def png(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


GOOD = png(Image.fromarray(picture(MODELS[0], 3)), compress_level=9)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_outline(tmp_path / "raw" / "chairs")


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


def small(root: Path, **more: Any) -> Blueprint:
    return chairs.blueprint(parse_parameters(ChairsParameters, {"chairs": 3, "size": 8, **more}), "official", root)


def outcome(path: Path) -> np.ndarray | str:
    """The frame of a file, or the sentence that refuses it; anything else fails the test."""
    try:
        frame = read_picture(path, 16)
    except StbenchError as error:
        sentence = str(error)
    else:
        assert (frame.shape, frame.dtype) == ((16, 16, 3), np.uint8)
        return frame
    assert str(path) in sentence
    assert "\n" not in sentence
    return sentence


# ---- one picture


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def claims(width: int, height: int, depth: int = 8, kind: int = 2) -> bytes:
    """The good picture with another header, whose checksum is right."""
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return GOOD[:8] + chunk(b"IHDR", header) + GOOD[33:]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty: unpack rendered_chairs.tar again"),
        (b"<html>not found</html>", "is no PNG file"),
        (b"\xff\xd8\xff\xe0" + bytes(600), "is no PNG file"),
        (GOOD[:20], "is a damaged PNG file (its header is cut short)"),
        (GOOD[: len(GOOD) // 2], "is a damaged PNG file"),
        (GOOD[:33], "is a damaged PNG file"),
        (claims(2**31 - 1, 2**31 - 1), "has 2,147,483,647 x 2,147,483,647 pixels"),
        (claims(0, 600), "has 0 x 600 pixels"),
        (claims(400, 400), "has 400 x 400 pixels: pictures of chairs have 600 x 600"),
        (claims(600, 600, 16), "has red, green and blue at bit depth 16"),
        (claims(600, 600, 8, 7), "has an unknown kind of colour at bit depth 8"),
        (GOOD[:33] + chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)) + GOOD[33:], "damaged PNG"),
        (bytes((4 << 20) + 1), "has 4,194,305 bytes: a picture of a chair has at most 4,194,304"),
        (png(Image.new("L", (600, 600))), "has grey at bit depth 8: pictures of chairs have red, green and blue"),
        (png(Image.new("P", (600, 600))), "has a palette at bit depth 1"),
        (png(Image.new("RGBA", (600, 600))), "has transparency at bit depth 8"),
        (png(Image.new("1", (600, 600))), "has grey at bit depth 1"),
        (png(Image.new("RGB", (64, 64))), "has 64 x 64 pixels"),
    ],
)
def test_each_kind_of_wrong_picture_is_named(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / NAMES[7]
    path.write_bytes(content)
    assert sentence in str(outcome(path))


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / NAMES[7]
    assert "is not there any more" in str(outcome(path))
    os.mkfifo(path)
    assert "is no file but a folder or a device" in str(outcome(path))
    path.unlink()
    path.mkdir()
    with pytest.raises(StbenchError, match="is no file but a folder"):
        check_header(path)


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_a_mutated_picture_is_a_frame_or_a_sentence(scratch: Path, data: st.DataObject) -> None:
    content = bytearray(GOOD)
    kind = data.draw(st.sampled_from(["flip", "head", "cut", "insert", "zeros"]))
    at = data.draw(st.integers(0, 60 if kind == "head" else len(content) - 1))
    if kind in ("flip", "head"):
        for offset in range(data.draw(st.integers(1, 6))):
            content[(at + 7 * offset) % len(content)] ^= data.draw(st.integers(1, 255))
    elif kind == "cut":
        del content[at:]
    elif kind == "insert":
        content[at:at] = data.draw(st.binary(min_size=1, max_size=20))
    else:
        content[at : at + 64] = bytes(len(content[at : at + 64]))
    path = scratch / NAMES[0]
    path.write_bytes(bytes(content))
    outcome(path)


# ---- the tree


def test_no_tree_is_a_sentence_that_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match=r"were not found: .*stbench fetch chairs.*--source simulated"):
        small(tmp_path)
    assert chairs.sources(tmp_path) == ("simulated",)
    (tmp_path / "rendered_chairs").mkdir()
    (tmp_path / "rendered_chairs" / MODELS[0]).write_bytes(b"a file")
    assert chairs.sources(tmp_path) == ("simulated",)


def test_missing_chairs_are_counted_with_what_to_do(root: Path) -> None:
    with pytest.raises(StbenchError, match=r"has 3 of the 1,393 chairs that are wanted: .*`--set chairs=3`"):
        small(root, chairs=1_393)


def test_more_chairs_than_were_given_out_are_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stbench.generators.chairs.dataset.MODELS", 2)
    with pytest.raises(StbenchError, match=r"rendered_chairs has 3 chairs and 2 were given out: take out what is not"):
        small(root)


def test_a_missing_view_is_named(root: Path) -> None:
    for name in NAMES[40:43]:
        (root / MODELS[1] / "renders" / name).unlink()
    with pytest.raises(StbenchError, match=rf"{MODELS[1]}/renders lacks 3 of the 62 views, the first is {NAMES[40]}"):
        small(root)


@pytest.mark.parametrize(
    "name",
    ["image_031_p020_t354_r096.png", "image_000_p020_t000_r096.jpg", "image_000_p045_t000_r096.png", "image_.png"],
)
def test_a_picture_that_is_none_of_the_views_is_named(root: Path, name: str) -> None:
    (root / MODELS[1] / "renders" / name).write_bytes(b"x")
    with pytest.raises(StbenchError, match=rf"{MODELS[1]}/renders/{name} is none of the 62 views"):
        small(root)


def test_a_folder_of_pictures_that_is_no_model_is_named_as_it_would_change_the_split(root: Path) -> None:
    (root / "my chair" / "renders").mkdir(parents=True)
    with pytest.raises(StbenchError, match="my chair holds pictures, but its name is not the 32 hexadecimal digits"):
        small(root)


def test_a_chair_that_lies_there_twice_is_named_as_it_would_change_the_split(root: Path) -> None:
    (root / MODELS[2]).rename(root / MODELS[1].lstrip("0"))
    with pytest.raises(StbenchError, match=r"holds the chair .* a second time .* without its leading zeros"):
        small(root)


def test_what_others_wrote_beside_changes_nothing(root: Path) -> None:
    before = survey(root)
    renders = root / MODELS[0] / "renders"
    for k in range(62):
        (renders / f"{k}.png").write_bytes(b"x")
    (renders / "._image_000_p020_t000_r096.png").write_bytes(b"x")
    (root / "__MACOSX").mkdir()
    assert survey(root) == before


def test_a_chair_without_pictures_is_named_as_its_absence_would_change_the_split(root: Path) -> None:
    (root / ("0" * 32)).mkdir()
    with pytest.raises(StbenchError, match=r"/0{32} has no folder renders with pictures"):
        small(root)


@settings(deadline=None, max_examples=25)
@given(
    extra=st.lists(
        st.tuples(
            st.sampled_from(["", f"{MODELS[0]}/", f"{MODELS[0]}/renders/"]),
            st.text("image_0p.ng -é", min_size=1, max_size=12).filter(lambda name: name not in (".", "..")),
            st.booleans(),
        ),
        max_size=4,
    )
)
def test_whatever_else_lies_in_a_tree_changes_no_chair_or_is_named(
    tmp_path_factory: pytest.TempPathFactory, extra: list[tuple[str, str, bool]]
) -> None:
    root = write_outline(tmp_path_factory.mktemp("t"), MODELS[:1])
    before = survey(root)
    for folder, name, directory in extra:
        place = root / folder / name
        if not place.exists():
            place.mkdir() if directory else place.write_bytes(b"x")
    try:
        found, sentence = survey(root), ""
    except StbenchError as error:
        found, sentence = before, str(error)
    assert found == before
    assert not sentence or "is none of the 62 views" in sentence


@pytest.mark.parametrize("level", ["model", "renders", "picture", "nowhere"])
def test_a_link_that_leads_out_of_the_tree_is_refused(root: Path, tmp_path: Path, level: str) -> None:
    names = {"model": "", "renders": "renders", "picture": f"renders/{NAMES[5]}", "nowhere": f"renders/{NAMES[5]}"}
    place = root / MODELS[0] / names[level]
    place.rename(tmp_path / "outside")
    os.symlink(tmp_path / "no" if level == "nowhere" else tmp_path / "outside", place)
    with pytest.raises(StbenchError, match=f"{place.name} is a link that leads out of"):
        small(root)


def test_a_link_within_the_tree_is_followed(root: Path) -> None:
    place = root / MODELS[0] / "renders" / NAMES[5]
    place.unlink()
    os.symlink(NAMES[4], place)
    assert small(root).n_sequences == 6


def test_the_first_picture_of_every_chair_is_looked_at_before_any_work(root: Path) -> None:
    write_png(root / MODELS[2] / "renders" / NAMES[0], picture(MODELS[2], 0)[:500, :500])
    with pytest.raises(StbenchError, match=rf"{MODELS[2]}/renders/{NAMES[0]} has 500 x 500 pixels"):
        small(root)


def test_mixed_resolutions_and_lost_pictures_leave_nothing_under_the_final_name(root: Path, tmp_path: Path) -> None:
    renders = root / sorted(MODELS)[0] / "renders"
    for name in NAMES:
        (renders / name).write_bytes(GOOD)
    write_png(renders / NAMES[1], picture(MODELS[0], 0)[:500, :500])
    made = small(root)
    with pytest.raises(StbenchError, match=rf"{NAMES[1]} has 500 x 500 pixels"):
        generate(_only(made, 0), tmp_path / "chairs.zarr", workers=1)
    (renders / NAMES[1]).unlink()
    with pytest.raises(StbenchError, match=rf"{NAMES[1]} is not there any more"):
        generate(_only(made, 0), tmp_path / "chairs.zarr", workers=1)
    assert not (tmp_path / "chairs.zarr").exists()


def _only(made: Blueprint, chair: int) -> Blueprint:
    """The same, but every sequence is of one chair: only its pictures are there."""
    import dataclasses

    return dataclasses.replace(made, produce=dataclasses.replace(made.produce, order=(chair,) * 3))  # type: ignore[type-var]


def test_a_tree_that_disappears_is_a_sentence(root: Path) -> None:
    made = small(root)
    root.rename(root.with_name("elsewhere"))
    with pytest.raises(StbenchError, match="holds no pictures of chairs any more: run the same command again"):
        made.produce(0, 2)


# ---- checksums


@settings(deadline=None, max_examples=200)
@given(at=st.integers(0, len(GOOD) - 1), bit=st.integers(0, 7))
def test_every_flipped_bit_of_a_picture_is_found_by_a_checksum(scratch: Path, at: int, bit: int) -> None:
    content = bytearray(GOOD)
    content[at] ^= 1 << bit
    path = scratch / NAMES[0]
    path.write_bytes(content)
    assert isinstance(outcome(path), str)


def test_all_pictures_of_the_chairs_of_a_store_are_listed_as_its_raw_files(root: Path) -> None:
    listed = small(root).raw_files
    assert listed is not None
    assert sorted(listed()) == sorted(root.rglob("image_*.png"))


def test_a_damaged_picture_is_found_before_a_store_is_begun(root: Path) -> None:
    for path in root.rglob("*.png"):
        path.write_bytes(GOOD)
    blueprint = small(root)
    assert blueprint.prepare is not None
    blueprint.prepare()
    content = bytearray(GOOD)
    content[content.index(b"IDAT") + 40] ^= 4
    last = root / MODELS[2] / "renders" / NAMES[-1]
    last.write_bytes(content)
    with pytest.raises(StbenchError, match="the checksum of its chunk IDAT") as caught:
        blueprint.prepare()
    assert str(last) in str(caught.value)
