"""`stbench leaderboard`: the last arrow, from run records to tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stbench.cli import console
from stbench.cli.failures import Resumable
from stbench.cli.machine import board_document, json_option, print_json
from stbench.cli.options import LocalPath, i3d_option, path_option, preset_option
from stbench.cli.standings import show_board, show_overview
from stbench.contract.presets import CUSTOM
from stbench.errors import StbenchError

if TYPE_CHECKING:
    from stbench.boards.board import Board

OUT = Path("leaderboards")
OLDER_PICTURES = Path("docs", "images")


@click.command(cls=Resumable)
@path_option("--runs", help="Folder of runs.  [default: ./runs]")
@path_option("--out", default=OUT, show_default=True, help="Folder of the tables and records.")
@path_option("--page", help="Web page of all leaderboards; others go beside it.  [default: index.html in OUT]")
@path_option("--pictures", help="Older pictures, for boards whose runs are gone.  [default: docs/images, if there]")
@path_option("--picture", help="Also draw the overview of the preset, a PNG or SVG.")
@click.option("--run-missing", is_flag=True, help="First run what the preset has on every track and is not finished.")
@click.option("--dry-run", is_flag=True, help="With --run-missing: print the commands, one a line, and do nothing.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="With --run-missing: how many runs side by side; they share the cores.",
)
@click.option(
    "--update-not-applicable",
    is_flag=True,
    help="First write leaderboards/not_applicable.csv and floors.csv anew from stbench's own models; needs torch.",
)
@click.option("--update-cards", is_flag=True, help="First write leaderboards/cards.json anew in the same way.")
@click.option("--check", is_flag=True, help="Check records instead: those in FOLDERS, or all that are published.")
@path_option("--before", help="With --check: only records that this folder of tables has not; shows what they change.")
@path_option("--predictions", help="With --check of one folder: its prediction store, which is scored again.")
@i3d_option
@click.option("--from-others", is_flag=True, help="With --check: refuse whatever claims more than its author may.")
@click.option("--accept", is_flag=True, help="With --check: note in a record that its predictions were scored here.")
@click.argument("folders", nargs=-1, type=LocalPath(path_type=Path))
@preset_option
@click.option("--name", default="", help="Show the leaderboards of configurations of yours, `stbench run --name`.")
@json_option
def leaderboard(
    runs: Path | None,
    out: Path,
    page: Path | None,
    pictures: Path | None,
    picture: Path | None,
    run_missing: bool,
    dry_run: bool,
    jobs: int,
    update_not_applicable: bool,
    update_cards: bool,
    check: bool,
    before: Path | None,
    predictions: Path | None,
    i3d: Path | None,
    from_others: bool,
    accept: bool,
    folders: tuple[Path, ...],
    preset: str,
    name: str,
    as_json: bool,
) -> None:
    """Build the leaderboards of finished runs and show those of a preset; with --check, check records instead.

    Interrupted, the same command continues; finished runs are recognised and not repeated.
    """
    from stbench.boards import absent, cards, floors
    from stbench.boards.leaderboard import build
    from stbench.boards.overview import overviews
    from stbench.boards.publishing import read_published
    from stbench.boards.ranking import boards
    from stbench.boards.reported import default_path
    from stbench.paths import runs_dir

    runs = runs or runs_dir()
    if not check and (folders or before or predictions or from_others or accept):
        raise StbenchError(
            "folders, --before, --predictions, --from-others and --accept belong to --check: give it, too"
        )
    if jobs > 1 and not run_missing:
        raise StbenchError("--jobs says how many runs of --run-missing go side by side: give both")
    if (update_not_applicable or update_cards) and out.resolve() != OUT.resolve():
        raise StbenchError(f"boards read lists and cards in ./{OUT}, wherever they are written: leave --out out")
    if as_json and (check or dry_run):
        raise StbenchError("--json prints boards, and --check and --dry-run make none: leave it out")
    if check:
        from stbench.cli.checks import check_records

        check_records(
            folders,
            out=out,
            runs=runs,
            before=before,
            predictions=predictions,
            i3d=i3d,
            from_others=from_others,
            accept=accept,
        )
        return
    if dry_run:
        if not run_missing:
            raise StbenchError("--dry-run prints what --run-missing would run: give both")
        _print_missing(preset, runs, i3d)
        return
    if run_missing:
        from stbench.running.suite import everything, run_all

        run_all(everything(preset, i3d), runs=runs, jobs=jobs, progress=console)
    if update_not_applicable:
        absent.write_listed(out / absent.NAME)
        floors.write_floors(out / floors.NAME)
    reported = default_path()
    if update_cards:
        cards.write_cards(out / cards.NAME)
    if pictures is None and OLDER_PICTURES.is_dir():
        pictures = OLDER_PICTURES
    *tables, overview_page = build(runs, out, reported, page or out / "index.html", pictures)
    wanted = f"{CUSTOM}-{name}" if name else preset
    shown = [each for each in boards(read_published(out)) if each.preset == wanted]
    if not shown:
        console.note(
            f"no board of '{wanted}' is in {out}, and no finished run of it in {runs}: `stbench run` makes one"
        )
    drawn = [_draw(shown, picture)] if picture is not None else []
    if as_json:
        files = [str(path) for path in (*tables, *drawn, overview_page)]
        print_json({"boards": [board_document(each) for each in shown], "files": files})
        return
    for board in shown:
        show_board(board)
    for path in (*tables, *drawn):
        click.echo(path)
    for overview in overviews(shown):
        show_overview(overview)
    click.echo(overview_page)


def _draw(shown: Sequence[Board], picture: Path) -> Path:
    from stbench.boards.glance import skills_of
    from stbench.pictures.overview import draw_overview

    return draw_overview(skills_of(shown), picture)


def _print_missing(preset: str, runs: Path, i3d: Path | None) -> None:
    from stbench.running.missing import missing
    from stbench.running.suite import everything

    for command in missing(everything(preset, i3d), runs=runs):
        click.echo(command)
