"""`stbench cite`: BibTeX of what was used."""

from __future__ import annotations

import click

from stbench.cli.console import note
from stbench.cli.options import set_option, source_option


@click.command()
@click.argument("name", metavar="DATASET|MODEL[:VARIANT]|STORE")
@source_option
@set_option
def cite(name: str, source: str, settings: dict[str, str]) -> None:
    """Print BibTeX: the paper of a dataset or model, and stbench with dataset version, split id and digest."""
    from stbench.provenance.citation import citation

    found = citation(name, settings, source)
    click.echo(found.bibtex)
    for remark in found.remarks:
        note(remark)
