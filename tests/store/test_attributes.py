"""What plain xarray can do with a store, and that stores of older formats are the same data."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from toy_dataset import Produce, toy

import stbench
from stbench import registry
from stbench.contract.datasets import Blueprint, Coordinate
from stbench.store.reader import Store, open_store
from stbench.store.verify import verify
from stbench.store.writer import generate

LENGTHS = (4, 2, 3, 1)
DIGESTS = {
    1: "8555e4b5347d4e8b626a3c14ab280a87ce56d75bc937dc04299fb8d2dbf21ee1",
    2: "49d49ff294fa57240ea5ce016abb4e9df1e865bb48abfba9f2e3daf104e391fa",
}
"""Of the stores in `format-1.zip` and `format-2.zip`, made before attributes were JSON texts."""


def cut(first: int, last: int) -> dict[str, np.ndarray]:
    arrays = Produce(0, 4, 2)(first, last)
    for row, length in enumerate(LENGTHS[first:last]):
        arrays["frames"][row, length:] = 0
    return arrays


def of_format(store_format: int) -> Blueprint:
    """The blueprint of the old store with that format."""
    if store_format == 1:
        return toy(4, 4, 2, per_shard=2, normaliser="standardise", certificate=lambda: {"order": 4.0})
    lengths = Coordinate(("sequence",), np.array(LENGTHS, np.int64), {"long_name": "frames"})
    coordinates = {**toy(4, 4, 2).coordinates, "row_size": lengths}
    return toy(4, 4, 2, per_shard=2, coordinates=coordinates, produce=cut)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return generate(toy(normaliser="standardise"), tmp_path_factory.mktemp("stores") / "toy.zarr", workers=1)


def opened(path: Path) -> xr.Dataset:
    return xr.open_zarr(path, consolidated=False)


@pytest.mark.parametrize("store_format", [1, 2])
def test_an_old_store_is_read_and_its_digest_is_that_of_a_new_one(store_format: int, tmp_path: Path) -> None:
    shutil.unpack_archive(Path(__file__).with_name(f"format-{store_format}.zip"), tmp_path / "old.zarr")
    blueprint = of_format(store_format)
    old, new = open_store(tmp_path / "old.zarr"), generate(blueprint, tmp_path / "new.zarr", workers=1)
    assert old.attributes["stbench_store_format"] == store_format
    assert new.attributes["stbench_store_format"] == store_format + 2
    assert old.digest == new.digest == DIGESTS[store_format]
    assert old.fingerprint == new.fingerprint == blueprint.fingerprint
    assert verify(old.path).ok
    assert verify(new.path).ok
    changed = {"summary", "comment", "keywords", "card", "history", "Conventions", "stbench_store_format"}
    changed |= {"stbench_version"}
    assert {key: value for key, value in old.attributes.items() if key not in changed} == {
        key: value for key, value in new.attributes.items() if key not in changed
    }
    assert (old.split, old.normaliser, old.parameters) == (new.split, new.normaliser, new.parameters)
    assert (old.card.title, old.card.keywords) == ("Toy waves", "")
    assert np.array_equal(old.read(slice(None)), new.read(slice(None)))
    assert (old.row_size is None) == (store_format == 1)
    assert generate(blueprint, old.path) == old, "it is finished, and no other store"


def test_a_selection_is_saved_as_netcdf_by_plain_xarray(store: Store, tmp_path: Path) -> None:
    part = opened(store.path).isel(sequence=slice(2, 5), time=slice(1, 4))
    part.to_netcdf(tmp_path / "part.nc")
    with xr.open_dataset(tmp_path / "part.nc") as saved:
        assert np.array_equal(saved.frames, store.read(slice(2, 5), slice(1, 4)))
        assert np.array_equal(saved.speed, store.factor("speed")[2:5])
        assert saved.attrs == part.attrs
        assert saved.attrs["digest"] == store.digest


@pytest.mark.parametrize(
    "selected",
    [
        lambda store: store.to_xarray(),
        lambda store: stbench.open(store.path),
        lambda store: opened(store.path).drop_encoding(),
        lambda store: xr.open_zarr(store.path, chunks=None, consolidated=False),
    ],
    ids=["to_xarray", "stbench.open", "drop_encoding", "without chunks"],
)
def test_a_selection_is_saved_as_zarr(selected: Callable[[Store], xr.Dataset], store: Store, tmp_path: Path) -> None:
    part = selected(store).isel(sequence=slice(2, 7), time=slice(1, 4))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Consolidated metadata")
        part.to_zarr(tmp_path / "part.zarr")
    saved = opened(tmp_path / "part.zarr")
    assert np.array_equal(saved.frames, store.read(slice(2, 7), slice(1, 4)))
    assert np.array_equal(saved.speed, store.factor("speed")[2:7])
    assert saved.attrs == opened(store.path).attrs


@pytest.mark.parametrize("name", registry.names("datasets"))
def test_coordinates_of_time_bear_its_standard_name(name: str) -> None:
    generator = registry.dataset(name)
    blueprint = generator.blueprint(generator.parameters(), generator.sources(None)[0], None)
    attributes = blueprint.coordinates["time"].attributes
    # CF gives the name to what has a unit of time; the number of a frame has none.
    assert (attributes.get("standard_name") == "time") == (attributes["units"] != "1")
    assert blueprint.card.keywords
