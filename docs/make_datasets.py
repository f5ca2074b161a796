"""Writes docs/datasets.md from the cards of the registered datasets: `.venv/bin/python docs/make_datasets.py`."""

from __future__ import annotations

import csv
from pathlib import Path

from stbench import registry
from stbench.cli.describe import parameter_rows, split_rows
from stbench.contract.datasets import Card, Generator

PAGE = Path(__file__).with_name("datasets.md")
COSTS = Path(__file__).with_name("datasets.csv")
"""Rows that benchmarks/datasets.py measured."""

HEAD = """\
# Datasets

This page is written by `docs/make_datasets.py` from the cards in the code; `stbench info NAME` shows the same on the
terminal, and for a generated store its statistics, numerics certificate and digest besides.

## Reading a store

A store is one zarr v3 group. `frames (sequence, time, channel, y, x)`, or `(sequence, time, sensor)`, is float32 unless
the card says otherwise; the factors (wave speed, labels, ...) have the leading dimension `sequence`. Split, statistics,
card and digest are attributes of the group; what is nested in them is a JSON text, and `json_attributes` names those.
No part of stbench is needed to read it:

```python
import json

import xarray

data = xarray.open_zarr("waveeq.zarr", consolidated=False)
split = json.loads(data.attrs["split"])["ranges"]  # half-open ranges: {"train": [[0, 216]], "val": [[216, 240]], ...}
start, stop = split["test"][0]
test = data.isel(sequence=slice(start, stop))
test.to_netcdf("test.nc")
test.drop_encoding().to_zarr("test.zarr")
```

Without `drop_encoding()`, xarray would ask for the shards of the whole store, which do not fit a part, and refuse;
`stbench.open("waveeq.zarr")` has left them out already. Stores made before (formats 1 and 2, attributes nested) are
read as before: digest and fingerprint are the same. Attributes follow CF 1.11 and ACDD 1.3; `time` has its standard
name where its unit is one of time, and none where it counts frames.

One chunk holds frames of one sequence only, so reading a window touches no other sequence. Models see normalised
frames: the attribute `normaliser` says how they follow from those of the store.

- Bytes (`chairs`, `kth`, `kth-128`, `moving-mnist`, `moving-mnist-angle`, `mug`, `sprites`) are divided by 255.
- `waveeq-rich` is standardised with mean and deviation of the train part, which are in the attribute `statistics`.
- `sst` is scaled when it is made, by the stored variables `offset` and `scale`, a pair a day. They come from training
  days alone; the parameter `normalisation` has other choices.
- `taxibj` is scaled when it is made, as published: by the range of all days but the last 28, those of validation among
  them. `offset` and `scale` are stored.
- `waveeq` and `waveeq-100` are scaled when they are made, as published: by the lowest and the highest value of each
  sequence over all its 300 time points, of test sequences too, and what is to be forecast included. These two values
  are not stored.

```console
$ stbench datasets
$ stbench fetch moving-mnist
$ stbench generate waveeq --out waveeq.zarr
$ stbench info waveeq.zarr
```

## What is checked in raw files

Raw files are looked for in the folder given with `--raw` (or `STBENCH_RAW`), in `<dataset>/` in it, and in the folder
`stbench fetch` fills; `kth-128` reads those of `kth`. With `--raw`, `--source auto` means the official files there:
where none is found, the command ends and says what was looked for and what lies there. Capitals in names do not count,
but for what lies in `rendered_chairs` (models, `renders`, names of pictures); hidden files are skipped.

| dataset | format | what is compared | checksum |
|---|---|---|---|
| `moving-mnist` | IDX, gzip | size, header, labels; the dotted names of other copies are known | MD5 of the content |
| `sprites` | PNG | size of the file and the picture, depth, transparency | SHA-256 of the file, CRC-32 of every chunk |
| `chairs` | PNG | 62 views a chair, no chair twice, size, colour | CRC-32 of every chunk, before the store |
| `kth`, `kth-128` | AVI | 25 frames a second, no video twice; frames counted where headers are short | of FFV1 copies |
| `mug` | JPEG | size of the picture, numbers without a gap and none twice | none in the format |
| `sst` | netCDF-4 (HDF5) | axes, order of days, attributes, range of temperatures | where the file has Fletcher-32 |
| `sst` | netCDF-3, CDF-5 | the same, and every byte belongs to a variable of the header | none in the format |
| `taxibj` | HDF5 | axes against the name, dates, order, range of counts | where the file has Fletcher-32 |

What a format carries no checksum for cannot be told from other values once it is damaged: pixels of JPEG and lossy
video, values of netCDF-3, of HDF5 without Fletcher-32 and without compression, and IDX files other than the official
ones. Compare such files with the checksums of whoever gave them to you. Any other damage is a sentence that names the
file, or changes nothing: `make fuzz` tries some thousand kinds on tiny files of every dataset.

netCDF variables are unpacked by one set of rules: `_Unsigned` first; holes by `_FillValue`, `missing_value` and the
valid range, in the units of what is stored and only where they fit its type; scale and offset last. Times are rounded
to the second before their day is taken. Rows from north to south are turned, so that row 0 of a store is its southern
edge; pictures draw row 0 at the top, and south is up in them. Temperatures are in degrees Celsius or kelvin, in any of
their words.
"""

_ON_THE_FLY = (
    "Training on the fly is for Python (`training_stream` of the dataset's plug-in, sequences without end);\n"
    "`stbench run` has no option for it and trains on the stored sequences."
)
BELOW = {"moving-mnist": _ON_THE_FLY, "moving-mnist-angle": _ON_THE_FLY}
"""Dataset -> what stands below its parameters."""
KTH_128 = """\
`kth-128` was not measured in this way; of the stand-in `stbench info kth-128 --source simulated` says 2 min 25 s,
0.96 GB of memory at most and 3.7 GB of frames (14 GB with the padding), as much on disk. Trainings hold the frames of
their split in memory, as bytes where the store has bytes: at 128 pixels at most 227,637 frames of 16 KiB, 3.5 GiB. On
a small machine train one such model at a time.\
"""


def page() -> str:
    """The whole page; a pure function of the registered datasets."""
    generators = [registry.dataset(name) for name in registry.names("datasets")]
    return "\n".join([HEAD, _overview(generators), _costs(), *map(_section, generators)])


def _overview(generators: list[Generator]) -> str:
    lines = ["## All of them", "", "| dataset | version | what | tracks | cost of making it |", "|---|---|---|---|---|"]
    for each in generators:
        tracks = ", ".join(f"`{track.id}`" for track in each.tracks)
        cost = each.card.cost.replace("the simulated card", f"`stbench info {each.name} --source simulated`")
        cells = (f"[`{each.name}`](#{each.name})", each.version, each.card.summary, tracks, cost)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, ""])


def _costs() -> str:
    lines = [
        "## What making them costs",
        "",
        "Measured by `benchmarks/datasets.py --full`: the whole command in a process of its own, a stand-in's raw",
        "files included. Megabytes a second are of decoded frames; memory is the largest resident size of the process.",
        "",
        "| dataset | source | sequences | seconds | MB/s | peak memory | store | raw files written | measured |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    with COSTS.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            sizes = [f"{row[name]} MB" if row[name] != "0" else "none" for name in ("peak_mb", "store_mb", "raw_mb")]
            cells = (
                f"`{row['dataset']}`",
                row["source"],
                row["sequences"],
                row["seconds"],
                row["mb_per_second"],
                *sizes,
            )
            lines.append("| " + " | ".join((*cells, f"{row['date']}, {row['cores']} cores")) + " |")
    return "\n".join([*lines, "", KTH_128, ""])


def _section(generator: Generator) -> str:
    card = generator.card
    lines = [f"## {generator.name}", "", f"{card.title}. {card.summary}", "", *_facts(card), ""]
    lines += ["Factors:", "", *(f"- `{name}`: {text}" for name, text in card.factors.items()), ""]
    if card.quirks:
        lines += ["Known quirks:", "", *(f"- {quirk}" for quirk in card.quirks), ""]
    lines += ["| parameter | canonical value | meaning |", "|---|---|---|"]
    canonical = {name: getattr(generator.parameters(), name) for name in generator.parameters.__dataclass_fields__}
    lines += [f"| `{name}` | {value} | {meaning} |" for name, value, meaning in parameter_rows(generator, canonical)]
    if generator.name in BELOW:
        lines += ["", BELOW[generator.name]]
    sources = generator.sources(None)
    if sources:
        blueprint = generator.blueprint(generator.parameters(), sources[0], None)
        lines += ["", f"Split of the canonical data ({sources[0]}):", ""]
        lines += [f"- {name}: {text}" for name, text in split_rows(blueprint.split)]
    return "\n".join([*lines, ""])


def _facts(card: Card) -> list[str]:
    names = ("origin", "dimensions", "units", "boundary", "preprocessing", "licence", "reference")
    return [f"- {name}: {text}" for name in names if (text := getattr(card, name))]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
