from __future__ import annotations

import json
import multiprocessing
import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from toy_dataset import CARD, Produce, toy

import stbench
from stbench import registry
from stbench.contract.datasets import Coordinate
from stbench.errors import Damaged, StbenchError
from stbench.store import reader
from stbench.store.named import locate, open_named
from stbench.store.reader import Store, open_store
from stbench.store.verify import verify
from stbench.store.writer import generate


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return generate(toy(normaliser="standardise"), tmp_path_factory.mktemp("stores") / "toy.zarr", workers=1)


def test_properties_are_the_blueprints(store: Store) -> None:
    blueprint = toy(normaliser="standardise")
    assert (store.dataset, store.version, store.source, store.seed) == ("toy", "1", "procedural", 0)
    assert store.parameters == {"sequences": 13, "frames": 12, "size": 8}
    assert store.fingerprint == blueprint.fingerprint
    assert store.split == blueprint.split
    assert store.card == CARD
    assert store.attributes["card"]["generation"] == CARD.cost, "the name older stores have"
    assert (store.n_sequences, store.n_frames, store.frame_shape) == (13, 12, (1, 8, 8))


def test_read_takes_an_integer_a_slice_or_an_array(store: Store) -> None:
    frames = toy().produce(0, 13)["frames"]
    assert np.array_equal(store.read(5), frames[5])
    assert np.array_equal(store.read(np.int64(5), slice(2, 7)), frames[5, 2:7])
    assert np.array_equal(store.read(-1), frames[-1])
    assert np.array_equal(store.read(slice(3, 9), slice(4, None)), frames[3:9, 4:])
    assert np.array_equal(store.read(np.array([11, 2, 7]), slice(0, 3)), frames[[11, 2, 7], :3])
    assert np.array_equal(store.read(np.array([4, 1]), variable="pair"), toy().produce(0, 13)["pair"][[4, 1]])
    with pytest.raises(IndexError):
        store.read(13)
    with pytest.raises(StbenchError, match="did you mean 'frames'"):
        store.read(0, variable="frame")


def test_factors_are_the_variables_of_one_value_per_sequence(store: Store) -> None:
    assert list(store.factors()) == ["speed"]
    assert np.array_equal(store.factor("speed"), toy().produce(0, 13)["speed"])


def test_normalised_train_frames_have_mean_zero_and_deviation_one(store: Store) -> None:
    frames = store.read(slice(0, 9))
    normal = store.normalise(frames)
    assert normal.dtype == np.float32
    assert normal.mean(dtype=np.float64) == pytest.approx(0, abs=1e-6)
    assert normal.std(dtype=np.float64) == pytest.approx(1, abs=1e-6)
    assert store.denormalise(normal) == pytest.approx(frames, abs=1e-6)


def test_the_identity_normaliser_changes_nothing(tmp_path: Path) -> None:
    plain = generate(toy(), tmp_path / "toy.zarr", workers=1)
    assert (plain.mean, plain.std) == (0.0, 1.0)
    assert np.array_equal(plain.normalise(plain.read(0)), plain.read(0))
    assert np.array_equal(plain.denormalise(plain.read(0)), plain.read(0))


def test_a_store_survives_pickling_after_it_was_read(store: Store) -> None:
    store.read(0)
    again = pickle.loads(pickle.dumps(store))
    assert again == store
    assert np.array_equal(again.read(3), store.read(3))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_store_read_here_can_be_read_in_another_process(store: Store, method: str) -> None:
    store.read(0)
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert np.array_equal(pool.apply_async(store.read, (3,)).get(timeout=60), store.read(3))


def test_opening_imports_neither_zarr_nor_dask_nor_xarray(store: Store) -> None:
    code = (
        f"import sys; from stbench.store.reader import open_store; s = open_store({str(store.path)!r}); s.split;"
        "print(sorted({'zarr', 'dask', 'xarray', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_to_xarray_is_lazy_and_the_same(store: Store) -> None:
    dataset = store.to_xarray()
    assert dataset.frames.chunks is not None
    assert np.array_equal(dataset.frames[4], store.read(4))


def test_stbench_open_takes_a_path(store: Store) -> None:
    assert stbench.open(store.path).attrs["digest"] == store.digest


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no store at"),
        ({}, "is not a store"),
        ({"zarr.json": "{"}, "the metadata of the store .* are damaged"),
        ({"zarr.json": "[]"}, "the metadata of the store .* are damaged"),
        ({"zarr.json": '{"attributes": {}}'}, "is a zarr group, but not a finished stbench store"),
        ({"zarr.json": '{"attributes": {"stbench_store_format": 5}}'}, "store format 5 .* upgrade stbench"),
        ({"zarr.json": '{"attributes": {"stbench_store_format": 1}}'}, "are damaged .no 'dataset'"),
        ({"zarr.json": '{"attributes": {"stbench_store_format": 3}}'}, "are damaged .*json_attributes"),
        (
            {"zarr.json": '{"attributes": {"stbench_store_format": 3, "json_attributes": "card", "card": "{"}}'},
            "the metadata of the store .* are damaged",
        ),
    ],
)
def test_what_is_not_a_store_is_told_in_one_sentence(
    tmp_path: Path, content: dict[str, str] | None, message: str
) -> None:
    path = tmp_path / "x.zarr"
    if content is not None:
        path.mkdir()
        for name, text in content.items():
            (path / name).write_text(text)
    with pytest.raises(StbenchError, match=message):
        open_store(path)


def test_a_file_is_not_a_store(tmp_path: Path) -> None:
    (tmp_path / "x.zarr").write_text("")
    with pytest.raises(StbenchError, match="is not a store"):
        open_store(tmp_path / "x.zarr")


def test_a_half_written_store_is_refused_by_either_name(tmp_path: Path) -> None:
    (tmp_path / "x.zarr.part").mkdir()
    for name in ("x.zarr", "x.zarr.part"):
        with pytest.raises(StbenchError, match=r"half-written.*it continues"):
            open_store(tmp_path / name)


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registered dataset "toy" whose stores lie in the returned folder."""

    from dataclasses import make_dataclass

    parameters = make_dataclass("ToyParameters", [("sequences", int, 13)], frozen=True)
    generator = SimpleNamespace(
        name="toy",
        parameters=parameters,
        sources=lambda raw: ("procedural", *(["official"] if raw else [])),
        blueprint=lambda p, source, raw: toy(p.sequences, source=source),
    )
    entry = SimpleNamespace(load=lambda: generator)
    monkeypatch.setattr(registry, "_group", lambda kind: {"toy": entry})
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path))
    monkeypatch.delenv("STBENCH_RAW", raising=False)
    return tmp_path


def test_a_dataset_not_generated_yet_is_told_with_the_command(registered: Path) -> None:
    with pytest.raises(StbenchError, match="run `stbench generate toy`"):
        open_named("toy")
    with pytest.raises(StbenchError, match="run `stbench generate toy --set sequences=7`"):
        open_named("toy", {"sequences": 7})
    locate("toy").with_name(locate("toy").name + ".part").mkdir()
    with pytest.raises(StbenchError, match=r"is half-written .* run `stbench generate toy`"):
        open_named("toy")


def test_a_generated_dataset_opens_by_name_and_parameters(registered: Path) -> None:
    from stbench.store.build import build, resolve

    built = build(resolve("toy", {"sequences": "5"}), workers=1)
    assert built.path == locate("toy", {"sequences": 5})
    assert built.path.parent == registered
    assert open_named("toy", {"sequences": 5}) == built
    assert stbench.open("toy", sequences=5).sizes["sequence"] == 5
    assert locate("toy") != built.path


def test_names_and_paths_are_not_confused(registered: Path) -> None:
    with pytest.raises(StbenchError, match=r"no dataset 'tuy'.*did you mean 'toy'"):
        open_named("tuy")
    with pytest.raises(StbenchError, match="there is no store at"):
        open_named(registered / "none.zarr")
    with pytest.raises(StbenchError, match=r"parameters \(sequences\) go with a dataset's name"):
        open_named(registered / "none.zarr", {"sequences": 3})


def test_sources_are_chosen_or_refused(registered: Path) -> None:
    from stbench.store.build import resolve

    assert resolve("toy", {}).source == "procedural"
    assert resolve("toy", {}, "official", registered).source == "official"
    with pytest.raises(
        StbenchError, match="'official' of the dataset 'toy' is not available and STBENCH_RAW is not set"
    ):
        resolve("toy", {}, "official")
    with pytest.raises(StbenchError, match="no source 'oficial': did you mean 'official'"):
        resolve("toy", {}, "oficial")
    with pytest.raises(StbenchError, match="no dataset 'tou'"):
        resolve("tou", {})
    with pytest.raises(StbenchError, match="no parameter 'sequence'"):
        resolve("toy", {"sequence": 3})


def test_attributes_are_plain_json(store: Store) -> None:
    assert json.loads(json.dumps(store.attributes, allow_nan=False)) == store.attributes


# ---- What is missing or damaged is never read as values


def shards(store: Store) -> list[Path]:
    return sorted(path for path in (store.path / "frames").iterdir() if path.name != "zarr.json")


def asked(name: str, path: Path) -> None:
    if name == "generate":
        generate(toy(normaliser="standardise"), path, workers=1)
    elif name == "xarray":
        open_store(path).to_xarray()
    elif name == "window":
        open_store(path).window(0, 0, 3)
    else:
        open_store(path).read(slice(None), variable="frames")


@pytest.mark.parametrize("name", ["generate", "xarray", "window", "read"])
@pytest.mark.parametrize("lost", ["frames", "speed"])
@pytest.mark.parametrize("emptied", [False, True])
def test_a_store_that_lacks_a_file_is_refused_and_not_read_as_zeros(
    tmp_path: Path, name: str, lost: str, emptied: bool
) -> None:
    """zarr reads its fill value where a file is missing; whoever forecast zeros would be right."""
    store = generate(toy(normaliser="standardise"), tmp_path / "toy.zarr", workers=1)
    gone = shards(store)[0] if lost == "frames" else next(p for p in (store.path / lost).rglob("*") if p.is_file())
    if emptied:
        gone.write_bytes(b"")
    else:
        gone.unlink()
    missing = gone.relative_to(store.path).as_posix()
    with pytest.raises(
        Damaged, match=f"toy.zarr 1 are missing or empty, {missing} first: delete the store and generate"
    ):
        asked(name, store.path)


@pytest.mark.parametrize("name", ["window", "read"])
@pytest.mark.parametrize("left", [10, -5])
def test_a_truncated_file_is_one_sentence(tmp_path: Path, name: str, left: int) -> None:
    store = generate(toy(normaliser="standardise"), tmp_path / "toy.zarr", workers=1)
    content = shards(store)[0].read_bytes()
    shards(store)[0].write_bytes(content[:left])
    with pytest.raises(
        Damaged, match=r"'frames' of the store .*toy.zarr cannot be read .*: delete the store and generate"
    ):
        asked(name, store.path)


def test_a_sequence_that_is_not_there_is_no_damage(store: Store) -> None:
    with pytest.raises(IndexError):
        store.read(13)


@pytest.mark.parametrize("place", ["opened", "looked at", "checksums"])
def test_a_file_that_may_not_be_opened_is_no_damage_and_nothing_is_to_be_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def refused(*arguments: object, **keywords: object) -> None:
        raise PermissionError(13, "Permission denied")

    store = generate(toy(normaliser="standardise"), tmp_path / "toy.zarr", workers=1)
    name = {"opened": "reader._array", "looked at": "reader._holds_something", "checksums": "integrity._attributes"}
    reader._check_files.cache_clear()
    reader._array.cache_clear()
    monkeypatch.setattr(f"stbench.store.{name[place]}", refused)
    with pytest.raises(StbenchError, match=r"Permission denied.*: mend that, then give the same command") as told:
        open_store(store.path).read(0)
    assert not isinstance(told.value, Damaged)


@pytest.mark.parametrize("name", ["a.zarr::b.zarr", "::b.zarr", "new::zarr"])
def test_a_path_with_two_colons_is_that_path_and_no_address_of_another_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """fsspec takes the text "a::b" for an address of b by way of a."""
    monkeypatch.chdir(tmp_path)
    for other in ("a.zarr", "b.zarr"):
        generate(toy(seed=1), tmp_path / other, workers=1)
    lengths = np.arange(13) % 12 + 1
    blueprint = toy(per_shard=4)
    row_size = {"row_size": Coordinate(("sequence",), np.asarray(lengths, np.int64))}
    ragged = toy(coordinates={**blueprint.coordinates, **row_size}, produce=Cut(tuple(lengths.tolist())))
    store = generate(ragged, Path(name), workers=1)
    assert store.path == tmp_path / name
    wanted = ragged.produce(0, 13)["frames"]
    assert np.array_equal(store.read(slice(None)), wanted)
    assert store.row_size is not None
    assert store.row_size.tolist() == lengths.tolist()
    assert np.array_equal(store.to_xarray().frames, wanted)
    assert verify(store.path).ok


@dataclass(frozen=True)
class Cut:
    """The toy's frames up to the length of each sequence."""

    lengths: tuple[int, ...]

    def __call__(self, first: int, last: int) -> dict[str, np.ndarray]:
        arrays = Produce(0, 12, 8)(first, last)
        for row, length in enumerate(self.lengths[first:last]):
            arrays["frames"][row, length:] = 0
        return arrays
