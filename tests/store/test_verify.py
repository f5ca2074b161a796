from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import zarr
from toy_dataset import toy

from stbench.errors import StbenchError
from stbench.store import integrity
from stbench.store.digest import file_checksum
from stbench.store.verify import verify
from stbench.store.writer import generate


def flip(file: Path, position: int) -> None:
    content = bytearray(file.read_bytes())
    content[position] ^= 0x10
    file.write_bytes(content)


def test_a_sound_store_passes_and_the_digest_is_recomputed(tmp_path: Path) -> None:
    store = generate(toy(), tmp_path / "toy.zarr")
    seen: list[tuple[int, int]] = []
    report = verify(store.path, on_progress=lambda done, total: seen.append((done, total)))
    assert report.ok
    assert report.digest_found == report.digest_expected == store.digest
    assert report.damaged == ()
    assert seen[-1] == (5 + 13, 5 + 13)


def test_one_flipped_byte_anywhere_in_a_shard_names_that_shard(tmp_path: Path) -> None:
    store = generate(toy(), tmp_path / "toy.zarr")
    shard = store.path / "frames" / "c.2.0.0.0.0"
    size = shard.stat().st_size
    positions = random.Random(0).sample(range(size), 20)
    for position in [0, size - 1, size // 2, *positions]:
        flip(shard, position)
        report = verify(store.path)
        assert not report.ok
        assert report.damaged == ("frames/c.2.0.0.0.0: its bytes have changed",)
        flip(shard, position)
    assert verify(store.path).ok


def test_every_file_but_the_tables_own_is_watched(tmp_path: Path) -> None:
    store = generate(toy(), tmp_path / "toy.zarr")
    places = random.Random(1)
    for file in sorted(each for each in store.path.rglob("*") if each.is_file()):
        name = file.relative_to(store.path).as_posix()
        if name == integrity.OWN_FILE:
            continue
        position = places.randrange(file.stat().st_size)
        flip(file, position)
        try:
            found = verify(store.path).damaged
        except StbenchError as error:
            found = (str(error),)  # metadata that cannot even be read
            assert name.endswith("zarr.json") or name.startswith("integrity/")
        assert found, f"{name} at {position}"
        flip(file, position)
    assert verify(store.path).ok


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    store = generate(toy(), tmp_path / "toy.zarr")
    (store.path / "frames" / "c.4.0.0.0.0").unlink()
    report = verify(store.path)
    assert report.damaged == ("frames/c.4.0.0.0.0: it is missing",)
    assert report.digest_found == ""
    assert np.isnan(store.read(12)).all()  # never a plausible picture


def test_wrong_values_with_right_checksums_name_the_sequence(tmp_path: Path) -> None:
    store = generate(toy(), tmp_path / "toy.zarr")
    array = zarr.open_array(store.path, path="frames")
    array[7, 3, 0, 0, 0] = 42.0
    tables = integrity.read(store.path)
    tables.shard_checksum[0, 2] = list(file_checksum(store.path / "frames" / "c.2.0.0.0.0"))
    integrity.write(store.path, tables.shard_files, tables.sequence_digest, tables.shard_checksum)
    report = verify(store.path)
    assert report.damaged == ("sequence 7: its decoded values are not those that were generated",)
    assert report.digest_found not in ("", store.digest)


def test_damaged_tables_are_one_sentence(tmp_path: Path) -> None:
    store = generate(toy(), tmp_path / "toy.zarr")
    (store.path / integrity.OWN_FILE).write_text("{")
    with pytest.raises(StbenchError, match="the checksums of the store"):
        verify(store.path)


def test_a_copy_in_another_place_passes(tmp_path: Path) -> None:
    import shutil

    store = generate(toy(), tmp_path / "toy.zarr")
    shutil.copytree(store.path, tmp_path / "copy")
    assert verify(tmp_path / "copy").ok
