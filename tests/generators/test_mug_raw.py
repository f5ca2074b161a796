"""Whatever is in the place of a MUG photograph ends in frames of the right form, or in one sentence that names it."""

from __future__ import annotations

import os
import shutil
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mug_files import SMALL, picture, write_tree
from PIL import Image
from stbench.generators.mug.dataset import MugParameters, mug
from stbench.generators.mug.files import survey
from stbench.generators.mug.jpeg import check_header, read_photograph

from stbench.contract.datasets import Blueprint, parse_parameters
from stbench.errors import StbenchError
from stbench.store.writer import generate

pytestmark = pytest.mark.usefixtures("own_data")


def small(raw: Path, **more: Any) -> Blueprint:
    return mug.blueprint(parse_parameters(MugParameters, {**SMALL, **more}), "official", raw)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "raw" / "mug") / "subjects3"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scratch")
    Image.fromarray(picture("001/anger", 3)).save(folder / "good.jpg", quality=92)
    return folder


def outcome(path: Path) -> np.ndarray | str:
    """The frame of a photograph, or the sentence that refuses it; anything else fails the test."""
    try:
        frame = read_photograph(path, 64, (8, 4, 48), 16)
    except StbenchError as error:
        sentence = str(error)
    else:
        assert (frame.shape, frame.dtype) == ((16, 16, 3), np.uint8)
        return frame
    assert path.name in sentence
    assert "\n" not in sentence
    return sentence


@settings(deadline=None, max_examples=250)
@given(data=st.data())
def test_a_mutated_photograph_is_a_frame_or_a_sentence(scratch: Path, data: st.DataObject) -> None:
    content = bytearray((scratch / "good.jpg").read_bytes())
    kind = data.draw(st.sampled_from(["flip", "head", "cut", "insert", "zeros"]))
    at = data.draw(st.integers(0, 640 if kind == "head" else len(content) - 1))
    if kind in ("flip", "head"):
        for offset in range(data.draw(st.integers(1, 6))):
            content[(at + 7 * offset) % len(content)] ^= data.draw(st.integers(1, 255))
    elif kind == "cut":
        del content[at:]
    elif kind == "insert":
        content[at:at] = data.draw(st.binary(min_size=1, max_size=20))
    else:
        content[at : at + 64] = bytes(len(content[at : at + 64]))
    path = scratch / "mutated.jpg"
    path.write_bytes(bytes(content))
    outcome(path)


def claims(jpeg: bytes, high: int, wide: int) -> bytes:
    """The same file with another size in its header."""
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + struct.pack(">HH", high, wide) + jpeg[at + 4 :]


def test_each_kind_of_wrong_photograph_is_named(scratch: Path, tmp_path: Path) -> None:
    good, path = (scratch / "good.jpg").read_bytes(), tmp_path / "img_0007.jpg"
    png = tmp_path / "other.png"
    Image.fromarray(picture("001/anger", 3)).save(png)
    for content, sentence in (
        (b"", "is empty: unpack it again"),
        (b"<html>not found</html>", "is not a JPEG file"),
        (png.read_bytes(), "is not a JPEG file"),
        (good[:100], "unpack it again"),
        (good[: len(good) // 2], "is damaged (image file is truncated"),
        (claims(good, 65_535, 65_535), "has 65,535 x 65,535 pixels: photographs of MUG have 64 x 64"),
        (claims(good, 0, 64), "img_0007.jpg"),
        (bytes((16 << 20) + 1), "has 16,777,217 bytes"),
    ):
        path.write_bytes(content)
        assert sentence in str(outcome(path))
    Image.fromarray(picture("001/anger", 3, 80)).save(path)
    assert "has 80 x 80 pixels" in str(outcome(path))
    Image.fromarray(picture("001/anger", 3)[:, :, 0]).save(path)
    assert "has 64 x 64 pixels, L" in str(outcome(path))
    path.unlink()
    assert "is not there any more" in str(outcome(path))
    os.mkfifo(path)
    assert "is no file but a folder or a device" in str(outcome(path))
    with pytest.raises(StbenchError, match="img_0007"):
        check_header(path, 64)


def test_a_bomb_is_refused_by_its_header_before_memory_is_taken(tree: Path) -> None:
    path = tree / "077/anger/take000/img_0000.jpg"
    path.write_bytes(claims(path.read_bytes(), 50_000, 50_000))
    with pytest.raises(StbenchError, match=r"take000/img_0000.jpg has 50,000 x 50,000 pixels"):
        small(tree.parents[1])


def test_missing_subjects_are_named_with_what_to_do(tree: Path) -> None:
    (tree / "077").rename(tree / "elsewhere")
    with pytest.raises(StbenchError, match=r"lacks 1 of the 4 MUG subjects .* 077: .*--set subjects=001,002,008"):
        small(tree.parents[1])


def test_no_tree_is_a_sentence_that_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match=r"were not found: .*stbench fetch mug.*--source simulated"):
        small(tmp_path)
    assert mug.sources(tmp_path) == ("simulated",)
    (tmp_path / "mug" / "subjects3").mkdir(parents=True)
    (tmp_path / "mug" / "subjects3" / "001").write_bytes(b"a file")
    assert mug.sources(tmp_path) == ("simulated",)


def test_a_tree_without_a_usable_take_is_a_sentence(tree: Path) -> None:
    with pytest.raises(StbenchError, match="has no take of at least 100 pictures"):
        small(tree.parents[1], shortest=100)


def test_takes_of_mixed_resolution_leave_nothing_under_the_final_name(tree: Path, tmp_path: Path) -> None:
    path = tree / "001/fear/take000/img_0004.jpg"
    content = path.read_bytes()
    Image.fromarray(picture("001/fear", 4, 96)).save(path)
    with pytest.raises(StbenchError, match=r"img_0004.jpg has 96 x 96 pixels"):
        generate(small(tree.parents[1]), tmp_path / "mug.zarr", workers=1)
    assert not (tmp_path / "mug.zarr").exists()
    path.write_bytes(content)
    assert generate(small(tree.parents[1]), tmp_path / "mended.zarr", workers=1).n_sequences == 9


def never(first: int, last: int) -> Any:
    raise AssertionError("a store was begun")


def test_a_photograph_that_is_not_used_may_be_damaged_and_is_not_in_the_store(tree: Path, tmp_path: Path) -> None:
    made = small(tree.parents[1], every=2)
    (tree / "001/fear/take000/img_0003.jpg").write_bytes(b"x")
    said = generate(made, tmp_path / "mug.zarr", workers=1).attributes["raw_content"]
    assert "001/fear/take000/img_0002.jpg" in said["content"]
    assert "001/fear/take000/img_0003.jpg" not in said["content"]


def test_a_photograph_cut_short_or_removed_leaves_nothing_under_the_final_name(tree: Path, tmp_path: Path) -> None:
    path = tree / "001/fear/take000/img_0002.jpg"
    path.write_bytes(path.read_bytes()[:700])
    made = small(tree.parents[1])
    with pytest.raises(StbenchError, match=r"img_0002.jpg is (damaged|not a JPEG)"):
        generate(replace(made, produce=never), tmp_path / "mug.zarr", workers=1)
    assert not list(tmp_path.glob("mug.zarr*"))  # nothing was begun that another photograph must continue
    path.unlink()
    with pytest.raises(StbenchError, match=r"001/fear/take000 has 11 pictures and had 12"):
        made.produce(0, made.n_sequences)
    assert not (tmp_path / "mug.zarr").exists()


@pytest.mark.parametrize("level", ["subject", "expression", "take", "photograph", "nowhere"])
def test_a_link_that_leads_out_of_the_tree_is_refused(tree: Path, tmp_path: Path, level: str) -> None:
    outside = tmp_path / "outside"
    names = {
        "subject": "008",
        "expression": "008/anger",
        "take": "008/anger/take000",
        "photograph": "008/anger/take000/img_0003.jpg",
        "nowhere": "008/anger/take000/img_0003.jpg",
    }
    place = tree / names[level]
    place.rename(outside)
    os.symlink(tmp_path / "no" if level == "nowhere" else outside, place)
    with pytest.raises(StbenchError, match=f"{place.name} is a link that leads out of"):
        small(tree.parents[1])


def test_a_link_within_the_tree_is_followed(tree: Path) -> None:
    place = tree / "008/anger/take000/img_0003.jpg"
    place.unlink()
    os.symlink("img_0002.jpg", place)
    assert small(tree.parents[1]).n_sequences == 9


def test_a_missing_photograph_is_named_as_what_follows_would_come_too_early(tree: Path) -> None:
    (tree / "008" / "anger" / "take000" / "img_0004.jpg").unlink()
    with pytest.raises(StbenchError, match=r"take000 lacks the photograph 4, between img_0003\.jpg and img_0005\.jpg"):
        small(tree)


@pytest.mark.parametrize("copy", ["img_0004.jpeg", "img_0004 - 4.jpg", "img_4.JPG", "Copy of img_0004.jpg"])
def test_a_photograph_that_lies_there_twice_is_named(tree: Path, copy: str) -> None:
    take = tree / "008" / "anger" / "take000"
    (take / copy).write_bytes((take / "img_0004.jpg").read_bytes())
    with pytest.raises(StbenchError, match="bear the same number") as caught:
        small(tree)
    assert copy in str(caught.value)


@pytest.mark.parametrize("folder", ["008/anger", "002/session0"])
def test_a_folder_that_lies_there_twice_in_other_capitals_is_named(tree: Path, folder: str) -> None:
    shutil.copytree(tree / folder, (tree / folder).with_name(Path(folder).name.upper()))
    with pytest.raises(StbenchError, match="are the same folder twice"):
        small(tree)


def test_capitals_in_the_names_of_folders_change_nothing(tree: Path) -> None:
    expected = small(tree.parent)
    (tree / "008" / "anger").rename(tree / "008" / "ANGER")
    (tree / "002" / "session0").rename(tree / "002" / "Session0")
    tree.rename(tree.with_name("Subjects3"))
    assert small(tree.parent).fingerprint == expected.fingerprint


def test_absurdly_many_photographs_are_refused(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stbench.generators.mug.files.MOST_PHOTOGRAPHS", 11)
    with pytest.raises(StbenchError, match=r"take000 holds 12 pictures: a take of MUG has at most 11"):
        small(tree.parents[1])


@settings(deadline=None, max_examples=60)
@given(
    extra=st.lists(
        st.tuples(
            st.sampled_from(["", "008/", "008/anger/", "008/anger/take000/", "002/session0/", "002/"]),
            st.text("abe0179_-. é", min_size=1, max_size=9).filter(lambda name: name not in (".", "..")),
            st.booleans(),
        ),
        max_size=4,
    )
)
def test_whatever_else_lies_in_a_tree_changes_no_take(
    tmp_path_factory: pytest.TempPathFactory, extra: list[tuple[str, str, bool]]
) -> None:
    root = write_tree(tmp_path_factory.mktemp("t") / "mug", {"008/anger/take000": 4, "002/session0/anger/take000": 4})
    expected = ["008/anger/take000", "002/session0/anger/take000"]
    for folder, name, directory in extra:
        place = root / "subjects3" / folder / name
        if not place.exists():
            place.mkdir() if directory else place.write_bytes(b"x")
    tree = survey(root / "subjects3", ("008", "002"), ("anger",), shortest=4, side=64)
    assert [(each.take.folder, each.photographs) for each in tree.takes] == [(name, 4) for name in expected]
