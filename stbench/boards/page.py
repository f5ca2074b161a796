"""The leaderboards as static web pages: an overview, and beside it a page for each track, model and dataset.

They work from a file, on a phone, on paper and without script; nothing comes from elsewhere. Style and script stand in
every page: sorting is `sortable-tablesort` (templates/vendored), the rest `templates/page.js`.

    <folder>/index.html
    <folder>/pages/track-<track>.html, model-<model>.html, dataset-<dataset>.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stbench.boards.absent import Absent, absent
from stbench.boards.board import Block, Board, Line
from stbench.boards.cards import read_cards
from stbench.boards.gallery import Gallery, folder_of, read_gallery
from stbench.boards.matrix import Preset
from stbench.boards.overview import Overview, overviews
from stbench.boards.publishing import read_published
from stbench.boards.ranking import boards
from stbench.boards.reported import Reported, read_reported
from stbench.boards.site import PAGES, Links, Site, anchor
from stbench.boards.templating import environment, known_metrics
from stbench.contract.presets import PRESETS
from stbench.errors import StbenchError
from stbench.files import write_text
from stbench.paths import file_name

if TYPE_CHECKING:
    from stbench.metrics import Metric


def write_page(published: Path, path: Path, reported: Path | None = None, pictures: Path | None = None) -> Path:
    """Write the pages of the boards published under `published` (see `stbench.boards.leaderboard.build`): the overview
    to `path`, the others to the folder `pages` beside it.

    `reported`: the table of numbers from papers, drawn apart. `pictures`: a folder of older pictures. Same
    records, same bytes.
    """
    found = read_published(published)
    if not found:
        raise StbenchError(
            f"there is no published run under {published}: make one with `stbench run`, then `stbench leaderboard`"
        )
    shown = [(board, absent(board)) for board in boards(found)]
    numbers = read_reported(reported) if reported is not None else []
    for each, text in render(shown, numbers, published, path, pictures).items():
        try:
            write_text(each, text)
        except OSError as error:
            raise StbenchError(f"cannot write {each}: {error.strerror or error}") from None
    return path


def render(
    shown: Sequence[tuple[Board, Sequence[Absent]]],
    reported: Iterable[Reported],
    out: Path,
    page: Path,
    pictures: Path | None = None,
    found: Sequence[Overview] | None = None,
    drawn: Mapping[Path, Gallery] | None = None,
) -> dict[Path, str]:
    """Path -> text of every page of boards, each with `absent(board)`; texts of records and papers are escaped.

    `out`: where tables, records and galleries lie, which the pages link to. `page`: the overview. `found`:
    `overviews(boards)` where they are known; `drawn`: galleries about to be published, by folder.
    """
    order = {name: place for place, name in enumerate(reversed([*PRESETS]))}
    ordered = sorted((board for board, _ in shown), key=lambda each: (order.get(each.preset, len(order)), each.preset))
    by_track: dict[str, list[Reported]] = {}
    for number in reported:
        by_track.setdefault(number.track, []).append(number)
    galleries = {}
    for board in ordered:
        if gallery := (drawn or {}).get(folder_of(board, out)) or read_gallery(board, out):
            galleries[anchor(board)] = gallery
    site = Site(
        boards=tuple(ordered),
        absent={anchor(board): missing for board, missing in shown},
        overviews=tuple(overviews(ordered) if found is None else found),
        reported=by_track,
        cards=read_cards(),
        out=out,
        page=page,
        pictures=pictures,
        galleries=galleries,
    )
    return {path: text for path, text in _pages(site)}


def _pages(site: Site) -> Iterator[tuple[Path, str]]:
    templates = environment()
    beside = site.page.parent / PAGES

    def page(path: Path, template: str, **content: Any) -> tuple[Path, str]:
        links = Links(site, path)
        return path, templates.get_template(template).render(site=site, links=links, **content)

    tracks = _by(site.boards, lambda board: board.track.id)
    lines = _by(_lines(site.boards), lambda found: found[2].record.model)
    datasets = _by(site.boards, lambda board: board.dataset)
    presets = [(name, [*group]) for name, group in groupby(site.boards, key=lambda board: board.preset)]
    yield page(
        site.page,
        "overview.html",
        presets=[Preset(site, name, tuple(each)) for name, each in presets],
        about=PRESETS,
        tracks=tracks,
        models={name: lines[name] for name in sorted(lines)},
        datasets=datasets,
        metrics=_metrics(site.boards),
    )
    for track, found in tracks.items():
        path = beside / f"track-{file_name(track)}.html"
        yield page(path, "track.html", track=track, boards=found, metrics=_metrics(found), known_models=lines)
    for model, there in lines.items():
        yield page(beside / f"model-{file_name(model)}.html", "model.html", model=model, lines=there)
    for dataset, found in datasets.items():
        yield page(beside / f"dataset-{file_name(dataset)}.html", "dataset.html", dataset=dataset, boards=found)


def _by(found: Iterable[Any], key: Any) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = {}
    for each in found:
        groups.setdefault(key(each), []).append(each)
    return groups


def _lines(found: Iterable[Board]) -> Iterator[tuple[Board, Block, Line]]:
    for board in found:
        for block in board.blocks:
            for line in block.lines:
                yield board, block, line


def _metrics(found: Iterable[Board]) -> list[Metric]:
    """The metrics of these boards, in order of appearance, as far as they are registered here."""
    return known_metrics(dict.fromkeys(name for board in found for name in board.metrics))
