"""What keeps an HDF5 file from being read is told apart: a filter that is not there, a lock, damage."""

from __future__ import annotations

import fcntl
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
from stbench.generators.sst.netcdf import open_netcdf
from stbench.generators.taxibj.hdf5 import open_flow_file

from stbench.errors import StbenchError
from stbench.raw.hdf5 import one_sentence, open_hdf5

NAME = "BJ13_M3x4_T60_InOut.h5"


def flows(folder: Path) -> Path:
    with h5py.File(folder / NAME, "w") as file:
        file["date"] = np.array([f"20130701{slot + 1:02d}" for slot in range(24)], "S")
        file.create_dataset("data", data=np.zeros((24, 2, 3, 4)), chunks=(8, 2, 3, 4), fletcher32=True)
    return folder / NAME


def packed_with(path: Path, name: str, filter_number: int) -> None:
    """A dataset whose one chunk was packed with a filter that nobody has."""
    with h5py.File(path, "a") as file:
        if name in file:
            del file[name]
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((8, 2, 3, 4))
        plan.set_filter(filter_number, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((24, 2, 3, 4))
        data = h5py.h5d.create(file.id, name.encode(), h5py.h5t.NATIVE_DOUBLE, space, dcpl=plan)
        data.write_direct_chunk((0, 0, 0, 0), bytes(100), 0)


@pytest.mark.parametrize(("number", "called"), [(32026, "blosc2"), (32013, "zfp"), (60_000, "unknown")])
def test_a_missing_filter_is_named_with_what_to_do(tmp_path: Path, number: int, called: str) -> None:
    if h5py.h5z.filter_avail(number):
        pytest.skip(f"the filter {called} is there")
    path = flows(tmp_path)
    packed_with(path, "data", number)
    with pytest.raises(StbenchError, match=rf"filter {called} \({number}\).*hdf5plugin") as caught:
        open_flow_file(path)
    assert "damaged" not in str(caught.value)
    assert NAME in str(caught.value)
    with pytest.raises(StbenchError, match=rf"filter {called} \({number}\).*nccopy"), open_netcdf(path):
        pass


def test_a_file_that_another_program_has_locked_is_read(tmp_path: Path) -> None:
    path = flows(tmp_path)
    with path.open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert len(open_flow_file(path).days) == 24
        with open_netcdf(path) as file:
            assert file.variable("data").read().shape == (24, 2, 3, 4)


def test_a_lock_that_cannot_be_passed_over_is_called_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the environment insists on locks."""
    path, plain = flows(tmp_path), h5py.File
    monkeypatch.setattr(h5py, "File", lambda name, mode, locking: plain(name, mode, locking=True))
    with path.open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(StbenchError, match="is locked by another program") as caught:
            open_flow_file(path)
    assert "damaged" not in str(caught.value)


def test_damage_is_called_damage(tmp_path: Path) -> None:
    path = flows(tmp_path)
    content = bytearray(path.read_bytes())
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(StbenchError, match="is damaged or cut short"):
        open_flow_file(path)


def test_a_checksum_of_a_chunk_that_is_wrong_is_damage(tmp_path: Path) -> None:
    path = flows(tmp_path)
    with h5py.File(path) as file:
        place = file["data"].id.get_chunk_info(1).byte_offset
    content = bytearray(path.read_bytes())
    content[place + 100] ^= 1
    path.write_bytes(content)
    with pytest.raises(StbenchError, match="is damaged"):
        open_flow_file(path).read(0, 24)


def test_what_the_disk_says_is_not_called_damage(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match="cannot be read: Input/output error"), one_sentence(tmp_path / "x"):
        raise OSError(5, "Input/output error")
    with pytest.raises(StbenchError, match="cannot be read: No such file"), open_hdf5(tmp_path / "x"):
        pass
    (tmp_path / "x").write_bytes(b"CDF\x01")
    with pytest.raises(StbenchError, match="is not an HDF5 file"), open_hdf5(tmp_path / "x"):
        pass


def test_reading_writes_nothing(tmp_path: Path) -> None:
    path = flows(tmp_path)
    before = path.read_bytes()
    path.chmod(0o444)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_flow_file(path).read(0, 5)
    assert path.read_bytes() == before


# Marks of chunks


def with_mark(path: Path, name: str, mask: int) -> None:
    """Flip bits of the mark of the first chunk of a dataset, in the tree that says where chunks are."""
    with h5py.File(path) as file:
        size = file[name].id.get_chunk_info(0).size
    content = bytearray(path.read_bytes())
    assert content.count(size.to_bytes(4, "little") + bytes(4)) == 1
    content[content.find(size.to_bytes(4, "little") + bytes(4)) + 4] ^= mask
    path.write_bytes(content)


def noise(folder: Path, **storage: object) -> Path:
    values = np.random.default_rng(0).integers(0, 9, (24, 2, 3, 4)).astype("f8")
    with h5py.File(folder / NAME, "w") as file:
        file["date"] = np.array([f"20130701{slot + 1:02d}" for slot in range(24)], "S")
        file.create_dataset("data", data=values, chunks=(8, 2, 3, 4), **storage)
    return folder / NAME


@pytest.mark.parametrize("mask", [1, 2, 4, 7])
def test_a_packed_chunk_that_is_marked_as_not_packed_is_damage(tmp_path: Path, mask: int) -> None:
    """HDF5 would give what is packed, or bytes of neighbours that nobody put back, as values."""
    path = noise(tmp_path, compression="gzip", shuffle=True, fletcher32=True)
    open_flow_file(path)
    with_mark(path, "data", mask)
    with pytest.raises(StbenchError, match=r"the chunk of 'data' at \(0, 0, 0, 0\) .* is marked as not packed"):
        open_flow_file(path)


def test_a_chunk_in_which_packing_saved_nothing_is_marked_so_and_read(tmp_path: Path) -> None:
    path = noise(tmp_path, compression="gzip", fletcher32=True)
    with h5py.File(path, "r+") as file:
        values = file["data"][()]
        file["data"].id.write_direct_chunk((0, 0, 0, 0), values[:8].tobytes(), filter_mask=0b11)
        assert file["data"].id.get_chunk_info(0).filter_mask == 0b11
    open_flow_file(path)
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["data"][()], values)


def test_flows_that_were_not_written_are_no_zeros(tmp_path: Path) -> None:
    path = noise(tmp_path)
    with h5py.File(path, "r+") as file:
        del file["data"]
        file.create_dataset("data", (24, 2, 3, 4), "f8", chunks=(8, 2, 3, 4))[:16] = 1
    with pytest.raises(StbenchError, match=r"holds 2 of the 3 chunks of 'data', and the others would be read as 0\.0"):
        open_flow_file(path)
