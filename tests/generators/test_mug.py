"""MUG: split, sequences, factors and clips are what the card says, from official photographs and from drawn ones."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
import logging
import pickle
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mug_files import SMALL, TAKES, write_tree
from PIL import Image
from stbench.generators.mug.clips import Recorded, split_by_clip, split_by_subject
from stbench.generators.mug.dataset import MugParameters, evaluation_clips, mug
from stbench.generators.mug.index import EXPRESSIONS, SESSIONS, SIX, SUBJECTS, TEST, TRAIN, VAL, Take
from stbench.generators.mug.stand_in import files as faces_files
from stbench.generators.mug.stand_in.faces import Performance

from stbench.contract.datasets import Blueprint, Split, parse_parameters
from stbench.errors import StbenchError
from stbench.protocols.windows import track_windows
from stbench.splits.files import load_split
from stbench.store.build import resolve
from stbench.store.reader import Store
from stbench.store.verify import verify
from stbench.store.writer import generate

pytestmark = pytest.mark.usefixtures("own_data")

DRAWN: dict[str, Any] = {
    "subjects": ("008", "077", "002"),
    "expressions": ("happiness", "surprise"),
    "takes": 1,
    "size": 16,
}


def blueprint(source: str, raw: Path | None = None, **settings: Any) -> Blueprint:
    return mug.blueprint(parse_parameters(MugParameters, settings), source, raw)


# ---- the split


def test_subjects_are_the_published_ones_and_halves() -> None:
    assert len(SUBJECTS) == 52
    assert list(SUBJECTS) == sorted(SUBJECTS)
    assert (len(TRAIN) + len(VAL), len(TEST)) == (26, 26)
    # The rule behind the published lists: sorted names, Python's random with seed 1234, the first half trains.
    names = list(SUBJECTS)
    random.Random(1234).shuffle(names)
    assert sorted(names[:26]) == sorted((*TRAIN, *VAL))
    assert sorted(names[26:]) == sorted(TEST)


def test_the_split_file_names_the_subjects_of_each_part_and_the_sequences_of_the_stand_in() -> None:
    content = json.loads((importlib.resources.files("stbench.generators.mug") / "mug-1.json").read_text())
    assert content["subjects"] == {"train": list(TRAIN), "val": list(VAL), "test": list(TEST)}
    split = load_split("stbench.generators.mug", "mug-1.json")
    made = resolve("mug", {}, "simulated")
    assert made.split == split
    assert split.id == "mug/1"
    subject = made.produce.takes  # type: ignore[attr-defined]
    found = {part: {subject[i].take.subject for i in split.indices(part)} for part in split.ranges}
    assert found == {"train": set(TRAIN), "val": set(VAL), "test": set(TEST)}


def test_official_takes_of_all_subjects_get_the_id_of_the_split_by_subject_whatever_their_number() -> None:
    takes = [Recorded(Take(s, -1, "anger", "take000"), 50, 0) for s in (*TRAIN, *VAL, *TEST)]
    split = split_by_subject(takes, canonical=True)
    assert (split.id, split.ranges) == ("mug/1", {"train": ((0, 23),), "val": ((23, 26),), "test": ((26, 52),)})
    assert split_by_subject(takes[1:], canonical=True).id == "mug/by-subject-1"
    assert split_by_subject(takes, canonical=False).id == "mug/by-subject-1"


def test_the_split_by_clip_has_every_take_once_and_subjects_in_all_parts() -> None:
    made = resolve("mug", {"split": "clip"}, "simulated")
    n = made.n_sequences
    parts = {part: made.split.indices(part) for part in made.split.ranges}
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(n))
    assert (len(parts["test"]), len(parts["val"])) == (round(0.2 * n), round(0.08 * n))
    takes = made.produce.takes  # type: ignore[attr-defined]
    assert len({takes[i].take.subject for i in parts["test"]} & {takes[i].take.subject for i in parts["train"]}) > 45
    # The part of a take depends on its name, not on its place.
    again = split_by_clip(takes[::-1])
    assert set(again.indices("test").tolist()) == {n - 1 - i for i in parts["test"].tolist()}


def test_evaluation_clips_lie_inside_their_takes_and_do_not_depend_on_the_other_takes() -> None:
    row_size = np.array([40, 15, 16, 80, 33])
    split = Split("x", 5, {"train": (), "val": (), "test": ((0, 5),)})
    name, sequences, first = evaluation_clips(row_size, split)
    assert name == "mug/clips-16-drawn-1"
    assert sequences.tolist() == [0, 2, 3, 4]
    assert first.tolist() == [17, 0, 63, 16]
    assert ((first >= 0) & (first + 16 <= row_size[sequences])).all()
    fewer = evaluation_clips(row_size, Split("y", 5, {"test": ((2, 4),)}))
    assert fewer[2].tolist() == first[1:3].tolist()
    name, _, first = evaluation_clips(row_size, split, rule="middle")
    assert (name, first.tolist()) == ("mug/clips-16-middle-1", [12, 0, 32, 8])
    with pytest.raises(StbenchError, match="no clip rule 'drwan': did you mean 'drawn'"):
        evaluation_clips(row_size, split, rule="drwan")
    with pytest.raises(StbenchError, match="no sequence of the part 'test' has 90 frames"):
        evaluation_clips(row_size, split, 90)


# ---- official files


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("raw") / "mug").parent


@pytest.fixture(scope="module")
def official(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = mug.blueprint(parse_parameters(MugParameters, SMALL), "official", tree)
    return generate(made, tmp_path_factory.mktemp("stores") / "mug.zarr", workers=1)


ORDER = (
    "008/anger/take000",
    "008/anger/take001",
    "008/anger/take010",
    "008/happiness",
    "077/anger/take000",
    "077/surprise/take003",
    "001/fear/take000",
    "002/session0/anger/take000",
    "002/session1/anger/take000",
)


def test_every_take_of_an_official_tree_is_a_sequence_pixel_by_pixel(official: Store, tree: Path) -> None:
    assert official.source == "official"
    assert official.n_sequences == len(ORDER)
    assert official.row_size is not None
    for sequence, folder in enumerate(ORDER):
        paths = sorted((tree / "mug" / "subjects3" / folder).glob("img_*.jpg"))[::2]
        expected = [
            np.asarray(Image.open(path).crop((8, 4, 56, 52)).resize((16, 16), Image.Resampling.BICUBIC))
            for path in paths
        ]
        frames = official.read(sequence)
        assert frames.shape == (-(-TAKES[folder] // 2), 3, 16, 16)
        assert np.array_equal(frames.transpose(0, 2, 3, 1), np.stack(expected))
    names = ("subject", "expression", "session", "take", "first_frame")
    rows = np.stack([official.factor(name) for name in names], axis=1).astype(int).tolist()
    assert rows == [
        [8, 0, 0, 0, 0],
        [8, 0, 0, 1, 10],
        [8, 0, 0, 2, 0],
        [8, 3, 0, 0, 0],
        [77, 0, 0, 0, 0],
        [77, 5, 0, 0, 0],
        [1, 2, 0, 0, 0],
        [2, 0, 0, 0, 0],
        [2, 0, 1, 0, 0],
    ]
    assert official.split.ranges == {"train": ((0, 4),), "val": ((4, 6),), "test": ((6, 9),)}
    assert verify(official.path).ok


def test_neutral_is_dropped_unless_it_is_asked_for(tree: Path) -> None:
    made = blueprint("official", tree, **SMALL, expressions=EXPRESSIONS)
    assert made.n_sequences == len(ORDER) + 1
    assert EXPRESSIONS[:6] == SIX
    assert EXPRESSIONS[6] == "neutral"


def test_empty_folders_are_left_out_with_a_note(tree: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "stbench.mug"):
        blueprint("official", tree, **SMALL)
    assert "1 takes in" in caplog.text
    assert "077/fear/take000" in caplog.text


@pytest.mark.parametrize("layout", ["subject3", "bare", "alias", "itself"])
def test_trees_lie_as_people_unpack_them(tmp_path: Path, tree: Path, layout: str) -> None:
    source, raw = tree / "mug" / "subjects3", tmp_path / "raw"
    goal = {"subject3": "mug/subject3", "bare": "mug", "alias": "MUG/subjects3", "itself": "subjects3"}[layout]
    shutil.copytree(source, raw / goal)
    assert mug.sources(raw) == ("official", "simulated")
    assert blueprint("official", raw, **SMALL).n_sequences == len(ORDER)


def test_the_main_track_has_windows_side_by_side_that_end_with_their_take(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "mug", {"008/anger/take000": 60, "077/anger/take000": 40, "001/anger/take000": 64})
    made = blueprint("official", root.parent, **{**SMALL, "subjects": ("008", "077", "001"), "size": 8})
    store = generate(made, tmp_path / "mug.zarr", workers=1)
    windows = track_windows(store, mug.tracks[0])
    assert list(zip(windows.sequence.tolist(), windows.start.tolist(), strict=True)) == [(2, 0), (2, 15)]
    assert (mug.tracks[0].conditioning, mug.tracks[0].horizon) == (5, 10)


# ---- simulated


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = mug.blueprint(parse_parameters(MugParameters, DRAWN), "simulated")
    return generate(made, tmp_path_factory.mktemp("stores") / "mug.zarr", workers=1)


def test_the_card_says_how_long_the_windows_are_that_models_learn_from() -> None:
    (length,) = {track.conditioning + track.train_horizon for track in mug.tracks}
    assert any(each.endswith(f"training takes windows of {length}") for each in mug.card.quirks)


def test_the_stand_in_says_so_and_its_takes_are_as_long_as_published(simulated: Store) -> None:
    assert "imulated" in simulated.card.title
    assert simulated.card.summary.startswith("Simulated")
    made = resolve("mug", {}, "simulated")
    photographs = [each.photographs for each in made.produce.takes]  # type: ignore[attr-defined]
    assert (min(photographs) >= 50, max(photographs) <= 160) == (True, True)
    assert np.array_equal(made.coordinates["row_size"].values, [-(-each // 2) for each in photographs])
    count = made.produce._factors(0, made.n_sequences)  # type: ignore[attr-defined]
    assert set(count["session"][np.isin(count["subject"], [int(s) for s in SESSIONS])]) == {0, 1}
    assert set(count["session"][~np.isin(count["subject"], [int(s) for s in SESSIONS])]) == {0}


@pytest.mark.parametrize(("workers", "scheduler"), [(2, "threads"), (2, "processes")])
def test_the_digest_does_not_depend_on_workers(
    simulated: Store, tmp_path: Path, workers: int, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stbench.generators.mug.dataset.SHARD_BYTES", 200_000)
    again = generate(blueprint("simulated", **DRAWN), tmp_path / "again.zarr", workers=workers, scheduler=scheduler)
    assert again.digest == simulated.digest


def test_a_face_rests_then_shows_its_expression_and_is_who_it_is_in_every_take() -> None:
    def picture(subject: str, expression: str, name: str, share: float) -> np.ndarray:
        performance = Performance(0, Take(subject, -1, expression, name))
        return performance.draw(int(share * performance.n_frames), 168, 148, 560 / 64, 64).astype(float)

    def apart(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.abs(a - b).mean())

    rest, again = picture("021", "surprise", "take000", 0.0), picture("021", "anger", "take001", 0.0)
    other = picture("034", "surprise", "take000", 0.0)
    assert apart(rest, again) < 0.5 * apart(rest, other)
    # The mouth of a surprised face is open, dark and red where there was skin.
    mouth = (slice(50, 55), slice(29, 35))
    assert picture("021", "surprise", "take000", 0.5)[mouth].mean() < rest[mouth].mean() - 20


def test_a_drawn_photograph_is_the_same_on_every_machine() -> None:
    performance = Performance(0, Take("021", -1, "surprise", "take000"))
    found = hashlib.sha256(performance.draw(10, 168, 148, 560 / 64, 64).tobytes()).hexdigest()
    assert found == "77efbee2c54cff64dd1a2da02349657b92eb376d9241e725675c145055f93bbf"


def test_every_pair_of_expressions_shows() -> None:
    from stbench.generators.mug.stand_in.act import EXPRESSIONS as ACTS
    from stbench.generators.mug.stand_in.act import light_of
    from stbench.generators.mug.stand_in.optics import Camera
    from stbench.generators.mug.stand_in.people import face_of
    from stbench.generators.mug.stand_in.photograph import photograph
    from stbench.generators.mug.stand_in.traits import shape

    assert set(ACTS) == set(EXPRESSIONS)
    face, light = face_of(0, 21), light_of(np.full(4, 0.5))
    camera = Camera(168.0, 148.0, 560 / 64, 448.0, 440.0, 286.0, 1.0, 0.0, 0.0, 0.0)
    pictures = {name: photograph(camera, face, shape(face, act), light, 64).astype(float) for name, act in ACTS.items()}
    for one in pictures:
        for two in pictures:
            if one < two:
                assert (np.abs(pictures[one] - pictures[two]).max(axis=2) > 30).sum() > 40, (one, two)


def test_photographs_written_and_imported_again_are_the_drawn_ones_but_for_jpeg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faces_files, "DRAWN", 224)
    few = {**DRAWN, "expressions": ("anger",), "subjects": ("037", "084", "002")}
    direct, made = blueprint("simulated", **few), blueprint("simulated", **few, write_raw=True, every=20)
    assert made.prepare is not None
    made.prepare()
    (folder,) = (tmp_path / "data" / "raw").iterdir()
    assert [each.name for each in folder.iterdir()] == ["subjects3"]
    assert (folder / "subjects3" / "002" / "session0" / "anger" / "take000" / "img_0000.jpg").is_file()
    imported, drawn = made.produce(0, 3), direct.produce(0, 3)
    gap = np.abs(imported["frames"][:, :3].astype(int) - drawn["frames"][:, :21:10].astype(int))
    assert gap.mean() < 3.0
    assert imported["subject"].tolist() == drawn["subject"].tolist() == [37, 84, 2]
    # The tree is in the official layout: read as official it is the same data once more.
    again = blueprint("official", folder, **few, every=20).produce(0, 3)
    assert all(np.array_equal(again[name], imported[name]) for name in imported)


def test_a_full_photograph_differs_from_the_drawn_crop_by_less_than_the_card_says() -> None:
    from stbench.generators.mug.jpeg import shrink

    performance = Performance(0, Take("034", -1, "surprise", "take000"))
    whole = faces_files.photograph(performance, 40)
    assert whole.shape == (896, 896, 3)
    crop = shrink(whole[148:708, 168:728], 64).astype(float)
    direct = shrink(performance.draw(40, 168, 148, 560 / 128, 128), 64).astype(float)
    assert np.abs(crop - direct).mean() < 2.0


def test_interrupted_it_goes_on_and_ends_with_the_same_digest(
    simulated: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stbench.generators.mug.dataset.SHARD_BYTES", 100_000)
    drawn, whole = [], Performance.draw

    def breaks(self: Performance, number: int, *rest: Any) -> Any:
        drawn.append(self.take)
        if len(set(drawn)) == 3:
            raise KeyboardInterrupt
        return whole(self, number, *rest)

    made = blueprint("simulated", **DRAWN)
    with monkeypatch.context() as patch:
        patch.setattr(Performance, "draw", breaks)
        with pytest.raises(KeyboardInterrupt):
            generate(made, tmp_path / "mug.zarr", workers=1)
    assert not (tmp_path / "mug.zarr").exists()
    assert len(list((tmp_path / "mug.zarr.part" / "done").iterdir())) >= 1
    assert generate(made, tmp_path / "mug.zarr", workers=1).digest == simulated.digest


def test_writing_the_tree_goes_on_where_it_broke_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faces_files, "SIDE", 32)
    monkeypatch.setattr(faces_files, "DRAWN", 32)
    drawn, whole = [], Performance.draw

    def breaks(self: Performance, number: int, *rest: Any) -> Any:
        drawn.append(number)
        if self.take.expression == "fear" and number == 5:
            raise KeyboardInterrupt
        return whole(self, number, *rest)

    performances = [Performance(0, Take("021", -1, name, "take000")) for name in ("anger", "fear")]
    with monkeypatch.context() as patch:
        patch.setattr(Performance, "draw", breaks)
        with pytest.raises(KeyboardInterrupt):
            faces_files.write_faces(performances, tmp_path / "tree")
    assert not (tmp_path / "tree").exists()
    assert [path.name for path in (tmp_path / "tree.part" / "subjects3" / "021").iterdir()] == ["anger", "fear"]
    stamp = (tmp_path / "tree.part" / "subjects3/021/anger/take000/img_0000.jpg").stat().st_mtime_ns
    faces_files.write_faces(performances, tmp_path / "tree")
    found = sorted((tmp_path / "tree").rglob("*.jpg"))
    assert len(found) == sum(each.n_frames for each in performances)
    assert found[0].stat().st_mtime_ns == stamp


def test_the_canonical_blueprint_is_picklable_and_its_frames_do_not_depend_on_the_range() -> None:
    made = resolve("mug", {"size": 8}, "simulated")
    assert pickle.loads(pickle.dumps(made.produce)) == made.produce
    pair, alone = made.produce(700, 702), made.produce(701, 702)
    assert all(np.array_equal(pair[name][1:], alone[name]) for name in pair)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"subjects": "001,004"}, "'subjects' has '004'"),
        ({"subjects": ""}, "'subjects' has '000'"),
        ({"expressions": "anger,joy"}, "'expressions' has 'joy'"),
        ({"size": 4}, "'size' must lie between 8 and 896"),
        ({"split": "clips"}, "did you mean 'clip'"),
        ({"crop": "400,0,560"}, "'crop' is 400,0,560"),
        ({"every": 10, "shortest": 5}, "'shortest' must be at least 'every'"),
        ({"side": 640, "crop": "0,0,600"}, "leave the parameter 'side' out"),
        ({"subjects": "1,8"}, "nothing for val: add some, like 077,083"),
        ({"shortest": 1000}, "no simulated take has 1000 pictures"),
        ({"subjects": "1", "expressions": "anger", "takes": 1, "split": "clip"}, "1 takes cannot be split"),
    ],
)
def test_wrong_parameters_are_one_sentence(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StbenchError, match=sentence):
        blueprint("simulated", **settings)


def test_fetch_says_who_gives_the_photographs_out_and_cite_names_the_paper() -> None:
    from stbench.provenance.citation import citation
    from stbench.raw.fetch import fetch

    with pytest.raises(StbenchError, match="cannot be fetched by a program"):
        fetch(mug)
    for words in ("mug.ee.auth.gr/fed", "licence agreement", "subjects3/001/anger", "non-commercial"):
        assert words in mug.instructions
    text = citation("mug", {}, "simulated").bibtex
    assert "aifanti2010mug" in text
    assert "mug/1" in text
