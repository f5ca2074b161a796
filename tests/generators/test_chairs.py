"""3D chairs: views, split, sequences and swap cases are the published ones, from official files and from drawn ones."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chairs_files import MODELS, NAMES, write_tree
from PIL import Image
from stbench.baselines.floors.persistence import Persistence
from stbench.generators.chairs.dataset import ChairsParameters, chairs
from stbench.generators.chairs.split import split_of
from stbench.generators.chairs.stand_in.factors import models_of
from stbench.generators.chairs.swap import published_draws

from stbench.contract.datasets import Blueprint, Track, parse_parameters
from stbench.errors import StbenchError
from stbench.protocols.forecast import forecast
from stbench.protocols.predictions import PredictionWriter, score_predictions
from stbench.protocols.swap import swap
from stbench.protocols.windows import evenly_spaced, track_windows
from stbench.raw.fetch import fetch
from stbench.splits.index import WindowIndex
from stbench.store.reader import Store
from stbench.store.verify import verify
from stbench.store.writer import generate

pytestmark = pytest.mark.usefixtures("own_data")

FORECAST, SWAP = chairs.tracks
SMALL: dict[str, Any] = {"chairs": 3, "size": 16}


def blueprint(source: str, raw: Path | None = None, **settings: Any) -> Blueprint:
    return chairs.blueprint(parse_parameters(ChairsParameters, {**SMALL, **settings}), source, raw)


# ---- official files


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("raw") / "chairs").parents[1]


@pytest.fixture(scope="module")
def official(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return generate(blueprint("official", tree), tmp_path_factory.mktemp("stores") / "chairs.zarr", workers=1)


def in_order() -> list[str]:
    shuffled = sorted(MODELS)
    np.random.RandomState(42).shuffle(shuffled)
    return shuffled


def test_an_official_tree_is_read_pixel_by_pixel(official: Store, tree: Path) -> None:
    assert (official.source, official.n_sequences, official.frames_shape[1:]) == ("official", 6, (45, 3, 16, 16))
    for place, model in enumerate(in_order()):
        expected = [
            np.asarray(
                Image.open(tree / "chairs/rendered_chairs" / model / "renders" / name)
                .crop((100, 100, 500, 500))
                .resize((16, 16), Image.Resampling.LANCZOS)
            )
            for name in NAMES
        ]
        for ring in (0, 1):
            frames = official.read(2 * place + ring).transpose(0, 2, 3, 1)
            assert np.array_equal(frames[:31], expected[31 * ring : 31 * ring + 31])
            assert np.array_equal(frames[31:], frames[:14])
    assert official.factor("elevation").tolist() == [20, 30] * 3
    assert (
        official.factor("chair").tolist() == np.repeat([sorted(MODELS).index(each) for each in in_order()], 2).tolist()
    )
    model = official.read(slice(None), variable="model")
    assert [bytes(row).hex() for row in model[::2].tolist()] == [each.zfill(32) for each in in_order()]
    assert official.to_xarray()["azimuth"].values[:4].tolist() == [0, 11, 23, 34]
    assert official.split.ranges == {"train": ((0, 2),), "val": ((2, 4),), "test": ((4, 6),)}
    assert verify(official.path).ok


@pytest.mark.parametrize("layout", ["chairs", "3DChairs/rendered_chairs", "rendered_chairs"])
def test_trees_lie_as_people_unpack_them(tmp_path: Path, tree: Path, layout: str) -> None:
    (tmp_path / layout).parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(tree / "chairs/rendered_chairs", tmp_path / layout, copy_function=shutil.copyfile)
    assert chairs.sources(tmp_path) == ("official", "simulated")
    assert blueprint("official", tmp_path).fingerprint == blueprint("official", tree).fingerprint


def test_a_file_of_another_size_is_another_identity(tmp_path: Path, tree: Path) -> None:
    shutil.copytree(tree / "chairs", tmp_path / "chairs")
    with (tmp_path / "chairs/rendered_chairs" / MODELS[0] / "renders" / NAMES[9]).open("ab") as file:
        file.write(b"\0")
    assert blueprint("official", tmp_path).fingerprint != blueprint("official", tree).fingerprint


def test_fetch_says_what_to_get_from_whom_and_where_to_put_it() -> None:
    with pytest.raises(StbenchError, match="cannot be fetched by a program: get them as described and put them into"):
        fetch(chairs)
    for words in ("rendered_chairs.tar", "1,393", "From whom:", "Terms:", "Where to: RAW/chairs/rendered_chairs/"):
        assert words in chairs.instructions


# ---- windows


def test_a_window_of_the_main_track_begins_at_every_view(official: Store) -> None:
    windows = track_windows(official, FORECAST)
    assert (FORECAST.conditioning, FORECAST.horizon, FORECAST.train_horizon) == (5, 10, 10)
    assert len(windows) == 62
    assert windows.start.tolist() == [*range(31)] * 2


@pytest.mark.parametrize(("order", "frames"), [("rings", 45), ("official", 76)])
def test_there_are_as_many_windows_as_published(order: str, frames: int) -> None:
    split = split_of(1_393, order)
    count = {part: len(WindowIndex.of_split(split, part, frames, 5, 10)) for part in ("train+val", "test")}
    assert count == {"train+val": 62 * 1_184, "test": 62 * 209}


@pytest.fixture(scope="module")
def walked(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = blueprint("official", tree, order="official")
    return generate(made, tmp_path_factory.mktemp("stores") / "chairs.zarr", workers=1)


def test_the_official_order_has_the_published_windows(walked: Store, official: Store) -> None:
    assert walked.frames_shape == (3, 76, 3, 16, 16)
    windows = track_windows(walked, FORECAST)
    assert windows.start.tolist() == [*range(62)]
    views = np.concatenate([official.read(4)[:31], official.read(5)[:31]])
    for start in (0, 20, 55):
        published = views[[(start + i) % 62 for i in range(15)]]
        assert np.array_equal(walked.read(2, slice(start, start + 15)), published)
    assert walked.to_xarray()["elevation"].values[[30, 31, 61, 62]].tolist() == [20, 30, 30, 20]


def test_a_longer_wrap_serves_longer_windows(tree: Path) -> None:
    made = blueprint("official", tree, wrap=19)
    assert made.variables["frames"].shape[1] == 50
    assert len(WindowIndex.of_split(made.split, "test", 50, 5, 15)) == 62
    assert blueprint("official", tree, wrap=0).variables["frames"].shape[1] == 31


def test_the_two_elevations_of_a_chair_are_one_sample_of_a_forecast(official: Store, tmp_path: Path) -> None:
    scores = forecast(Persistence(), official, FORECAST, split="train+val+test")
    assert np.array_equal(scores.cluster, official.factor("chair")[scores.sequence])
    assert (len(np.unique(scores.sequence)), len(np.unique(scores.cluster))) == (6, 3)
    with PredictionWriter(tmp_path / "p.zarr", official, FORECAST, "persistence") as writer:
        made = forecast(Persistence(), official, FORECAST, predictions=writer)
    assert np.array_equal(score_predictions(tmp_path / "p.zarr", official, FORECAST).cluster, made.cluster)


# ---- swap


def test_swap_cases_are_drawn_as_the_published_script_draws_them() -> None:
    chair, view = published_draws(50, 209, 20)
    state = np.random.get_state()  # noqa: NPY002
    try:
        np.random.seed(1)  # noqa: NPY002
        drawn = [(np.random.randint(209), np.random.randint(62 - 20)) for _ in range(50)]  # noqa: NPY002
    finally:
        np.random.set_state(state)  # noqa: NPY002
    assert list(zip(chair.tolist(), view.tolist(), strict=True)) == drawn


def test_the_truth_of_a_swap_is_the_content_chair_at_the_views_of_the_motion(walked: Store) -> None:
    cases = chairs.swap_cases(walked, SWAP, "train+val+test")
    assert (len(cases), cases.orders, SWAP.horizon) == (62 * 3, 1, 15)
    views = walked.read(slice(None))[:, :62].astype(np.float32) / 255
    chair, first = published_draws(186, 3, 20)
    content, motion, truth = cases.read(np.arange(186))
    for i in (0, 1, 47, 100, 185):
        start = i // 3
        assert (cases.sequence[i], cases.start[i]) == (i % 3, start)
        assert np.array_equal(content[i], views[chair[i], first[i] : first[i] + 5])
        assert np.array_equal(motion[i], views[i % 3, np.arange(start, start + 5) % 62])
        assert np.array_equal(truth[0, i], views[chair[i], np.arange(start + 5, start + 20) % 62])


def test_swaps_are_no_independent_samples_where_they_share_a_content(walked: Store) -> None:
    cases = chairs.swap_cases(walked, SWAP, "train+val+test")
    assert cases.cluster is not None
    assert np.array_equal(cases.cluster, published_draws(186, 3, 20)[0])
    scores = swap(Persistence(), walked, SWAP, split="train+val+test", limit=40)
    assert np.array_equal(scores.cluster, cases.cluster[evenly_spaced(186, 40)])


def test_swap_cases_in_rings_are_those_of_the_published_walk_where_it_does_not_jump(
    walked: Store, official: Store
) -> None:
    one, two = (chairs.swap_cases(store, SWAP, "train+val+test") for store in (walked, official))
    items = np.arange(186)
    start, (_, first) = items // 3, published_draws(186, 3, 20)
    smooth = (start % 31 <= 11) & (first % 31 <= 26)
    assert smooth.sum() > 40
    for a, b in zip(one.read(items[smooth]), two.read(items[smooth]), strict=True):
        assert np.array_equal(a, b)
    # A motion at the end of a ring goes on at its beginning.
    last = 3 * 30
    _, motion, _ = two.read(np.array([last]))
    ring = official.read(int(two.sequence[last])).astype(np.float32) / 255
    assert (two.start[last], official.factor("elevation")[two.sequence[last]]) == (30, 20)
    assert np.array_equal(motion[0], ring[[30, 0, 1, 2, 3]])


def test_a_swap_that_asks_for_all_views_is_refused(official: Store) -> None:
    with pytest.raises(StbenchError, match=r"2 sequences in 'test' of 62 views a chair, too few or too short"):
        chairs.swap_cases(official, Track("chairs", "swap", 5, 57, 10, ("mse",)))


# ---- simulated


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return generate(blueprint("simulated"), tmp_path_factory.mktemp("stores") / "chairs.zarr", workers=1)


def test_the_stand_in_says_so_and_knows_its_shapes(simulated: Store) -> None:
    assert "simulated" in simulated.card.title
    assert simulated.card.summary.startswith("Simulated")
    about = simulated.attributes["variables"]["shape"]
    measures = simulated.to_xarray()["shape"].attrs["measures"].split()
    assert about["shape"] == [6, len(measures)]
    assert len(measures) >= 20
    shape = simulated.read(slice(None), variable="shape")
    assert np.array_equal(shape[::2], shape[1::2])
    assert len(np.unique(shape[:, measures.index("seat_width")])) == 3
    kinds = simulated.to_xarray()["kind"].attrs["flag_meanings"].split()
    assert simulated.factor("kind").max() < len(kinds) == 14


def test_written_as_files_and_imported_again_the_chairs_are_the_same_bytes(simulated: Store, tmp_path: Path) -> None:
    made = blueprint("simulated", write_raw=True)
    again = generate(made, tmp_path / "again.zarr", workers=1)
    assert again.digest == simulated.digest
    (folder,) = (tmp_path / "data" / "raw").iterdir()
    assert [each.name for each in folder.iterdir()] == ["rendered_chairs"]
    with Image.open(folder / "rendered_chairs" / min(models_of(0, 3)) / "renders" / NAMES[0]) as picture:
        assert (picture.size, picture.mode) == ((600, 600), "RGB")
    # The tree is in the official layout: read as official it is the same data once more.
    read = blueprint("official", folder).produce(0, 6)
    assert np.array_equal(read["frames"], simulated.read(slice(None)))
    assert read["model"].tolist() == simulated.read(slice(None), variable="model").tolist()


@pytest.mark.parametrize(("workers", "scheduler"), [(2, "threads"), (2, "processes")])
def test_the_digest_does_not_depend_on_workers(
    simulated: Store, tmp_path: Path, workers: int, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stbench.generators.chairs.dataset.SHARD_BYTES", 100_000)
    again = generate(blueprint("simulated"), tmp_path / "again.zarr", workers=workers, scheduler=scheduler)
    assert again.digest == simulated.digest


def test_interrupted_it_goes_on_and_ends_with_the_same_digest(
    simulated: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stbench.generators.chairs.produce import Drawn

    monkeypatch.setattr("stbench.generators.chairs.dataset.SHARD_BYTES", 100_000)
    drawn, whole = [], Drawn.frames

    def breaks(self: Drawn, chair: int, model: str, size: int) -> np.ndarray:
        drawn.append(chair)
        if len(drawn) == 3:
            raise KeyboardInterrupt
        return whole(self, chair, model, size)

    made = blueprint("simulated")
    with monkeypatch.context() as patch:
        patch.setattr(Drawn, "frames", breaks)
        with pytest.raises(KeyboardInterrupt):
            generate(made, tmp_path / "chairs.zarr", workers=1)
    assert not (tmp_path / "chairs.zarr").exists()
    assert len(list((tmp_path / "chairs.zarr.part" / "done").iterdir())) >= 1
    assert generate(made, tmp_path / "chairs.zarr", workers=1).digest == simulated.digest


def test_writing_the_tree_goes_on_where_it_broke_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stbench.generators.chairs.stand_in import files as chairs_files

    def flat(seed: int, number: int, box: Any, side: int) -> np.ndarray:
        if number == broken:
            raise KeyboardInterrupt
        return np.full((62, 4, 4, 3), number, np.uint8)

    monkeypatch.setattr(chairs_files, "draw", flat)
    folder, models = tmp_path / "tree", models_of(0, 3)
    broken = list(models.values())[1]
    with pytest.raises(KeyboardInterrupt):
        chairs_files.write_chairs(0, models, folder)
    assert not folder.exists()
    first = folder.with_name("tree.part") / "rendered_chairs" / next(iter(models)) / "renders" / NAMES[61]
    written, broken = first.stat().st_mtime_ns, -1
    chairs_files.write_chairs(0, models, folder)
    assert (folder / "rendered_chairs" / next(iter(models)) / "renders" / NAMES[61]).stat().st_mtime_ns == written
    assert sorted(each.name for each in (folder / "rendered_chairs").iterdir()) == list(models)
    chairs_files.write_chairs(0, models, folder)


def test_a_chair_does_not_depend_on_how_many_there_are() -> None:
    few, many = models_of(0, 3), models_of(0, 60)
    assert few.items() <= many.items()
    assert models_of(1, 3).keys().isdisjoint(many)


def test_blueprints_travel_to_other_processes_and_say_what_they_are() -> None:
    made = blueprint("simulated")
    assert pickle.loads(pickle.dumps(made.produce)) == made.produce
    assert made.parameters["order"] == "rings"
    others = ({"seed": 1}, {"order": "official"}, {"wrap": 13}, {"chairs": 4}, {"size": 32})
    assert len({made.fingerprint, *(blueprint("simulated", **each).fingerprint for each in others)}) == 6


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"chairs": 2}, "'chairs' must lie between 3 and 1,393, not 2"),
        ({"wrap": -1}, "'wrap' must lie between 0 and 31"),
        ({"size": 4_000}, "'size' must lie between 8 and 400"),
        ({"order": "ring"}, "'order' cannot be 'ring': did you mean 'rings'"),
        ({"seed": -1}, "'seed' must lie between"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StbenchError, match=sentence):
        blueprint("simulated", **settings)


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(StbenchError, match="official and simulated, not 'procedural'"):
        blueprint("procedural")
