"""A folder of raw files that a user names is used, or refused with what was looked for and what lies there."""

from __future__ import annotations

import gzip
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sst_files import sea, write_grid, write_zone
from stbench.generators.moving_mnist.digits import OFFICIAL as DIGITS
from stbench.generators.sst.importer import find_official
from stbench.generators.taxibj.context import find_context
from stbench.generators.taxibj.dataset import TaxiBjParameters, taxibj
from stbench.generators.taxibj.hdf5 import open_flow_file
from taxibj_files import counts, slot_list, write_flows

from stbench import registry
from stbench.contract.datasets import parse_parameters
from stbench.errors import StbenchError
from stbench.raw.files import RawFile, entries, locate, named, read, what_lies
from stbench.store.build import build, resolve

pytestmark = pytest.mark.usefixtures("own_data")

WITH_RAW = [name for name in registry.names("datasets") if "simulated" in registry.dataset(name).sources(None)]


@pytest.mark.parametrize("source", ["auto", "official"])
@pytest.mark.parametrize("dataset", WITH_RAW)
def test_a_named_folder_without_official_files_is_refused_with_what_lies_there(
    tmp_path: Path, dataset: str, source: str
) -> None:
    raw = tmp_path / "mine"
    with pytest.raises(StbenchError, match="of which none is a folder"):
        resolve(dataset, {}, source, raw)
    raw.mkdir()
    with pytest.raises(StbenchError, match="which hold nothing"):
        resolve(dataset, {}, source, raw)
    for name in ("holiday.mov", ".hidden", "letters.txt"):
        (raw / name).touch()
    with pytest.raises(StbenchError, match="were not found") as caught:
        resolve(dataset, {}, source, raw)
    message = str(caught.value)
    assert f"{raw} holds holiday.mov, letters.txt; " in message
    assert f"stbench fetch {dataset}" in message
    assert ".hidden" not in message
    assert "\n" not in message


@pytest.mark.parametrize("dataset", ["moving-mnist", "sst"])
def test_auto_simulates_where_no_folder_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataset: str
) -> None:
    assert resolve(dataset, dict(registry.dataset(dataset).presets["quick"])).source == "simulated"
    monkeypatch.setenv("STBENCH_RAW", str(tmp_path))
    assert resolve(dataset, dict(registry.dataset(dataset).presets["quick"])).source == "simulated"
    assert (
        resolve(dataset, dict(registry.dataset(dataset).presets["quick"]), "simulated", tmp_path).source == "simulated"
    )


def test_a_named_folder_means_nothing_to_a_dataset_without_raw_files(tmp_path: Path) -> None:
    assert resolve("waveeq", {"sequences": 3}, "auto", tmp_path).source == "procedural"


def test_names_like_those_wanted_come_first_and_long_lists_are_cut(tmp_path: Path) -> None:
    for k in range(20):
        (tmp_path / f"a{k:02d}.txt").touch()
    (tmp_path / "Train-Images.idx3.ubyte").touch()
    told = what_lies([tmp_path, tmp_path], ["train-images-idx3-ubyte"])
    assert (
        told
        == f"{tmp_path} holds Train-Images.idx3.ubyte, " + ", ".join(f"a{k:02d}.txt" for k in range(7)) + " and 13 more"
    )


# Names


def test_capitals_do_not_count_but_the_exact_name_comes_first(tmp_path: Path) -> None:
    (tmp_path / "Body").mkdir()
    (tmp_path / "Body" / "0.PNG").touch()
    assert named(tmp_path, "body/0.png") == tmp_path / "Body" / "0.PNG"
    (tmp_path / "Body" / "0.png").touch()
    assert named(tmp_path / "Body", "0.png") == tmp_path / "Body" / "0.png"
    assert named(tmp_path, "body/1.png") is None
    assert named(tmp_path, "none/0.png") is None
    assert entries(tmp_path / "none") == []


@pytest.mark.parametrize("dots", [False, True])
@pytest.mark.parametrize("folders", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_digits_are_found_under_the_names_others_give_them_and_the_checksum_decides(
    tmp_path: Path, dots: bool, folders: bool, packed: bool
) -> None:
    content = b"digits" * 10
    md5 = f"md5:{hashlib.md5(content).hexdigest()}"
    specs = [replace(spec, bytes=len(content), checksum=md5) for spec in DIGITS]
    for spec in specs:
        name = spec.name.replace("-idx", ".idx") if dots else spec.name
        place = tmp_path / spec.name if folders else tmp_path
        place.mkdir(exist_ok=True)
        (place / (name + ".gz" * packed)).write_bytes(gzip.compress(content) if packed else content)
    found = locate(specs, "moving-mnist", tmp_path)
    assert found is not None
    assert all(read(found[spec.name], spec) == content for spec in specs)
    found[specs[0].name].write_bytes(b"other")
    with pytest.raises(StbenchError, match="bytes, not the"):
        read(found[specs[0].name], specs[0])


@pytest.mark.parametrize(
    "name",
    [
        *("thetao.NC", "THETAO_2006.nc", "mercatorglorys12v1_gl12_mean_20060101_R20060104.nc", "CMEMS_mod.nc"),
        "dataset-armor-phy-rep.nc",
    ],
)
def test_ocean_grids_are_found_under_the_names_of_the_service_and_hidden_files_are_not(
    tmp_path: Path, name: str
) -> None:
    write_grid(tmp_path / name, sea(4, 20, 40))
    (tmp_path / f"._{name}").write_bytes(b"left by another system")
    assert find_official(tmp_path) == (tmp_path / name,)


def test_zone_files_are_found_in_capitals_and_hidden_ones_are_not(tmp_path: Path) -> None:
    write_zone(tmp_path / "DATA_1.NC", sea(4, 16, 16))
    (tmp_path / "._data_1.nc").write_bytes(b"left by another system")
    assert find_official(tmp_path) == (tmp_path / "DATA_1.NC",)


def test_flow_files_and_what_lies_beside_them_are_found_in_other_capitals(tmp_path: Path) -> None:
    dates = slot_list("2013-07-01", 4)
    path = write_flows(tmp_path / "bj13_m3x4_t30_inout.H5", dates, counts(len(dates), 0))
    (tmp_path / "BJ_holiday.TXT").write_text("20130701\n")
    (tmp_path / "._BJ_Holiday.txt").write_bytes(b"left by another system")
    settings = {"files": "BJ13_M3x4_T30_InOut.h5", "test_days": "1", "val_days": "1"}
    blueprint = taxibj.blueprint(parse_parameters(TaxiBjParameters, settings), "official", tmp_path)
    assert blueprint.n_sequences == 4
    assert "holiday" in blueprint.variables
    assert find_context(open_flow_file(path)).holidays == tmp_path / "BJ_holiday.TXT"
    (tmp_path / "bj13_m3x4_t30_inout.H5").rename(tmp_path / "._BJ13_M3x4_T30_InOut.h5")
    assert taxibj.sources(tmp_path) == ("simulated",)


def test_the_files_that_were_asked_for_are_those_that_are_missed(tmp_path: Path) -> None:
    (tmp_path / "flows.h5").touch()
    with pytest.raises(StbenchError, match=r"none of flow\.h5 is in .* holds flows\.h5; ") as caught:
        resolve("taxibj", {"files": "flow.h5"}, "official", tmp_path)
    assert "BJ13" not in str(caught.value)


@pytest.mark.parametrize("name", ["dataset.npz", "TaxiBJ.NPY"])
def test_windows_without_dates_are_refused_with_what_to_get_instead(tmp_path: Path, name: str) -> None:
    np.savez(tmp_path / "x.npz", X_train=np.zeros((2, 4, 2, 8, 8)))
    (tmp_path / "x.npz").rename(tmp_path / name)
    with pytest.raises(StbenchError, match=r"windows without dates.*BJ13_M32x32_T30_InOut\.h5"):
        resolve("taxibj", {"files": name}, "official", tmp_path)


def test_other_names_of_a_file_are_packed_or_not_like_its_own() -> None:
    assert RawFile("a", of="content", also=("b/a",)).names == ("a", "a.gz", "b/a", "b/a.gz")
    assert RawFile("a", also=("b",)).names == ("a", "b")


def test_a_raw_file_that_is_a_broken_link_or_a_pipe_is_refused_and_not_left_out(tmp_path: Path) -> None:
    """The others alone would be a store of fewer days, or one without holidays."""
    write_grid(tmp_path / "thetao_1.nc", sea(160, 20, 40))
    (tmp_path / "thetao_2.nc").symlink_to(tmp_path / "not mounted" / "thetao_2.nc")
    with pytest.raises(StbenchError, match=r"thetao_2\.nc cannot be read: No such file"):
        resolve("sst", {}, "official", tmp_path)
    (tmp_path / "thetao_2.nc").unlink()
    os.mkfifo(tmp_path / "thetao_2.nc")
    with pytest.raises(StbenchError, match=r"thetao_2\.nc cannot be read: it is no file but a folder or a device"):
        resolve("sst", {}, "official", tmp_path)


def test_holidays_behind_a_broken_link_are_missed(tmp_path: Path) -> None:
    dates = slot_list("2013-07-01", 4)
    write_flows(tmp_path / "BJ13_M3x4_T30_InOut.h5", dates, counts(len(dates), 0))
    (tmp_path / "BJ_Holiday.txt").symlink_to("/not mounted/BJ_Holiday.txt")
    settings = {"files": "BJ13_M3x4_T30_InOut.h5", "test_days": "1", "val_days": "1"}
    with pytest.raises(StbenchError, match=r"BJ_Holiday\.txt cannot be read: No such file"):
        build(resolve("taxibj", settings, "official", tmp_path), tmp_path / "out.zarr")
    assert not (tmp_path / "out.zarr").exists()


def test_too_few_days_are_refused_with_the_files_they_are_in(tmp_path: Path) -> None:
    write_grid(tmp_path / "thetao.nc", sea(40, 64, 64))
    with pytest.raises(StbenchError, match=r"40 days are in .*thetao\.nc, and sst needs"):
        resolve("sst", {"zones": "tiling"}, "official", tmp_path)
    write_grid(tmp_path / "thetao_2.nc", sea(40, 64, 64), "2006-02-10")
    with pytest.raises(StbenchError, match=r"80 days are in the 2 netCDF files in .*, and sst needs"):
        resolve("sst", {"zones": "tiling"}, "official", tmp_path)
