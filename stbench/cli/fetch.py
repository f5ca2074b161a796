"""`stbench fetch`: the original files of a dataset, or how to get them."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from stbench.cli.console import bar, fields, note
from stbench.cli.failures import Resumable
from stbench.cli.options import complete, path_option
from stbench.cli.parse import size_text
from stbench.errors import StbenchError


@click.command(cls=Resumable)
@click.argument("name", metavar="NAME", shell_complete=complete("datasets"))
@path_option("--raw", help="Folder of official raw files.  [default: STBENCH_RAW, else a cache under STBENCH_DATA]")
def fetch(name: str, raw: Path | None) -> None:
    """Download the official files of a dataset and check them; interrupted, the same command continues.

    Where a licence must be signed or no link is left, it says what to get, from whom, where to put it and the terms.
    """
    from stbench import registry
    from stbench.raw.fetch import HasRawFiles, OnProgress, destination
    from stbench.raw.fetch import fetch as fetch_files
    from stbench.raw.files import RawFile, find_in

    generator = registry.dataset(name)
    if not isinstance(generator, HasRawFiles):
        raise StbenchError(f"'{name}' is defined by its simulator, nothing is to be fetched: `stbench generate {name}`")
    folder = destination(generator, raw)
    fetchable = generator.raw_files and all(spec.urls or find_in(folder, spec) for spec in generator.raw_files)
    if generator.instructions and not fetchable:
        click.echo(generator.instructions)
        click.echo(f"\nPut the files into {folder}")
    with ExitStack() as bars:

        def on_file(spec: RawFile, url: str) -> OnProgress:
            bars.close()
            note(f"{spec.name} from {url}" + (f" ({spec.licence})" if spec.licence else ""))
            return bars.enter_context(bar(spec.name, "bytes"))

        paths = fetch_files(generator, raw, on_file)
    fields(
        f"{name}: official files, checked", [(path.name, f"{size_text(path.stat().st_size)}  {path}") for path in paths]
    )
