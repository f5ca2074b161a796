from __future__ import annotations

import json
import threading
import warnings
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from toy_dataset import Produce, toy

from stbench.contract.datasets import Split
from stbench.errors import StbenchError
from stbench.store import layout, writer
from stbench.store.digest import combine, sequence_digest
from stbench.store.reader import open_store
from stbench.store.writer import generate


def reference_digest(**parameters: Any) -> str:
    """The digest straight from the generator's function, without a store."""
    blueprint = toy(**parameters)
    sequences = []
    for i in range(blueprint.n_sequences):
        sequences.append(sequence_digest({name: values[0] for name, values in blueprint.produce(i, i + 1).items()}))
    return combine(sequences, {name: each.values for name, each in blueprint.coordinates.items()})


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("per_shard", [1, 4, 20])
def test_digest_is_independent_of_workers_and_shards(tmp_path: Path, workers: int, per_shard: int) -> None:
    store = generate(toy(per_shard=per_shard), tmp_path / "toy.zarr", workers=workers)
    assert store.digest == reference_digest()


def test_digest_is_the_same_in_other_processes(tmp_path: Path) -> None:
    store = generate(toy(), tmp_path / "toy.zarr", workers=2, scheduler="processes")
    assert store.digest == reference_digest()


def test_digest_is_the_same_on_a_running_cluster(tmp_path: Path) -> None:
    from distributed import LocalCluster

    seen: list[tuple[int, int]] = []
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, protocol="tcp://", dashboard_address=None
    ) as cluster:
        address = cluster.scheduler_address
        assert address.startswith("tcp://")
        store = generate(
            toy(), tmp_path / "toy.zarr", scheduler=address, on_progress=lambda done, total: seen.append((done, total))
        )
    assert store.digest == reference_digest()
    assert seen[0] == (0, 13)
    assert seen[-1] == (13, 13)


def test_digest_is_independent_of_shard_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def backwards(task: Any, numbers: Any, workers: int, scheduler: str, on_done: Any) -> None:
        for number in reversed(numbers):
            on_done(task(number))

    monkeypatch.setattr(writer, "run_tasks", backwards)
    assert generate(toy(), tmp_path / "toy.zarr").digest == reference_digest()


@pytest.mark.parametrize("chunk", [1, 12, 100])
def test_digest_is_independent_of_chunks_and_codec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    from zarr.codecs import ZstdCodec

    monkeypatch.setattr(layout, "_compressor", lambda: ZstdCodec(level=3))
    store = generate(toy(chunk=chunk), tmp_path / "toy.zarr", workers=2)
    assert store.digest == reference_digest()


def test_digest_changes_with_seed() -> None:
    assert reference_digest(seed=1) != reference_digest()


def test_stored_values_are_the_generators(tmp_path: Path) -> None:
    blueprint = toy()
    store = generate(blueprint, tmp_path / "toy.zarr", workers=2)
    for name, values in blueprint.produce(0, 13).items():
        assert np.array_equal(store.read(slice(None), variable=name), values)
        assert store.read(slice(None), variable=name).dtype == values.dtype


@pytest.mark.parametrize("options", [{}, {"consolidated": False}])
def test_plain_open_zarr_gives_named_dimensions_and_cf_attributes(tmp_path: Path, options: dict[str, Any]) -> None:
    generate(toy(), tmp_path / "toy.zarr", workers=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset = xr.open_zarr(tmp_path / "toy.zarr", **options)
        frames = dataset.frames.load()
    assert frames.dims == ("sequence", "time", "channel", "y", "x")
    assert frames.attrs["units"] == "1"
    assert set(dataset.data_vars) == {"frames", "speed", "pair"}
    assert set(dataset.coords) == {"time", "y", "x", "distance"}
    assert dataset.time.attrs == {"standard_name": "time", "units": "s"}
    assert np.array_equal(dataset.time, np.arange(12) * 0.5)
    assert dataset.attrs["Conventions"] == "CF-1.11, ACDD-1.3"
    assert np.array_equal(frames, toy().produce(0, 13)["frames"])


def test_root_attributes_say_all_a_user_needs(tmp_path: Path) -> None:
    blueprint = toy(certificate=lambda: {"order": 4.0})
    generate(blueprint, tmp_path / "toy.zarr", workers=1)
    attributes = json.loads((tmp_path / "toy.zarr" / "zarr.json").read_text(), parse_constant=pytest.fail)["attributes"]
    for name in attributes["json_attributes"].split():
        attributes[name] = json.loads(attributes[name], parse_constant=pytest.fail)
    assert {key: attributes[key] for key in blueprint.identity} == blueprint.identity
    assert attributes["fingerprint"] == blueprint.fingerprint
    assert attributes["split"]["id"] == "toy-13"
    assert attributes["split"]["digest"] == blueprint.split.digest
    assert attributes["certificate"] == {"order": 4.0}
    assert attributes["normaliser"] == {"kind": "identity"}
    assert {name: attributes[name] for name in ("licence", "citation", "title", "summary", "keywords")} == {
        "licence": "CC0-1.0",
        "citation": "@misc{toy}",
        "title": "Toy waves",
        "summary": "Travelling waves on a small grid.",
        "keywords": "waves, toys",
    }
    frames = blueprint.produce(0, 13)["frames"].astype(np.float64)
    for part, rows in {
        "train": slice(0, 9),
        "val": slice(9, 10),
        "test": slice(10, 13),
        "train+val": slice(0, 10),
    }.items():
        assert attributes["statistics"][part]["mean"] == pytest.approx(frames[rows].mean(), rel=1e-12)
        assert attributes["statistics"][part]["std"] == pytest.approx(frames[rows].std(), rel=1e-12)


def test_statistics_are_the_same_bits_for_any_shards_and_workers(tmp_path: Path) -> None:
    stores = [
        generate(toy(per_shard=per_shard), tmp_path / f"{per_shard}.zarr", workers=workers)
        for per_shard, workers in ((1, 4), (5, 2), (20, 1))
    ]
    assert (
        stores[0].attributes["statistics"] == stores[1].attributes["statistics"] == stores[2].attributes["statistics"]
    )


def test_train_statistics_never_see_the_future_of_a_split_in_time(tmp_path: Path) -> None:
    ranges = {"train": ((0, 13, 0, 8),), "val": ((0, 13, 8, 10),), "test": ((0, 13, 10, 12),)}
    store = generate(toy(split=Split("in-time", 13, ranges), normaliser="standardise"), tmp_path / "toy.zarr")
    past = store.read(slice(None))[:, :8].astype(np.float64)
    assert store.mean == pytest.approx(past.mean(), rel=1e-12)
    assert store.std == pytest.approx(past.std(), rel=1e-12)


def test_a_shard_of_nothing_but_fill_values_is_stored_all_the_same(tmp_path: Path) -> None:
    store = generate(toy(produce=Blank(), per_shard=5), tmp_path / "toy.zarr")
    assert len(list((store.path / "frames").glob("c.*"))) == 3
    assert np.isnan(store.read(slice(None))).all()


class Blank:
    def __call__(self, first: int, last: int) -> dict[str, np.ndarray]:
        arrays = Produce(0, 12, 8)(first, last)
        return arrays | {"frames": np.full_like(arrays["frames"], np.nan)}


def test_at_most_one_shard_per_worker_is_in_memory(tmp_path: Path) -> None:
    counter = Counter()
    generate(toy(40, per_shard=1, produce=counter), tmp_path / "toy.zarr", workers=3)
    assert 1 < counter.most <= 3


class Counter:
    """Counts the frames arrays that are alive."""

    def __init__(self) -> None:
        self.alive = self.most = 0
        self.lock = threading.Lock()

    def __call__(self, first: int, last: int) -> dict[str, np.ndarray]:
        arrays = Produce(0, 12, 8, pause=0.003)(first, last)
        with self.lock:
            self.alive += 1
            self.most = max(self.most, self.alive)
        weakref.finalize(arrays["frames"], self.forget)
        return arrays

    def forget(self) -> None:
        with self.lock:
            self.alive -= 1


def test_prepare_runs_once_before_the_first_sequence(tmp_path: Path) -> None:
    calls: list[str] = []
    blueprint = toy(prepare=lambda: calls.append("prepare"))
    generate(blueprint, tmp_path / "toy.zarr", on_progress=lambda done, total: calls.append(f"{done}"))
    assert calls.count("prepare") == 1
    assert calls.index("prepare") == 1  # after "0"
    generate(blueprint, tmp_path / "toy.zarr")
    assert calls.count("prepare") == 1


@pytest.mark.parametrize(
    "wrong",
    [
        lambda arrays: arrays | {"frames": arrays["frames"].astype(np.float64)},
        lambda arrays: arrays | {"frames": arrays["frames"][:, 1:]},
        lambda arrays: {"frames": arrays["frames"]},
    ],
    ids=["dtype", "shape", "names"],
)
def test_a_generator_that_breaks_its_blueprint_is_told(tmp_path: Path, wrong: Any) -> None:
    produce = Produce(0, 12, 8)
    with pytest.raises(ValueError, match="produce gave"):
        generate(toy(produce=lambda first, last: wrong(produce(first, last))), tmp_path / "toy.zarr", workers=1)
    assert not (tmp_path / "toy.zarr").exists()


def test_an_unknown_scheduler_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match="did you mean 'threads'"):
        generate(toy(), tmp_path / "toy.zarr", scheduler="thread")


def test_a_cluster_that_does_not_answer_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import distributed

    def refuse(address: str, **options: Any) -> None:
        raise OSError(f"Timed out trying to connect to {address}")

    monkeypatch.setattr(distributed, "Client", refuse)
    with pytest.raises(StbenchError, match=r"no Dask scheduler at tcp://127\.0\.0\.1:1 "):
        generate(toy(), tmp_path / "toy.zarr", scheduler="tcp://127.0.0.1:1")


def test_two_splits_over_the_same_values_share_the_digest(tmp_path: Path) -> None:
    split = Split("other", 13, {"train": ((0, 12),), "test": ((12, 13),)})
    store = generate(toy(split=split), tmp_path / "toy.zarr")
    assert store.digest == reference_digest()
    assert open_store(store.path).split.digest == split.digest
