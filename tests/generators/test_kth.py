"""KTH: index, split, sequences and clips are what the card says, from files in the official layout and simulated."""

from __future__ import annotations

import logging
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kth_files import CHOSEN, VIDEOS, picture, write_tree
from PIL import Image
from stbench.generators.kth.clips import PREDRNN, SVG, interval_clips, split_clips, srvp_clips
from stbench.generators.kth.dataset import KthParameters, kth, kth_128
from stbench.generators.kth.index import ACTIONS, Video, read_list, shipped_intervals, video_of
from stbench.generators.kth.stand_in.people import Recording
from stbench.generators.kth.video import read_header, write_avi

from stbench.contract.datasets import Blueprint, fingerprint, parse_parameters
from stbench.errors import StbenchError
from stbench.protocols.windows import track_windows
from stbench.splits.files import load_split
from stbench.splits.index import WindowIndex
from stbench.store.build import resolve
from stbench.store.reader import Store
from stbench.store.verify import verify
from stbench.store.writer import generate

pytestmark = pytest.mark.usefixtures("own_data")

RAW = Path(os.environ.get("STBENCH_RAW", "/nowhere"))
SMALL: dict[str, Any] = {"persons": (1, 19, 21), "actions": ("boxing", "running"), "scenarios": (1,), "size": 16}


def blueprint(source: str, raw: Path | None = None, **settings: Any) -> Blueprint:
    return kth.blueprint(parse_parameters(KthParameters, settings), source, raw)


# ---- the index and the split


def test_the_shipped_index_has_the_published_counts() -> None:
    videos = shipped_intervals()
    lengths = [last - first + 1 for intervals in videos.values() for first, last in intervals]
    assert (len(videos), len(lengths)) == (599, 2391)
    assert (min(lengths), max(lengths), sum(lengths)) == (24, 362, 227_637)
    assert (sum(n < 30 for n in lengths), sum(n < 40 for n in lengths)) == (7, 106)
    assert video_of("person13_handclapping_d3") not in videos
    assert list(videos) == sorted(videos)


def test_the_shipped_index_is_the_official_list() -> None:
    path = RAW / "kth" / "00sequences.txt"
    if not path.is_file():
        pytest.skip("STBENCH_RAW has no kth/00sequences.txt")
    assert read_list(path) == shipped_intervals()


def test_the_split_file_is_the_rule_and_test_persons_are_21_to_25() -> None:
    clips = interval_clips(shipped_intervals())
    split = load_split("stbench.generators.kth", "kth-1.json")
    assert split.id == "kth/1"
    assert split.ranges == split_clips("kth/1", clips).ranges
    persons = {part: {clips[i].video.person for i in split.indices(part)} for part in split.ranges}
    assert persons == {"train": set(range(1, 19)), "val": {19, 20}, "test": set(range(21, 26))}
    assert {part: len(split.indices(part)) for part in split.ranges} == {"train": 1720, "val": 192, "test": 452}


def test_test_clips_are_the_middle_forty_frames_of_every_test_interval_that_long() -> None:
    clips = interval_clips(shipped_intervals())
    ranges = load_split("stbench.generators.kth", "kth-1.json").ranges["test"]
    tested = [i for i, each in enumerate(clips) if each.video.person >= 21 and each.length >= 40]
    assert [row[0] for row in ranges] == tested
    for sequence, _, first, last in ranges:
        assert last - first == 40
        assert abs(first - (clips[sequence].length - last)) <= 1


def test_kth_128_has_the_persons_of_the_field_and_whole_test_intervals() -> None:
    clips = interval_clips(shipped_intervals())
    split = load_split("stbench.generators.kth", "kth-128-1.json")
    assert split.id == "kth-128/1"
    assert split.ranges == split_clips("kth-128/1", clips, PREDRNN).ranges
    persons = {part: {clips[i].video.person for i in split.indices(part)} for part in split.ranges}
    assert persons == {"train": set(range(1, 15)), "val": {15, 16}, "test": set(range(17, 26))}
    for sequence, _, first, last in split.ranges["test"]:
        assert (first, last) == (0, clips[sequence].length)
        assert last >= 30


def test_srvp_clips_repeat_the_published_draws() -> None:
    lengths = {Video(p, a, d): 300 + 7 * p + d for p in range(1, 26) for a in ACTIONS for d in range(1, 5)}
    clips = srvp_clips(lengths)
    tested = clips[-1000:]
    np.random.seed(42)  # noqa: NPY002 - the published script draws from NumPy's global stream
    for clip in tested:
        action = ACTIONS[np.random.randint(6)]  # noqa: NPY002
        person, trial = np.random.randint(21, 26), np.random.randint(1, 5)  # noqa: NPY002
        start = np.random.randint(lengths[clip.video] - 40 + 1)  # noqa: NPY002
        assert (clip.video, clip.first, clip.last) == (Video(person, action, trial), start + 1, start + 40)
    assert all(clip.first == 1 and clip.length == lengths[clip.video] for clip in clips[:-1000])
    assert {SVG.part_of(clip.video.person) for clip in clips[:-1000]} == {"train", "val"}


# ---- official files


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("raw") / "kth" / "raw").parents[1]


@pytest.fixture(scope="module")
def official(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = kth.blueprint(parse_parameters(KthParameters, CHOSEN), "official", tree)
    return generate(made, tmp_path_factory.mktemp("stores") / "kth.zarr", workers=1)


def test_every_interval_of_an_official_tree_is_a_sequence_pixel_by_pixel(official: Store) -> None:
    assert official.source == "official"
    rows = [(name, k, first, last) for name in sorted(VIDEOS) for k, (first, last) in enumerate(VIDEOS[name], 1)]
    assert official.n_sequences == len(rows)
    assert official.row_size is not None
    for sequence, (name, k, first, last) in enumerate(rows):
        frames = official.read(sequence)
        assert frames.shape == (last - first + 1, 1, 64, 64)
        expected = [
            np.asarray(Image.fromarray(frame).resize((64, 64), Image.Resampling.BICUBIC))
            for frame in picture(name, last)[first - 1 : last]
        ]
        assert np.array_equal(frames[:, 0], np.stack(expected))
        factors = {
            key: int(official.factor(key)[sequence]) for key in ("person", "scenario", "interval", "first_frame")
        }
        assert factors == {"person": int(name[6:8]), "scenario": 1, "interval": k, "first_frame": first}
        assert ACTIONS[int(official.factor("action")[sequence])] == name.split("_")[1]
    assert verify(official.path).ok


def test_the_main_track_has_one_window_per_test_clip(official: Store) -> None:
    windows = track_windows(official, kth.tracks[0])
    assert (kth.tracks[0].conditioning, kth.tracks[0].horizon, kth.tracks[0].train_horizon) == (10, 30, 10)
    assert list(zip(windows.sequence.tolist(), windows.start.tolist(), strict=True)) == [(5, 2), (7, 3)]
    assert official.split.id == "kth/by-person-1"


def test_mpeg4_is_decoded_to_the_full_range_of_grey(tmp_path: Path) -> None:
    from stbench.generators.kth.video import decode

    frames = picture("person01_walking_d1", 20)
    frames[:, :30] = 255
    frames[:, 30:60] = 0
    path = tmp_path / "video.avi"
    write_avi(path, frames, "mpeg4")
    found = np.stack(list(decode(path, 20)))
    assert np.abs(found.astype(int) - frames).mean() < 4
    assert found[:, 5:25].min() > 245
    assert found[:, 35:55].max() < 10


def test_a_frame_that_was_not_coded_repeats_the_one_before_and_later_ones_keep_their_place(tmp_path: Path) -> None:
    import av
    from stbench.generators.kth.video import decode

    frames, path = picture("person01_walking_d1", 12), tmp_path / "video.avi"
    with av.open(str(path), "w", format="avi") as container:
        stream: Any = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 120, 160, "gray"
        for number in (0, 1, 2, 5, 6, 7, 8, 9, 10, 11):
            frame = av.VideoFrame.from_ndarray(frames[number], format="gray")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    found = list(decode(path, 12))
    expected = frames[[0, 1, 2, 2, 2, 5, 6, 7, 8, 9, 10, 11]]
    assert np.array_equal(np.stack(found), expected)


@pytest.mark.parametrize("layout", ["flat", "no list", "alias"])
def test_trees_lie_as_people_unpack_them(tmp_path: Path, tree: Path, layout: str) -> None:
    source = tree / "kth" / "raw"
    if layout == "flat":
        (tmp_path / "raw" / "kth").mkdir(parents=True)
        for path in source.rglob("*.*"):
            shutil.copy(path, tmp_path / "raw" / "kth" / path.name)
    else:
        shutil.copytree(source, tmp_path / "raw" / ("KTH" if layout == "alias" else "kth"))
    found = kth.sources(tmp_path / "raw")
    assert found == ("official", "simulated")
    if layout == "no list":
        (tmp_path / "raw" / "kth" / "00sequences.txt").unlink()
        with pytest.raises(StbenchError, match=r"lacks 3 of the 8 KTH videos"):
            blueprint("official", tmp_path / "raw", **CHOSEN)
    else:
        made = blueprint("official", tmp_path / "raw", **CHOSEN)
        assert made.n_sequences == 8


def test_a_video_that_ends_early_by_its_header_has_its_intervals_cut_with_a_note(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = write_tree(tmp_path / "kth")
    write_avi(root / "walking" / "person01_walking_d1_uncomp.avi", picture("person01_walking_d1", 25))
    with caplog.at_level(logging.WARNING, "stbench.kth"):
        made = blueprint("official", tmp_path, **CHOSEN)
    assert made.coordinates["row_size"].values.tolist() == [12, 8, 7, 14, 11, 45, 9, 47]
    assert "has 25 frames" in caplog.text


def test_the_video_known_to_be_damaged_is_left_out_with_a_note(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    videos = {**VIDEOS, "person01_boxing_d4": ((1, 9), (10, 30))}
    root = write_tree(tmp_path / "kth", videos)
    path = root / "boxing" / "person01_boxing_d4_uncomp.avi"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with caplog.at_level(logging.WARNING, "stbench.kth"):
        made = blueprint("official", tmp_path, **{**CHOSEN, "scenarios": (1, 4)})
    assert "person01_boxing_d4 is left out" in caplog.text
    assert made.parameters["left_out"] == ["person01_boxing_d4"]
    assert made.n_sequences == 8
    path.write_bytes(content)
    whole = blueprint("official", tmp_path, **{**CHOSEN, "scenarios": (1, 4)})
    assert (whole.n_sequences, whole.parameters["left_out"]) == (10, [])


# ---- simulated


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = kth.blueprint(parse_parameters(KthParameters, SMALL), "simulated")
    return generate(made, tmp_path_factory.mktemp("stores") / "kth.zarr", workers=1)


def test_the_stand_in_says_so_and_has_the_sequences_of_the_official_list(simulated: Store) -> None:
    assert "imulated" in simulated.card.title
    assert simulated.card.summary.startswith("Simulated")
    chosen = {v: i for v, i in shipped_intervals().items() if v.person in (1, 19, 21) and v.scenario == 1}
    lengths = [b - a + 1 for v, rows in chosen.items() if v.action in SMALL["actions"] for a, b in rows]
    assert simulated.row_size is not None
    assert simulated.row_size.tolist() == lengths


@pytest.mark.parametrize(("workers", "scheduler"), [(2, "threads"), (2, "processes")])
def test_the_digest_does_not_depend_on_workers(
    simulated: Store, tmp_path: Path, workers: int, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stbench.generators.kth.dataset.SHARD_BYTES", 200_000)
    again = generate(blueprint("simulated", **SMALL), tmp_path / "again.zarr", workers=workers, scheduler=scheduler)
    assert again.digest == simulated.digest


@pytest.mark.slow
def test_avi_files_of_the_stand_in_imported_give_the_same_values(simulated: Store, tmp_path: Path) -> None:
    made = blueprint("simulated", **SMALL, write_raw=True)
    store = generate(made, tmp_path / "imported.zarr", workers=1)
    assert store.digest == simulated.digest
    assert store.fingerprint != simulated.fingerprint
    (folder,) = (tmp_path / "data" / "raw").iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["00sequences.txt", "raw"]
    assert read_header(folder / "raw" / "boxing" / "person01_boxing_d1_uncomp.avi").frames == 370
    # The tree is in the official layout: read as official it is the same data once more.
    official = generate(blueprint("official", folder, **SMALL), tmp_path / "official.zarr", workers=1)
    assert official.digest == simulated.digest


def test_videos_whose_intervals_are_not_in_order_are_written_up_to_the_last_frame_of_any(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"persons": (7, 19, 21), "actions": ("running",), "scenarios": (4,), "size": 16}
    intervals = shipped_intervals()[video_of("person07_running_d4")]
    assert intervals == ((1, 52), (68, 115), (310, 358), (224, 274))
    assert Recording(0, video_of("person07_running_d4"), intervals).n_frames == 368
    # What an earlier stbench wrote there ends after 284 frames; its folder had another name and is not taken for ours.
    broken = fingerprint([kth.version, 0, *(f"person{n:02d}_running_d4" for n in settings["persons"])])[:8]
    (tmp_path / "data" / "raw" / f"kth-simulated-{broken}").mkdir(parents=True)
    drawn = generate(blueprint("simulated", **settings), tmp_path / "drawn.zarr", workers=1)
    imported = generate(blueprint("simulated", **settings, write_raw=True), tmp_path / "imported.zarr", workers=1)
    assert imported.digest == drawn.digest


def test_interrupted_it_goes_on_and_ends_with_the_same_digest(
    simulated: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stbench.generators.kth.dataset.SHARD_BYTES", 150_000)
    drawn, whole = [], Recording.frames

    def breaks(self: Recording, numbers: Any) -> Any:
        drawn.append(self.video.name)
        if len(drawn) == 3:
            raise KeyboardInterrupt
        return whole(self, numbers)

    made = blueprint("simulated", **SMALL)
    with monkeypatch.context() as patch:
        patch.setattr(Recording, "frames", breaks)
        with pytest.raises(KeyboardInterrupt):
            generate(made, tmp_path / "kth.zarr", workers=1)
    assert not (tmp_path / "kth.zarr").exists()
    assert len(list((tmp_path / "kth.zarr.part" / "done").iterdir())) >= 1
    assert generate(made, tmp_path / "kth.zarr", workers=1).digest == simulated.digest


def test_writing_the_avi_tree_goes_on_where_it_broke_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stbench.generators.kth.stand_in import files as people_files

    drawn = []

    def breaks(path: Path, frames: Any) -> None:
        if len(drawn) == 1:
            raise KeyboardInterrupt
        drawn.append(path.name)
        write_avi(path, frames)

    recordings = [Recording(0, Video(p, "running", 1), ((1, 3),)) for p in (1, 2)]
    with monkeypatch.context() as patch:
        patch.setattr(people_files, "write_avi", breaks)
        with pytest.raises(KeyboardInterrupt):
            people_files.write_people(recordings, tmp_path / "tree")
    assert not (tmp_path / "tree").exists()
    (first,) = (tmp_path / "tree.part").rglob("*.avi")
    stamp = first.stat().st_mtime_ns
    people_files.write_people(recordings, tmp_path / "tree")
    found = sorted((tmp_path / "tree").rglob("*.avi"))
    assert [path.name[:8] for path in found] == ["person01", "person02"]
    assert found[0].stat().st_mtime_ns == stamp


def test_srvp_store_has_whole_videos_and_a_thousand_clips() -> None:
    made = blueprint("simulated", variant="srvp")
    assert made.split.id == "kth/srvp-1"
    assert len(made.split.indices("test")) == 1000
    assert set(made.coordinates["row_size"].values[-1000:]) == {40}
    assert made.n_sequences == 1000 + sum(v.person <= 20 for v in shipped_intervals())
    arrays = made.produce(made.n_sequences - 2, made.n_sequences)
    assert arrays["frames"][:, :40].any(axis=(2, 3, 4)).all()
    assert not arrays["frames"][:, 40:].any()


def test_kth_128_is_kth_at_128_pixels_with_other_persons_held_out() -> None:
    made = resolve("kth-128", {}, "simulated")
    assert made.split.id == "kth-128/1"
    assert made.variables["frames"].shape == (2391, 362, 1, 128, 128)
    assert "simulated" in made.card.title
    # A shard, padding included, is what a worker holds: the dataset is far larger.
    assert made.sequences_per_shard * 362 * 128 * 128 < 50_000_000
    row = 1700
    frames = made.produce(row, row + 1)["frames"][0]
    small = resolve("kth", {"size": 128}, "simulated").produce(row, row + 1)["frames"][0]
    np.testing.assert_array_equal(frames, small)
    with pytest.raises(StbenchError, match=r"'variant' of kth-128 cannot be 'srvp'.*take kth with size=128"):
        resolve("kth-128", {"variant": "srvp"}, "simulated")


def test_test_windows_of_kth_128_are_of_two_lengths_and_those_of_one_interval_share_no_frame() -> None:
    row_size = resolve("kth-128", {}, "simulated").coordinates["row_size"].values
    split = load_split("stbench.generators.kth", "kth-128-1.json")
    assert [(track.id, track.train_horizon) for track in kth_128.tracks] == [
        ("kth-128/forecast-20", 20),
        ("kth-128/forecast-40", 20),
    ]
    for track, count in zip(kth_128.tracks, (2380, 1251), strict=True):
        index = WindowIndex.of_split(split, "test", 362, 10, track.horizon, track.stride, row_size=row_size)
        assert len(index) == count
        sequence, start = index.arrays()
        same = np.diff(sequence) == 0
        assert (np.diff(start)[same] == 10 + track.horizon).all()
        assert (start + 10 + track.horizon <= row_size[sequence]).all()


def test_as_the_card_says_six_test_windows_of_kth_128_share_frames_with_one_of_another_interval() -> None:
    clips = interval_clips(shipped_intervals())
    row_size = np.array([each.length for each in clips])
    split = load_split("stbench.generators.kth", "kth-128-1.json")
    for track in kth_128.tracks:
        index = WindowIndex.of_split(split, "test", 362, 10, track.horizon, track.stride, row_size=row_size)
        seen: dict[tuple[Video, int], list[int]] = {}
        for window, (sequence, start) in enumerate(zip(*index.arrays(), strict=True)):
            for k in range(10 + track.horizon):
                frame = (clips[sequence].video, clips[sequence].first + int(start) + k)
                seen.setdefault(frame, []).append(window)
        sharing = {window for windows in seen.values() if len(windows) > 1 for window in windows}
        assert len(sharing) == 6
    for card in (kth_128.card, kth_128.simulated):
        assert sum("6 test windows of either length share frames" in each for each in card.quirks) == 1
        assert not any("interval and share no frame" in each for each in card.quirks)


def test_the_canonical_blueprint_has_the_published_split_and_is_picklable() -> None:
    made = resolve("kth", {}, "simulated")
    assert made.split.id == "kth/1"
    assert made.variables["frames"].shape == (2391, 362, 1, 64, 64)
    assert pickle.loads(pickle.dumps(made.produce)) == made.produce


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"persons": "1,26"}, "'persons' has '26'"),
        ({"actions": "walking,waving"}, "'actions' has 'waving'"),
        ({"scenarios": "0"}, "'scenarios' has '0'"),
        ({"size": 4}, "'size' must lie between 8 and 240"),
        ({"variant": "srpv"}, "did you mean 'srvp'"),
        ({"skip": "person99_walking_d1"}, "no KTH video 'person99_walking_d1'"),
        ({"persons": "1,2"}, "nothing for val and test"),
        ({"persons": "1,21", "variant": "srvp"}, "the clips of SRVP want"),
    ],
)
def test_wrong_parameters_are_one_sentence(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StbenchError, match=sentence):
        blueprint("simulated", **settings)


def test_fetch_says_who_has_the_videos_and_cite_names_the_paper() -> None:
    from stbench.provenance.citation import citation
    from stbench.raw.fetch import fetch

    with pytest.raises(StbenchError, match="cannot be fetched by a program"):
        fetch(kth)
    assert "csc.kth.se/cvap/actions" in kth.instructions
    text = citation("kth", {}, "simulated").bibtex
    assert "schuldt2004recognizing" in text
    assert "kth/1" in text
