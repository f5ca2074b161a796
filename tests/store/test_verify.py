from __future__ import annotations

import json
import os
import random
from pathlib import Path

import numpy as np
import pytest
import zarr
from click.testing import CliRunner
from toy_dataset import toy

from stbench.cli.main import cli
from stbench.errors import Damaged, StbenchError
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


def test_every_file_is_watched(tmp_path: Path) -> None:
    store = generate(toy(), tmp_path / "toy.zarr")
    places = random.Random(1)
    for file in sorted(each for each in store.path.rglob("*") if each.is_file()):
        name = file.relative_to(store.path).as_posix()
        position = places.randrange(file.stat().st_size)
        flip(file, position)
        found = verify(store.path).damaged
        assert found, f"{name} at {position}"
        assert name in found[0]
        flip(file, position)
    assert verify(store.path).ok


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    store = generate(toy(), tmp_path / "toy.zarr")
    (store.path / "frames" / "c.4.0.0.0.0").unlink()
    report = verify(store.path)
    assert report.damaged == ("frames/c.4.0.0.0.0: it is missing",)
    assert report.digest_found == ""
    with pytest.raises(Damaged, match=r"frames/c.4.0.0.0.0 first"):  # never a plausible picture
        store.read(12)


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


@pytest.mark.parametrize("text", ["{", "[]", "", '{"attributes": []}', "[" * 100_000, "missing", "pipe"])
@pytest.mark.parametrize("name", [integrity.OWN_FILE, "zarr.json"])
def test_metadata_beyond_reading_are_damage_and_exit_code_1(tmp_path: Path, name: str, text: str) -> None:
    store = generate(toy(), tmp_path / "toy.zarr")
    file = store.path / name
    file.unlink()
    if text == "pipe":
        os.mkfifo(file)
    elif text != "missing":
        file.write_text(text)
    report = verify(store.path)
    assert not report.ok
    assert report.damaged[0].startswith("the checksums of the store" if name == integrity.OWN_FILE else f"{name}: it")
    shown = CliRunner(env={"COLUMNS": "300"}).invoke(cli, ["verify", str(store.path)])
    assert shown.exit_code == 1
    assert "DAMAGED" in shown.output
    assert json.loads(CliRunner().invoke(cli, ["verify", str(store.path), "--json"]).stdout)["ok"] is False


def test_a_store_of_a_later_version_is_not_called_damaged(tmp_path: Path) -> None:
    store = generate(toy(), tmp_path / "toy.zarr")
    zarr.open_group(store.path, mode="r+", use_consolidated=False).attrs["stbench_store_format"] = 5
    assert verify(store.path).damaged == ("zarr.json: its bytes have changed",)
    tables = integrity.read(store.path)
    integrity.write(store.path, tables.shard_files, tables.sequence_digest, tables.shard_checksum)
    with pytest.raises(StbenchError, match=r"store format 5 .* upgrade stbench"):
        verify(store.path)


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ("frames/c.5.0.0.0.0", "frames/c.5.0.0.0.0: it does not belong to the store"),
        ("thesis.tex", "thesis.tex: it does not belong to the store"),
        ("x/c/7", "x/c/7: it does not belong to the store"),
        ("integrity/more", "integrity/more: it does not belong to the store"),
    ],
)
def test_a_file_that_does_not_belong_is_named(tmp_path: Path, added: str, told: str) -> None:
    store = generate(toy(), tmp_path / "toy.zarr")
    (store.path / added).write_text("mine")
    (store.path / ".DS_Store").write_text("of a file manager")
    assert verify(store.path).damaged == (told,)


def test_an_array_that_does_not_belong_is_named_once(tmp_path: Path) -> None:
    store = generate(toy(), tmp_path / "toy.zarr")
    zarr.create_array(store.path / "mine", data=np.zeros(2), dimension_names=("sign",))
    assert "mine" in store.to_xarray().variables  # whoever opens the store takes it for a part of it
    assert verify(store.path).damaged == ("mine: an array that does not belong to the store",)


def test_tables_that_lead_out_of_the_store_are_not_followed(tmp_path: Path) -> None:
    store = generate(toy(), tmp_path / "toy.zarr")
    document = json.loads((store.path / integrity.OWN_FILE).read_text())
    document["attributes"]["files"]["../../etc/passwd"] = "0" * 64
    del document["attributes"]["own"]
    (store.path / integrity.OWN_FILE).write_text(json.dumps(document))
    (found,) = verify(store.path).damaged
    assert "lies outside the store" in found


def test_a_store_whose_checksums_have_none_of_their_own_is_still_read(tmp_path: Path) -> None:
    """As the first stores had it."""
    store = generate(toy(), tmp_path / "toy.zarr")
    document = json.loads((store.path / integrity.OWN_FILE).read_text())
    del document["attributes"]["own"]
    (store.path / integrity.OWN_FILE).write_text(json.dumps(document))
    assert verify(store.path).ok


def test_metadata_that_agree_with_their_checksums_and_not_with_the_arrays_are_damage(tmp_path: Path) -> None:
    store = generate(toy(), tmp_path / "toy.zarr")
    file = store.path / "frames" / "zarr.json"
    file.write_text(file.read_text().replace('"blosc"', '"unheard-of"'))
    tables = integrity.read(store.path)
    integrity.write(store.path, tables.shard_files, tables.sequence_digest, tables.shard_checksum)
    (found,) = verify(store.path).damaged
    assert "cannot be decoded" in found


def test_a_copy_in_another_place_passes(tmp_path: Path) -> None:
    import shutil

    store = generate(toy(), tmp_path / "toy.zarr")
    shutil.copytree(store.path, tmp_path / "copy")
    assert verify(tmp_path / "copy").ok
