"""Tiny raw files of every dataset that reads some, in the layout in which they are given out."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "generators"))

TABLE = 'id = "two"\nsize = 16\ncorners = [[2, 3], [2, 19]]\ntest = [2]\n'
EVERYTHING = ("*",)


@dataclass(frozen=True)
class Importer:
    """One way in which raw files come in."""

    name: str
    dataset: str
    settings: Mapping[str, Any]
    """RAW in a text stands for the folder of the files."""
    write: Callable[[Path], object]
    without_checksum: tuple[str, ...] = ()
    """Patterns of files in which the format has no checksum for what is read: other bits may be other values."""
    arrange: Callable[[Path], None] = field(default=lambda folder: None)
    """In the process of the importer, before the first case: what stands for checksums of official files."""

    def of(self, folder: Path) -> dict[str, Any]:
        return {
            key: value.replace("RAW", str(folder)) if isinstance(value, str) else value
            for key, value in self.settings.items()
        }


def write_digits(folder: Path) -> None:
    """As many test digits as MNIST has, because the published draws count them, and few training digits."""
    from stbench.generators.moving_mnist.idx import format_idx

    draw = np.random.default_rng(0)
    for prefix, count in (("train", 200), ("t10k", 10_000)):
        pixels = np.zeros((count, 28, 28), np.uint8)
        pixels[:, 6:22:3, 9:19:2] = draw.integers(1, 256, (count, 6, 5), np.uint8)
        (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(format_idx(pixels), 1, mtime=0))
        labels = draw.integers(0, 10, count, np.uint8)
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(format_idx(labels))


def digits_of(folder: Path, *, checksums: bool) -> None:
    """Let these files be the official ones, with their checksums or without any."""
    import hashlib

    from stbench.generators.moving_mnist import digits

    specs = []
    for spec in digits.OFFICIAL:
        packed = folder / f"{spec.name}.gz"
        content = gzip.decompress(packed.read_bytes()) if packed.exists() else (folder / spec.name).read_bytes()
        checksum = f"md5:{hashlib.md5(content).hexdigest()}" if checksums else None
        specs.append(replace(spec, bytes=len(content), checksum=checksum))
    _official("moving_mnist", specs)


def write_sheets(folder: Path) -> None:
    from PIL import Image
    from stbench.generators.sprites.sheets import NAMES, SHEET

    for k, name in enumerate(NAMES):
        pixels = np.zeros((SHEET[1], SHEET[0], 4), np.uint8)
        pixels[k % 7 :: 19, k % 5 :: 11] = (10 * k, 255 - 9 * k, 40 + 8 * k, 255)
        (folder / name).parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / name, compress_level=6)


def sheets_without_checksums(folder: Path) -> None:
    from stbench.generators.sprites import sheets

    _official("sprites", sheets.SIMULATED)


def _official(package: str, specs: Any) -> None:
    """In every module of a dataset that took the name over."""
    for name, module in [*sys.modules.items()]:
        if name.startswith(f"stbench.generators.{package}.") and hasattr(module, "OFFICIAL"):
            module.OFFICIAL = tuple(specs)  # type: ignore[attr-defined]


def write_chairs(folder: Path) -> None:
    from chairs_files import MODELS, write_tree

    write_tree(folder, MODELS)


def write_videos(codec: str) -> Callable[[Path], object]:
    def write(folder: Path) -> None:
        from kth_files import VIDEOS, write_tree

        write_tree(folder, VIDEOS, codec)

    return write


def write_photographs(folder: Path) -> None:
    from mug_files import write_tree

    write_tree(folder)


def write_grids(format: str, **storage: Any) -> Callable[[Path], object]:
    """Two files that follow one another, and the table of zones beside them."""

    def write(folder: Path) -> None:
        from sst_files import sea, write_grid

        values = sea(160, 20, 40)
        write_grid(folder / "thetao_1.nc", values[:40], "2006-01-01", format=format, storage=storage)
        write_grid(folder / "thetao_2.nc", values[40:], "2006-02-10", format=format, storage=storage)
        (folder / "table.toml").write_text(TABLE)

    return write


def write_zones(folder: Path) -> None:
    from sst_files import sea, write_zone

    for k in (1, 2):
        write_zone(folder / f"data_{k}.nc", sea(160, 16, 16, seed=k))


def write_flows(folder: Path) -> None:
    import h5py
    from taxibj_files import counts, slot_list
    from taxibj_files import write_flows as write

    for name, first in (("BJ13_M3x4_T30_InOut.h5", "2013-07-01"), ("BJ14_M3x4_T30_InOut.h5", "2014-03-01")):
        dates = slot_list(first, 4)
        write(folder / name, dates, counts(len(dates), 0))
    (folder / "BJ_Holiday.txt").write_text("20130701\n20130703\n20140302\n")
    dates = slot_list("2013-07-01", 4) + slot_list("2014-03-01", 4)
    draw = np.random.default_rng(1)
    with h5py.File(folder / "BJ_Meteorology.h5", "w") as file:
        file["date"] = np.array(dates, "S")
        file["Temperature"], file["WindSpeed"] = draw.normal(10, 5, len(dates)), draw.random(len(dates)) * 20
        file["Weather"] = np.eye(17)[draw.integers(0, 17, len(dates))]


DIGITS = {"sequences": 3, "train_sequences": 2, "val_sequences": 2, "frames": 12, "val_digits": 50}
FLOWS = {"test_days": 1, "val_days": 1, "files": "BJ13_M3x4_T30_InOut.h5,BJ14_M3x4_T30_InOut.h5"}
PEOPLE = {"persons": (1, 19, 21, 22), "actions": ("boxing", "walking"), "scenarios": (1,)}
FACES = {"subjects": ("008", "077", "001", "002"), "shortest": 4, "size": 16, "side": 64, "crop": (8, 4, 48)}
ZONES = {"zones": "RAW/table.toml"}

IMPORTERS = (
    Importer("moving-mnist", "moving-mnist", DIGITS, write_digits, (), partial(digits_of, checksums=True)),
    Importer("other IDX", "moving-mnist-angle", DIGITS, write_digits, EVERYTHING, partial(digits_of, checksums=False)),
    Importer("sprites", "sprites", {"characters": 12}, write_sheets, (), sheets_without_checksums),
    Importer("chairs", "chairs", {"chairs": 3, "size": 8}, write_chairs),
    Importer("kth FFV1", "kth", PEOPLE, write_videos("ffv1"), ("*.txt",)),
    Importer("kth MPEG-4", "kth", PEOPLE, write_videos("mpeg4"), EVERYTHING),
    Importer("mug", "mug", FACES, write_photographs, EVERYTHING),
    Importer(
        "sst Fletcher-32", "sst", ZONES, write_grids("NETCDF4", zlib=True, fletcher32=True, shuffle=True), ("*.toml",)
    ),
    Importer("sst netCDF-4", "sst", ZONES, write_grids("NETCDF4"), EVERYTHING),
    Importer("sst netCDF-3", "sst", ZONES, write_grids("NETCDF3_CLASSIC"), EVERYTHING),
    Importer("sst CDF-5", "sst", ZONES, write_grids("NETCDF3_64BIT_DATA"), EVERYTHING),
    Importer("sst zone files", "sst", {}, write_zones, EVERYTHING),
    Importer("taxibj", "taxibj", FLOWS, write_flows, EVERYTHING),
)
BY_NAME = {each.name: each for each in IMPORTERS}
