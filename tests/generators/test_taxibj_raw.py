"""Bad raw files of `taxibj`: whatever is wrong is one sentence naming the file, and nothing is left half-written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stbench.generators.taxibj.dataset import TaxiBjParameters, taxibj
from stbench.generators.taxibj.hdf5 import open_flow_file
from taxibj_files import counts, slot_list, write_flows

from stbench.contract.datasets import parse_parameters
from stbench.errors import StbenchError
from stbench.store.build import build

NAME, SECOND = "BJ13_M3x4_T30_InOut.h5", "BJ14_M3x4_T30_InOut.h5"
SETTINGS = {"test_days": 1, "val_days": 1, "files": f"{NAME},{SECOND}"}


def write_both(folder: Path) -> None:
    for name, first in ((NAME, "2013-07-01"), (SECOND, "2014-03-01")):
        dates = slot_list(first, 4)
        write_flows(folder / name, dates, counts(len(dates), 0))
    (folder / "BJ_Holiday.txt").write_text("20130701\n")
    with h5py.File(folder / "BJ_Meteorology.h5", "w") as file:
        file["date"] = np.array(slot_list("2013-07-01", 1), "S")
        file["Temperature"], file["WindSpeed"], file["Weather"] = np.zeros(48), np.zeros(48), np.zeros((48, 17))


def make(folder: Path, out: Path) -> None:
    build(taxibj.blueprint(parse_parameters(TaxiBjParameters, SETTINGS), "official", folder), out, workers=1)


def rewritten(name: str, **changes: Any) -> Callable[[Path], None]:
    """Replace datasets of a file; None removes one."""

    def spoil(folder: Path) -> None:
        with h5py.File(folder / name, "r+") as file:
            for key, value in changes.items():
                new = value(file[key][()]) if callable(value) else value
                del file[key]
                if new is not None:
                    file[key] = new

    return spoil


def edited(index: tuple[int, ...], value: float) -> Callable[[np.ndarray], np.ndarray]:
    def edit(data: np.ndarray) -> np.ndarray:
        data[index] = value
        return data

    return edit


def with_date(at: int, date: str) -> Callable[[np.ndarray], np.ndarray]:
    def edit(dates: np.ndarray) -> np.ndarray:
        dates[at] = date.encode()
        return dates

    return edit


def plain(name: str, content: bytes) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return spoil


def absurd_size(folder: Path) -> None:
    with h5py.File(folder / NAME, "r+") as file:
        del file["data"]
        file.create_dataset("data", (10**9, 2, 3, 4), "f8", chunks=(64, 2, 3, 4))


def huge_chunks(folder: Path) -> None:
    with h5py.File(folder / NAME, "r+") as file:
        del file["data"]
        file.create_dataset("data", (192, 2, 3, 4), "f8", chunks=(10**7, 2, 3, 4), maxshape=(None, 2, 3, 4))


def link_out(folder: Path) -> None:
    with h5py.File(folder / NAME, "r+") as file:
        del file["data"]
        file["data"] = h5py.ExternalLink("/etc/passwd", "/data")


def cut_short(folder: Path) -> None:
    content = (folder / NAME).read_bytes()
    (folder / NAME).write_bytes(content[: len(content) // 2])


SPOILS = {
    "missing": (lambda folder: (folder / NAME).unlink(), "was not found|were not found"),
    "empty": (plain(NAME, b""), "not an HDF5 file"),
    "not HDF5": (plain(NAME, b"PK\x03\x04" + bytes(500)), "not an HDF5 file"),
    "cut short": (cut_short, "damaged or cut short"),
    "no data": (rewritten(NAME, data=None), "has no 'data'"),
    "no date": (rewritten(NAME, date=None), "has no 'date'"),
    "three dimensions": (rewritten(NAME, data=np.zeros((192, 3, 4))), "of shape"),
    "one channel": (rewritten(NAME, data=np.zeros((192, 1, 3, 4))), "at least 2 channels"),
    "text": (rewritten(NAME, data=np.full((192, 2, 3, 4), b"x")), "not as numbers"),
    "complex": (rewritten(NAME, data=np.zeros((192, 2, 3, 4), complex)), "not as numbers"),
    "absurd size": (absurd_size, "says it has 1,000,000,000 frames"),
    "huge chunks": (huge_chunks, "chunks of"),
    "link out": (link_out, "has no 'data'"),
    "NaN": (rewritten(NAME, data=edited((50, 1, 2, 3), np.nan)), "the value nan at 2013070203"),
    "infinite": (rewritten(NAME, data=edited((0, 0, 0, 0), np.inf)), "the value inf"),
    "absurd value": (rewritten(NAME, data=edited((3, 0, 0, 0), 1e300)), r"the value 1e\+300"),
    "other grid": (rewritten(SECOND, data=np.zeros((192, 2, 4, 4))), "4 x 4 cells, which is not the 3 x 4 of its name"),
    "rows and columns turned": (rewritten(NAME, data=np.zeros((192, 2, 4, 3))), "4 x 3 cells, which is not the 3 x 4"),
    "channels last": (rewritten(NAME, data=np.zeros((192, 3, 4, 2))), "channels seem to lie in axis 4 of 4"),
    "channels third": (rewritten(NAME, data=np.zeros((192, 3, 2, 4))), "channels seem to lie in axis 3 of 4"),
    "fewer dates": (rewritten(NAME, date=lambda dates: dates[:-1]), "192 frames and 191 dates"),
    "numbers as dates": (rewritten(NAME, date=np.arange(192)), "of the form YYYYMMDDSS.* of the type int64"),
    "fractions as dates": (rewritten(NAME, date=np.full(192, 2013070101.5)), "whole numbers .* of the type float64"),
    "short dates": (rewritten(NAME, date=np.full(192, b"20130701")), "of the form YYYYMMDDSS"),
    "letters": (rewritten(NAME, date=with_date(3, "2013O70104")), "not of the form YYYYMMDDSS"),
    "month 13": (rewritten(NAME, date=with_date(3, "2013130104")), "not of the form YYYYMMDDSS"),
    "slot 0": (rewritten(NAME, date=with_date(0, "2013070100")), "slot 00"),
    "slot 49": (rewritten(NAME, date=with_date(47, "2013070149")), "slots up to 49"),
    "twice": (rewritten(NAME, date=with_date(3, "2013070103")), "slot 03 of 2013-07-01 twice"),
    "out of order": (rewritten(NAME, date=with_date(3, "2013070101")), "after a later one"),
    "overlap": (rewritten(SECOND, date=np.array(slot_list("2013-07-03", 4), "S")), "not after the end of BJ13"),
    "holidays": (plain("BJ_Holiday.txt", b"2013-07-01\n"), "BJ_Holiday.txt has lines"),
    "holiday bytes": (plain("BJ_Holiday.txt", b"\xff\xfe\x00"), "BJ_Holiday.txt has lines"),
    "weather": (plain("BJ_Meteorology.h5", b"nothing"), "BJ_Meteorology.h5 is not an HDF5 file"),
    "weather shape": (rewritten("BJ_Meteorology.h5", Temperature=np.zeros(47)), "'Temperature' of shape"),
    "weather NaN": (rewritten("BJ_Meteorology.h5", WindSpeed=np.full(48, np.nan)), "'WindSpeed' that are not finite"),
    "weather slots": (rewritten("BJ_Meteorology.h5", date=with_date(47, "2013070196")), "the slot 96"),
}


@pytest.mark.parametrize("what", SPOILS)
def test_whatever_is_wrong_is_one_sentence_naming_the_file(tmp_path: Path, what: str) -> None:
    spoil, message = SPOILS[what]
    write_both(tmp_path)
    spoil(tmp_path)
    with pytest.raises(StbenchError, match=message) as caught:
        make(tmp_path, tmp_path / "out" / "store.zarr")
    assert "BJ" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_files_of_another_grid_do_not_belong_together(tmp_path: Path) -> None:
    write_both(tmp_path)
    dates = slot_list("2014-03-01", 4)
    other = "BJ14_M4x4_T30_InOut.h5"
    write_flows(tmp_path / other, dates, counts(len(dates), 0, grid=(4, 4)))
    parameters = parse_parameters(TaxiBjParameters, {**SETTINGS, "files": f"{NAME},{other}"})
    with pytest.raises(StbenchError, match="they do not belong together"):
        taxibj.blueprint(parameters, "official", tmp_path)


def test_dates_of_variable_length_and_further_channels_are_read(tmp_path: Path) -> None:
    dates, data = slot_list("2013-07-01", 2), counts(96, 0, channels=5)
    with h5py.File(tmp_path / NAME, "w") as file:
        file.create_dataset("date", data=dates, dtype=h5py.string_dtype())
        file["data"] = data.astype(np.int32)
    opened = open_flow_file(tmp_path / NAME)
    np.testing.assert_array_equal(opened.read(5, 9), np.maximum(data[5:9, :2], 0))


@pytest.mark.parametrize("name", ["taxi_city_M8x8_T60_flow.h5", "flow_m8x8_t60.h5", "flow.h5"])
@pytest.mark.parametrize("shape", [(8, 8, 2), (8, 2, 8), (2, 8, 8)])
def test_the_channels_are_second_or_the_file_is_refused_whatever_it_is_called(
    tmp_path: Path, name: str, shape: tuple[int, int, int]
) -> None:
    dates = slot_list("2013-07-01", 2, 24)
    path = write_flows(tmp_path / name, dates, np.zeros((48, *shape)))
    if shape[0] == 2:
        assert open_flow_file(path).grid == (8, 8)
    else:
        with pytest.raises(StbenchError, match=r"\(48, 8, .*the order wanted is \(frame, channel, row, column\)"):
            open_flow_file(path)


@pytest.mark.parametrize("kind", ["i4", "i8", "u4", "u8"])
def test_dates_that_are_whole_numbers_are_those_that_are_texts(tmp_path: Path, kind: str) -> None:
    dates, data = slot_list("2013-07-01", 2), counts(96, 0)
    expected = open_flow_file(write_flows(tmp_path / NAME, dates, data))
    with h5py.File(tmp_path / NAME, "a") as file:
        del file["date"]
        file["date"] = np.array([int(each) for each in dates], kind)
    found = open_flow_file(tmp_path / NAME)
    np.testing.assert_array_equal(found.days, expected.days)
    np.testing.assert_array_equal(found.slots, expected.slots)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=4), st.floats(0.2, 1.3))
def test_mutated_files_are_read_or_refused_in_one_sentence(
    tmp_path: Path, changes: list[tuple[float, int]], share: float
) -> None:
    good, bad = tmp_path / "good.h5", tmp_path / NAME
    if not good.exists():
        write_flows(good, slot_list("2013-07-01", 2), counts(96, 0))
    content = bytearray(good.read_bytes())
    for place, value in changes:
        content[int(place * len(content))] = value
    bad.write_bytes(bytes(content[: int(share * len(content))]))
    values, refusal = read_or_refusal(bad)
    if values is None:
        assert NAME in refusal
        assert "\n" not in refusal
    else:
        assert np.isfinite(values).all()
        assert values.min() >= 0


def read_or_refusal(path: Path) -> tuple[np.ndarray | None, str]:
    try:
        file = open_flow_file(path)
        return file.read(0, len(file.days)), ""
    except StbenchError as error:
        return None, str(error)
