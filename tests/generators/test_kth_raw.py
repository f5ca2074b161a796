"""Whatever is in the place of a KTH file ends in frames of the right form, or in one sentence that names it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kth_files import CHOSEN, picture, write_tree
from stbench.generators.kth.dataset import KthParameters, kth
from stbench.generators.kth.files import survey, tree_in
from stbench.generators.kth.index import Video, format_list, read_list
from stbench.generators.kth.video import count_frames, decode, read_header, write_avi

from stbench.contract.datasets import Blueprint, parse_parameters
from stbench.errors import StbenchError
from stbench.store.writer import generate

pytestmark = pytest.mark.usefixtures("own_data")

FRAMES = 8


@pytest.fixture(scope="module")
def avi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a lossless and a lossy video of eight frames."""
    folder = tmp_path_factory.mktemp("avi")
    for codec in ("ffv1", "mpeg4"):
        write_avi(folder / f"{codec}.avi", picture("person01_walking_d1", FRAMES), codec)
    return folder


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


def outcome(path: Path, last: int = FRAMES) -> np.ndarray | str:
    """The frames of a video, or the sentence that refuses it; anything else fails the test."""
    try:
        frames = np.stack(list(decode(path, last)))
    except StbenchError as error:
        sentence = str(error)
    else:
        assert frames.shape == (last, 120, 160)
        assert frames.dtype == np.uint8
        return frames
    assert path.name in sentence
    assert "\n" not in sentence
    return sentence


@settings(deadline=None, max_examples=120)
@given(data=st.data(), codec=st.sampled_from(["ffv1", "mpeg4"]))
def test_a_mutated_video_is_frames_or_a_sentence(avi: Path, scratch: Path, data: st.DataObject, codec: str) -> None:
    content = bytearray((avi / f"{codec}.avi").read_bytes())
    kind = data.draw(st.sampled_from(["flip", "head", "cut", "insert", "zeros"]))
    at = data.draw(st.integers(0, 400 if kind == "head" else len(content) - 1))
    if kind in ("flip", "head"):
        for offset in range(data.draw(st.integers(1, 6))):
            content[(at + 7 * offset) % len(content)] ^= data.draw(st.integers(1, 255))
    elif kind == "cut":
        del content[at:]
    elif kind == "insert":
        content[at:at] = data.draw(st.binary(min_size=1, max_size=20))
    else:
        content[at : at + 64] = bytes(len(content[at : at + 64]))
    path = scratch / "mutated.avi"
    path.write_bytes(bytes(content))
    outcome(path)


@settings(deadline=None, max_examples=40)
@given(at=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_flipped_bit_in_a_lossless_frame_is_found_by_its_checksum(
    avi: Path, scratch: Path, at: int, bit: int
) -> None:
    content = bytearray((avi / "ffv1.avi").read_bytes())
    begin = content.index(b"movi") + 12  # after the name and the size of the first chunk
    size = int.from_bytes(content[begin - 4 : begin], "little")
    content[begin + at % size] ^= 1 << bit
    path = scratch / "flipped.avi"
    path.write_bytes(bytes(content))
    assert "flipped.avi is damaged after frame" in str(outcome(path))[:200]


def wide(path: Path, size: tuple[int, int], codec: str = "ffv1", pixels: str = "gray") -> None:
    with av.open(str(path), "w", format="avi") as container:
        stream: Any = container.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = *size, pixels
        for _ in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(np.zeros((*size, 3), np.uint8), format="rgb24").reformat(format=pixels)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def header_with(avi: bytes, offset: int, value: int) -> bytes:
    at = avi.index(b"avih") + 8 + offset
    return avi[:at] + value.to_bytes(4, "little") + avi[at + 4 :]


def test_each_kind_of_wrong_video_is_named(avi: Path, tmp_path: Path) -> None:
    good, path = (avi / "ffv1.avi").read_bytes(), tmp_path / "person01_walking_d1_uncomp.avi"
    for content, sentence in (
        (b"", "is empty: unpack it again"),
        (b"<html>not found</html>", "is not an AVI file (it begins with b'<html>not fo')"),
        (good[:40], "ends within its header"),
        (header_with(good, 16, 4_000_000_000), "says it has 4,000,000,000 frames"),
        (header_with(good, 32, 60_000), "has pictures of 60,000 x 120 pixels: KTH videos have 160 x 120"),
        (good[: len(good) // 2], "unpack it again"),
    ):
        path.write_bytes(content)
        assert sentence in str(outcome(path))
    wide(path, (240, 320))
    assert "has pictures of 320 x 240 pixels" in str(outcome(path))
    wide(path, (120, 160), "mjpeg", "yuvj420p")
    assert "is coded as mjpeg" in str(outcome(path))
    wide(path, (120, 160), "ffv1", "bgr0")
    assert "have no luma plane" in str(outcome(path))
    path.unlink()
    assert "cannot be read: No such file" in str(outcome(path))
    path.write_bytes(good)
    assert "ends after frame 8 and 20 are wanted" in str(outcome(path, 20))
    assert read_header(path).frames == 8


def small(raw: Path, **more: Any) -> Blueprint:
    return kth.blueprint(parse_parameters(KthParameters, {**CHOSEN, **more}), "official", raw)


# What a file claims is held against what is in it


def rewrite(raw: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
    path = next(raw.rglob(f"{name}*"))
    path.write_bytes(change(path.read_bytes()))
    return path


def rate_of(scale: int, rate: int) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        at = content.index(b"strh") + 8 + 20
        return content[:at] + scale.to_bytes(4, "little") + rate.to_bytes(4, "little") + content[at + 8 :]

    return change


@pytest.mark.parametrize(
    ("scale", "rate", "said"), [(2, 25, "12.5"), (1001, 30000, "29.97"), (1, 50, "50"), (0, 25, "")]
)
def test_another_frame_rate_is_refused_as_intervals_count_frames(
    tmp_path: Path, scale: int, rate: int, said: str
) -> None:
    path = rewrite(write_tree(tmp_path), "person01_walking_d1", rate_of(scale, rate))
    with pytest.raises(StbenchError, match=f"{said}.* frames per second and KTH videos have 25") as caught:
        small(tmp_path)
    assert str(path) in str(caught.value)
    rewrite(tmp_path, "person01_walking_d1", rate_of(1000, 25000))
    small(tmp_path)


@pytest.mark.parametrize("said", [0, 5])
@pytest.mark.parametrize("variant", ["intervals", "whole"])
def test_frames_are_counted_where_the_header_says_too_few(tmp_path: Path, said: int, variant: str) -> None:
    write_tree(tmp_path)
    chosen = tree_in(tmp_path).intervals()
    expected = survey(tree_in(tmp_path), chosen, whole=variant == "whole")
    path = rewrite(tmp_path, "person22_walking_d1", lambda content: header_with(content, 16, said))
    assert read_header(path).frames == said
    found = survey(tree_in(tmp_path), chosen, whole=variant == "whole")
    assert found.intervals == expected.intervals
    video = next(each for each in chosen if each.person == 22)
    assert found.frames[video] == count_frames(path) == 48 + 3


def test_a_header_that_says_more_frames_than_there_are_is_refused(tmp_path: Path) -> None:
    """Of a whole video before the store is begun; of intervals when their frames are wanted."""
    write_tree(tmp_path)
    rewrite(tmp_path, "person22_walking_d1", lambda content: header_with(content, 16, 60))
    with pytest.raises(StbenchError, match="says it has 60 frames and ends after 51"):
        survey(tree_in(tmp_path), tree_in(tmp_path).intervals(), whole=True)


def test_a_video_that_lies_there_twice_is_refused(tmp_path: Path) -> None:
    write_tree(tmp_path)
    path = next(tmp_path.rglob("person22_walking_d1*"))
    (tmp_path / "person22_walking_d1.avi").write_bytes(path.read_bytes())
    with pytest.raises(StbenchError, match="are both person22_walking_d1: take one of them out"):
        small(tmp_path)


def test_capitals_in_names_of_videos_and_folders_change_nothing(tmp_path: Path) -> None:
    expected = small(write_tree(tmp_path / "usual"))
    raw = write_tree(tmp_path / "capitals")
    for folder in ("walking", "boxing"):
        for path in (raw / folder).iterdir():
            path.rename(path.with_name(path.name.replace("_uncomp.avi", "_uncomp.AVI")))
        (raw / folder).rename(raw / folder.capitalize())
    (raw / "Walking" / "._person01_walking_d1_uncomp.AVI").write_bytes(b"left by another system")
    (raw / "00sequences.txt").rename(raw / "00Sequences.TXT")
    found = small(raw)
    assert found.fingerprint == expected.fingerprint
    np.testing.assert_array_equal(found.produce(0, 3)["frames"], expected.produce(0, 3)["frames"])


def test_a_damaged_frame_of_a_lossless_video_is_found_whatever_its_pixels(tmp_path: Path) -> None:
    """A copy re-encoded without loss, of limited range: the codec has a checksum, too."""
    path = tmp_path / "copy.avi"
    with av.open(str(path), "w", format="avi") as container:
        stream: Any = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 120, 160, "yuv420p"
        stream.options = {"level": "3", "slicecrc": "1", "g": "1"}
        for values in picture("person01_walking_d1", FRAMES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(values, format="gray").reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    assert isinstance(outcome(path), np.ndarray)
    content = path.read_bytes()
    frames = content.index(b"movi")
    for first in (content.index(b"00dc", frames), content.rindex(b"00dc", frames, content.rindex(b"idx1"))):
        broken = bytearray(content)
        at = first + 8 + 500
        broken[at] ^= 16
        path.write_bytes(broken)
        assert "copy.avi is damaged" in str(outcome(path))[:200]


def test_a_missing_video_is_named_with_what_to_do(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "kth")
    (root / "walking" / "person19_walking_d1_uncomp.avi").unlink()
    with pytest.raises(StbenchError, match=r"lacks 1 of the 5 .* person19_walking_d1_uncomp.avi: .*--set skip=NAME"):
        small(tmp_path)


def test_a_wrong_video_is_refused_before_a_store_is_begun_and_can_be_skipped(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "kth")
    path = root / "walking" / "person01_walking_d1_uncomp.avi"
    path.write_bytes(b"RIFF")
    with pytest.raises(StbenchError, match=r"person01_walking_d1_uncomp.avi is not an AVI .*skip=person01_walking_d1"):
        small(tmp_path)
    assert small(tmp_path, skip="person01_walking_d1").n_sequences == 6


def test_a_video_damaged_in_its_middle_leaves_nothing_under_the_final_name(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "kth")
    path = root / "walking" / "person01_walking_d1_uncomp.avi"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + bytes(len(content) - len(content) // 2))
    with pytest.raises(StbenchError, match=r"person01_walking_d1_uncomp\.avi"):
        generate(replace(small(tmp_path), produce=never), tmp_path / "kth.zarr", workers=1)
    assert [each.name for each in tmp_path.iterdir()] == ["kth"]  # nothing was begun that another file must continue
    path.write_bytes(content + bytes(8))
    assert generate(small(tmp_path), tmp_path / "kth.zarr", workers=1).n_sequences == 8


def never(first: int, last: int) -> Any:
    raise AssertionError("a store was begun")


def test_a_store_says_which_videos_it_was_made_from(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "kth")
    said = generate(small(tmp_path), tmp_path / "kth.zarr", workers=1).attributes["raw_content"]
    used = {each.relative_to(root).as_posix() for each in root.rglob("*.avi")}
    assert said["content"].keys() == used


def test_no_videos_is_a_sentence_that_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match=r"were not found: .*stbench fetch kth.*--source simulated"):
        small(tmp_path)
    assert kth.sources(tmp_path) == ("simulated",)


# ---- the list of intervals

LIST = "person01_boxing_d1\t\tframes\t1-95, 96-185\n\nperson13_handclapping_d3\t*missing*\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (LIST.replace("1-95", "95-1"), "line 1 of .* has the interval 95-1"),
        (LIST.replace("1-95", "0-95"), "line 1 of .* has the interval 0-95"),
        (LIST.replace("1-95", "1-999999"), "line 1 of .* has the interval 1-999999"),
        (LIST.replace("1-95", "1:95"), "line 1 of .* has '1:95'"),
        (LIST.replace("01", "26"), "line 1 of .* names 'person26_boxing_d1'"),
        (LIST.replace("boxing", "skipping"), "line 1 of .* names 'person01_skipping_d1'"),
        (LIST.replace("_d1", ""), "line 1 of .* is not like"),
        (LIST + LIST, "line 4 of .* repeats person01_boxing_d1"),
        ("nothing\n", "lists no video"),
        ("\xff" + LIST, "is not plain text .byte 0"),
        ("x" * (1 << 20) + "y", "has more than 1,048,576 bytes"),
    ],
)
def test_a_wrong_list_is_named_with_its_line(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "00sequences.txt"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(StbenchError, match=f"00sequences.txt|{sentence}") as caught:
        read_list(path)
    caught.match(sentence)


@pytest.mark.parametrize(
    ("before", "after"), [("person19_walking_d1", "qerson19_walking_d1"), ("person19_walking", "person18_walking")]
)
def test_a_video_of_which_the_list_says_nothing_is_not_left_out_in_silence(
    tmp_path: Path, before: str, after: str
) -> None:
    raw = write_tree(tmp_path / "raw")
    path = raw / "00sequences.txt"
    path.write_text(path.read_text().replace(before, after))
    with pytest.raises(StbenchError, match=r"person19_walking_d1_uncomp\.avi is there and .*\.txt says nothing"):
        small(raw)


def test_a_video_that_is_not_wanted_need_not_be_listed(tmp_path: Path) -> None:
    raw = write_tree(tmp_path / "raw")
    path = raw / "00sequences.txt"
    path.write_text(path.read_text().replace("person22_walking", "qerson22_walking"))
    assert small(raw, persons=(1, 19, 21)).n_sequences == small(raw, skip=("person22_walking_d1",)).n_sequences
    with pytest.raises(StbenchError, match=r"or leave the video out with `--set skip=person22_walking_d1`"):
        small(raw)


@pytest.mark.parametrize("name", ["00sequences.txt", "walking/person19_walking_d1_uncomp.avi"])
def test_a_pipe_or_a_broken_link_in_the_place_of_a_file_is_named(tmp_path: Path, name: str) -> None:
    raw = write_tree(tmp_path / "raw")
    path = raw / name
    path.unlink()
    path.symlink_to("nowhere")
    with pytest.raises(StbenchError, match=rf"{path.name} cannot be read: No such file"):
        small(raw)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(StbenchError, match=rf"{path.name} cannot be read: it is no file"):
        small(raw)


def test_a_missing_list_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match=r"none.txt cannot be read: No such file"):
        read_list(tmp_path / "none.txt")


@settings(deadline=None, max_examples=100)
@given(
    st.dictionaries(
        st.builds(Video, st.integers(1, 25), st.sampled_from(["boxing", "walking"]), st.integers(1, 4)),
        st.lists(st.tuples(st.integers(1, 500), st.integers(0, 400)), min_size=1, max_size=4),
        min_size=1,
        max_size=6,
    )
)
def test_a_written_list_reads_back(scratch: Path, table: dict[Video, list[tuple[int, int]]]) -> None:
    videos = {video: tuple((first, first + more) for first, more in rows) for video, rows in table.items()}
    (scratch / "list.txt").write_text(format_list(videos))
    assert read_list(scratch / "list.txt") == videos


@settings(deadline=None, max_examples=200)
@given(at=st.integers(0, len(LIST) - 1), text=st.binary(max_size=4), cut=st.integers(0, 6))
def test_a_mutated_list_is_a_table_or_a_sentence(scratch: Path, at: int, text: bytes, cut: int) -> None:
    content = LIST.encode()
    path = scratch / "mutated.txt"
    path.write_bytes(content[:at] + text + content[at + cut :])
    sentence, videos = "mutated.txt", {}
    try:
        videos = read_list(path)
    except StbenchError as error:
        sentence = str(error)
    assert "mutated.txt" in sentence
    assert all(1 <= first <= last for rows in videos.values() for first, last in rows)
