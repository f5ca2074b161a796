"""Stand-in for MNIST: digits written with a simulated pen, in the same four IDX files.

A glyph is a few strokes, each a Catmull-Rom curve through control points in the unit square. A writer perturbs it:

    control points + jitter -> aspect, slant, rotation -> elastic displacement (cubic B-spline field on a 5 x 5 lattice)
    -> scaled to a 20-pixel box -> centre of mass to the centre of 28 x 28 -> a pen of varying width, soft edge

so digits of a class differ as handwriting does: proportions, slant, wobble, pen, and open or closed, crossed or flagged
forms.

The same bytes on every machine: raw words of PCG64, then sums, products, quotients and square roots only (a rotation by
angle a is written with t = tan(a/2)); so the checksums of the files are pinned here and checked before use, like those
of the official ones.
"""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import numpy as np

from stbench.contract.datasets import fingerprint
from stbench.files import grow_folder, write_bytes
from stbench.paths import data_dir
from stbench.raw.files import RawFile

from ..idx import format_idx

SEED = 20_210
IDENTITY = {"digits": "strokes", "version": 1, "seed": SEED, "train": 60_000, "test": 10_000}
FILES = (
    RawFile(
        "train-images-idx3-ubyte",
        47_040_016,
        "sha256:941c41b8fce84a356a0aa43af168c140acce165f11bc9521e7a9c76fcba3d808",
        "content",
    ),
    RawFile(
        "train-labels-idx1-ubyte",
        60_008,
        "sha256:e9c7abd7bd996b04d71f39c833f22cc0c3ec5aa484500650bcd187b4ec64b1e3",
        "content",
    ),
    RawFile(
        "t10k-images-idx3-ubyte",
        7_840_016,
        "sha256:403cb853e3c8bb46442d51266c3cd3a4500f22bc2509125099f316ea2283c3e3",
        "content",
    ),
    RawFile(
        "t10k-labels-idx1-ubyte",
        10_008,
        "sha256:5ce0f4af5b49915d1a3fe52ba92d91369953fc411bbc0f4fd4840cad1d46ddab",
        "content",
    ),
)
BLOCK = 1_000
"""Digits drawn from one random stream; a part is a whole number of blocks."""

GLYPHS = (
    (0, "50,0 20,14 6,50 20,86 50,100 80,86 94,50 80,14 50,0"),
    (0, "60,0 28,10 10,50 22,90 52,100 82,80 90,42 74,10 46,4"),
    (1, "50,0 50,35 50,70 50,100"),
    (1, "50,0 50,35 50,70 50,100"),
    (1, "36,20 43,12 52,0 / 52,0 52,50 52,100"),
    (2, "12,24 30,3 66,3 82,25 66,54 36,78 6,98 / 6,98 36,95 62,97 94,96"),
    (2, "14,26 34,2 68,6 76,32 54,68 24,96 6,90 16,74 42,84 68,98 96,88"),
    (3, "12,12 40,0 74,8 80,28 62,44 34,48 / 34,48 68,50 88,70 76,92 42,100 8,88"),
    (3, "14,4 46,3 80,3 / 80,3 60,24 42,42 / 42,42 72,46 88,68 74,93 40,100 10,88"),
    (4, "24,2 18,28 10,52 / 10,52 40,54 66,52 90,50 / 74,6 70,50 66,100"),
    (4, "66,0 36,32 4,64 / 4,64 50,64 96,62 / 66,0 66,50 64,100"),
    (5, "86,2 56,3 26,4 / 26,4 22,22 18,44 / 18,44 50,36 82,52 84,78 60,97 30,100 6,90"),
    (5, "92,0 66,3 42,6 / 42,6 30,24 26,40 52,50 66,70 52,92 26,100 4,90"),
    (6, "72,0 40,20 16,54 16,84 44,100 76,88 80,66 56,50 30,58 16,78"),
    (6, "50,0 28,30 16,66 26,94 54,98 72,78 62,58 38,60 20,80"),
    (7, "6,6 46,5 90,4 / 90,4 66,42 50,70 40,100"),
    (7, "6,16 14,4 50,5 88,4 / 88,4 70,40 50,100 / 34,50 58,50 84,48"),
    (8, "78,18 52,0 24,16 32,38 60,54 82,78 54,100 20,82 32,60 62,40 80,20"),
    (8, "50,48 26,30 36,4 64,4 74,30 50,48 / 50,48 20,68 30,96 70,96 80,68 50,48"),
    (9, "80,18 52,0 20,16 20,42 46,54 74,40 82,14 / 82,14 80,50 74,76 70,100"),
    (9, "80,18 52,0 20,16 20,42 46,54 74,40 82,14 / 82,14 84,50 76,86 52,100 24,92"),
)
"""(class, strokes): control points x,y in hundredths, x to the right and y down, in the order they are written; a slash
lifts the pen or turns a corner. The forms of a class are equally frequent; the plain 1 stands here twice."""


def simulate(part: str, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """Digits start .. stop - 1 of "train" or "test": images (n, 28, 28) and labels (n,), uint8; whole blocks only.

    A pure function of (part, block).
    """
    from .kernel import RANDOM_NUMBERS, write_digits

    if start % BLOCK or stop % BLOCK:
        raise ValueError(f"{start} and {stop} are not multiples of {BLOCK}")
    images, labels = np.zeros((stop - start, 28, 28), np.uint8), np.empty(stop - start, np.uint8)
    points, lengths, classes = _glyph_table()
    first_form = np.searchsorted(classes, np.arange(11))
    for block in range(start // BLOCK, stop // BLOCK):
        stream = np.random.PCG64(np.random.SeedSequence(SEED, spawn_key=(int(part == "test"), block)))
        words = stream.random_raw(BLOCK * RANDOM_NUMBERS).reshape(BLOCK, RANDOM_NUMBERS)
        uniform = (words >> np.uint64(11)) * 2.0**-53
        rows = slice(block * BLOCK - start, (block + 1) * BLOCK - start)
        write_digits(uniform, points, lengths, first_form, images[rows], labels[rows])
    return images, labels


def _glyph_table() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Control points (glyph, stroke, point, 2) padded with zeros, their number (glyph, stroke), class of each glyph."""
    glyphs = [
        [np.array([pair.split(",") for pair in stroke.split()], float) / 100 for stroke in text.split("/")]
        for _, text in GLYPHS
    ]
    most_strokes, most_points = max(map(len, glyphs)), max(len(stroke) for glyph in glyphs for stroke in glyph)
    points, lengths = (
        np.zeros((len(glyphs), most_strokes, most_points, 2)),
        np.zeros((len(glyphs), most_strokes), np.int64),
    )
    for g, glyph in enumerate(glyphs):
        for s, stroke in enumerate(glyph):
            points[g, s, : len(stroke)], lengths[g, s] = stroke, len(stroke)
    return points, lengths, np.array([label for label, _ in GLYPHS])


def raw_folder() -> Path:
    """Where the stand-in's files lie: `STBENCH_DATA/raw/mnist-simulated-<fingerprint of what makes them>`."""
    return data_dir() / "raw" / f"mnist-simulated-{fingerprint(IDENTITY)[:8]}"


def _is_complete(folder: Path) -> bool:
    return all((folder / f"{spec.name}.gz").is_file() for spec in FILES)


def prepare() -> None:
    """Write the four IDX files (gzip), unless they are there; the folder appears whole or not at all."""
    folder = raw_folder()
    if _is_complete(folder):
        return
    shutil.rmtree(folder, ignore_errors=True)  # a file of it is missing

    def write(staging: Path) -> None:
        for part, prefix, count in (("train", "train", 60_000), ("test", "t10k", 10_000)):
            images, labels = simulate(part, 0, count)
            for name, values in (("images-idx3", images), ("labels-idx1", labels)):
                compressed = gzip.compress(format_idx(values), compresslevel=1, mtime=0)
                write_bytes(staging / f"{prefix}-{name}-ubyte.gz", compressed)

    grow_folder(folder, write)
