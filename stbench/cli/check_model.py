"""`stbench check-model`: does a model keep the promises the protocol builds on?"""

from __future__ import annotations

import click

from stbench.cli import console
from stbench.cli.options import complete, preset_option
from stbench.errors import StbenchError


@click.command("check-model")
@click.argument("model", metavar="MODEL[:VARIANT]", shell_complete=complete("models"))
@click.option(
    "--dataset",
    default=None,
    metavar="NAME",
    shell_complete=complete("datasets"),
    help="Whose frames and presets.  [default: the first the model has presets for]",
)
@preset_option
def check_model(model: str, dataset: str | None, preset: str) -> None:
    """Check a model, registered here or by a package of yours: shapes, determinism, no target leak, resume.

    Runs on a small store of its own, in a temporary folder; the dataset need not be generated.
    """
    import tempfile
    from pathlib import Path

    from stbench.conformance.suite import check_model as check

    with tempfile.TemporaryDirectory(prefix="stbench-check-") as scratch:
        found = check(model, dataset, preset, scratch=Path(scratch), progress=console)
    console.table(
        f"{model}: checks", ("check", "verdict", "what was found"), [(*vars(each).values(),) for each in found]
    )
    if failed := [each.check for each in found if each.verdict == "fails"]:
        raise StbenchError(
            f"'{model}' fails {len(failed)} of {len(found)} checks ({', '.join(failed)}): see what was found above"
        )
