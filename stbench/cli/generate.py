"""`stbench generate`: the first arrow, from a source to a store."""

from __future__ import annotations

import time
from pathlib import Path

import click

from stbench.cli.console import bar, fields, note
from stbench.cli.describe import frames_text, mapping_rows
from stbench.cli.failures import Resumable
from stbench.cli.options import complete, path_option, set_option, source_option
from stbench.cli.parse import duration_text, size_text


@click.command(cls=Resumable)
@click.argument("name", metavar="NAME", shell_complete=complete("datasets"))
@source_option
@path_option("--raw", help="Folder of official raw files.  [default: STBENCH_RAW]")
@path_option("--out", help="Path of the store.  [default: a folder named by its parameters under STBENCH_DATA]")
@set_option
@click.option("--workers", type=click.IntRange(min=1), default=None, help="Parallel workers.  [default: all cores]")
@click.option(
    "--scheduler",
    default="threads",
    show_default=True,
    metavar="threads|processes|ADDRESS",
    help="Dask here, or the tcp:// address of a running Dask cluster.",
)
def generate(
    name: str,
    source: str,
    raw: Path | None,
    out: Path | None,
    settings: dict[str, str],
    workers: int | None,
    scheduler: str,
) -> None:
    """Make a dataset as a zarr store; interrupted, the same command continues it.

    The same name, source, parameters and version give the same digest on every machine, for any number of workers.
    """
    from stbench.store.build import build, resolve

    started = time.monotonic()
    blueprint = resolve(name, settings, source, raw)
    if source == "auto" and blueprint.source == "simulated":
        note(f"{name} is simulated here: the official files were not found, see `stbench fetch {name}`")
    with bar(f"generating {name}", "sequences") as advance:
        store = build(blueprint, out, workers=workers, scheduler=scheduler, on_progress=advance, on_note=note)
    size = sum(file.stat().st_size for file in store.path.rglob("*") if file.is_file())
    rows = [
        ("path", str(store.path)),
        ("source", store.source),
        ("digest", store.digest),
        (
            "size",
            f"{size_text(size)}, {store.n_sequences:,} sequences of {frames_text(store)} frames {store.frame_shape}",
        ),
        ("time", duration_text(time.monotonic() - started)),
    ]
    fields(f"{name} {store.version}", rows)
    if store.attributes.get("certificate"):
        fields("numerics certificate", mapping_rows(store.attributes["certificate"]))
