"""The leaderboards as static web pages: an overview, and beside it a page for each track, model and dataset.

They work from a file, on a phone, on paper and without script; nothing comes from elsewhere. Style and script stand in
every page: sorting is `sortable-tablesort` (templates/vendored), the rest `templates/page.js`.

    <folder>/index.html
    <folder>/pages/track-<track>.html, model-<model>.html, dataset-<dataset>.html
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from stbench.boards.absent import Absent, absent
from stbench.boards.board import Block, Board, Line, Summary, lead_time_name
from stbench.boards.cards import Cards, read_cards
from stbench.boards.cite import bibtex_of
from stbench.boards.gallery import Gallery, folder_of, read_gallery
from stbench.boards.overview import Overview, TrackSkill, overviews, track_skill
from stbench.boards.plots import Plot, cost_of_block, cost_of_preset, curves_of
from stbench.boards.publishing import place_of, read_published
from stbench.boards.ranking import boards
from stbench.boards.reported import Reported, read_reported
from stbench.boards.svg import dash_text
from stbench.contract.datasets import canonical_json
from stbench.contract.presets import PRESETS
from stbench.errors import StbenchError
from stbench.files import write_text
from stbench.pictures.colours import DASHES, MODELS, SIMULATED, STROKES
from stbench.results import numbers
from stbench.results.aggregate import RESULTS
from stbench.results.record import RECORD
from stbench.results.trust import LADDER, Trust

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

    from stbench.metrics import Metric

TEMPLATES = Path(__file__).resolve().parent / "templates"
PAGES = "pages"
"""Folder of the pages beside the overview."""
SHADES = 5
"""Of a skill: from -1 and below to 1 in as many steps on either side of none."""


@dataclass(frozen=True)
class Site:
    """All that the pages show."""

    boards: tuple[Board, ...]
    absent: Mapping[str, Sequence[Absent]]
    """Anchor of a board -> the models that are not applicable."""
    overviews: tuple[Overview, ...]
    reported: Mapping[str, Sequence[Reported]]
    """By track."""
    cards: Cards
    out: Path
    """Where tables and records lie."""
    page: Path
    """The overview."""
    pictures: Path | None = None
    """Folder of older pictures, <preset>/<board>-forecast.png."""
    galleries: Mapping[str, Gallery] = field(default_factory=dict)
    """By anchor."""

    @cached_property
    def skills(self) -> Mapping[str, TrackSkill]:
        """Anchor of a board -> skill over its best floor."""
        found = {anchor(board): track_skill(board) for board in self.boards}
        return {each: skill for each, skill in found.items() if skill is not None}


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
    environment = _environment()
    beside = site.page.parent / PAGES

    def page(path: Path, template: str, **content: Any) -> tuple[Path, str]:
        links = Links(site, path)
        return path, environment.get_template(template).render(site=site, links=links, **content)

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
        path = beside / f"track-{_file(track)}.html"
        yield page(path, "track.html", track=track, boards=found, metrics=_metrics(found), known_models=lines)
    for model, there in lines.items():
        yield page(beside / f"model-{_file(model)}.html", "model.html", model=model, lines=there)
    for dataset, found in datasets.items():
        yield page(beside / f"dataset-{_file(dataset)}.html", "dataset.html", dataset=dataset, boards=found)


@dataclass(frozen=True)
class Links:
    """Addresses as a page at `path` has to write them: relative, so that a folder of pages may lie anywhere."""

    site: Site
    path: Path

    def to(self, path: Path) -> str:
        return quote(Path(os.path.relpath(path, self.path.parent)).as_posix())

    @property
    def overview(self) -> str:
        return self.to(self.site.page)

    def _page(self, name: str) -> str:
        return self.to(self.site.page.parent / PAGES / f"{name}.html")

    def track(self, track: str) -> str:
        return self._page(f"track-{_file(track)}")

    def board(self, board: Board) -> str:
        return f"{self.track(board.track.id)}#{quote(anchor(board))}"

    def model(self, name: str) -> str:
        """Of a model or a variant of it."""
        return self._page(f"model-{_file(name.partition(':')[0])}")

    def dataset(self, name: str) -> str:
        return self._page(f"dataset-{_file(name)}")

    def csv(self, board: Board) -> str:
        return self.to(self.site.out / board.preset / f"{board.file_stem}.csv")

    def overview_csv(self, preset: str) -> str:
        return self.to(self.site.out / preset / "overview.csv")

    def record(self, line: Line) -> str:
        return self.to(place_of(line.record, self.site.out) / RECORD)

    def results(self, line: Line) -> str:
        return self.to(place_of(line.record, self.site.out) / RESULTS)

    def preset(self, line: Line) -> str:
        """The configuration on the page of its model."""
        return f"{self.model(line.model)}#{quote(configuration_anchor(line))}"

    def sheet(self, board: Board, rule: str) -> str:
        return self.to(folder_of(board, self.site.out) / f"{rule}.webp")

    def older_picture(self, board: Board) -> str:
        """A still of a run whose frames are gone; empty where there is none."""
        for name in ("forecast", "swap"):
            if (
                self.site.pictures
                and (found := self.site.pictures / board.preset / f"{board.file_stem}-{name}.png").exists()
            ):
                return self.to(found)
        return ""

    @property
    def docs(self) -> str:
        """The documentation, where `make site` has built it beside the page; else empty."""
        index = self.site.page.parent / "docs" / "index.html"
        return self.to(index) if index.exists() else ""


@dataclass(frozen=True)
class Preset:
    """The boards of a preset at a glance."""

    site: Site
    name: str
    boards: tuple[Board, ...]

    @cached_property
    def overview(self) -> Overview | None:
        return next((each for each in self.site.overviews if each.preset == self.name), None)

    @cached_property
    def columns(self) -> tuple[Board, ...]:
        """Boards with a skill, the columns of the matrix."""
        return tuple(board for board in self.boards if anchor(board) in self.site.skills)

    @property
    def without_floors(self) -> tuple[Board, ...]:
        """Boards that lack floors."""
        return tuple(board for board in self.boards if board.lacking)

    @property
    def others(self) -> tuple[Board, ...]:
        """Boards without a skill for another reason."""
        return tuple(board for board in self.boards if board not in self.columns and not board.lacking)

    @cached_property
    def rows(self) -> tuple[MatrixRow, ...]:
        """Those of the headline suite first, by skill on it; then models before floors, those on more tracks first."""
        suite = self.overview.headline.places if self.overview else ()
        place = {each.model: (k, each) for k, each in enumerate(suite)}
        models: dict[str, bool] = {}
        for board in self.columns:
            models |= {name: line.record.floor for name, line in self.site.skills[anchor(board)].lines.items()}
        found = []
        for name, floor in models.items():
            cells = tuple(self._cell(board, name) for board in self.columns)
            found.append(MatrixRow(name, floor, cells, place[name][1] if name in place else None))
        return tuple(
            sorted(
                found, key=lambda row: (place.get(row.model, (len(place),))[0], row.floor, -row.n, -row.mean, row.model)
            )
        )

    def _cell(self, board: Board, model: str) -> Cell | None:
        there = self.site.skills[anchor(board)]
        if model not in there.skill:
            return None
        return Cell(board, there.skill[model], there.lines[model])

    @cached_property
    def cost(self) -> Plot | None:
        return cost_of_preset(self.overview, self.columns, self.site.skills, anchor)


@dataclass(frozen=True)
class Cell:
    """A model on a track."""

    board: Board
    skill: float
    line: Line

    @property
    def shade(self) -> int:
        return max(-SHADES, min(SHADES, round(self.skill * SHADES)))

    @property
    def rank(self) -> str:
        """ "1..3" where it cannot be told apart from the best, else its own."""
        shared = self.line.standing.bracket if self.line.standing is not None else ""
        return shared if ".." in shared else str(self.line.rank)


@dataclass(frozen=True)
class MatrixRow:
    """A model on every track."""

    model: str
    floor: bool
    cells: tuple[Cell | None, ...]
    place: Any
    """`stbench.boards.overview.Place` in the headline suite; None where it was not run on all its tracks."""

    @property
    def n(self) -> int:
        return sum(cell is not None for cell in self.cells)

    @property
    def mean(self) -> float:
        """Of its skills."""
        return sum(cell.skill for cell in self.cells if cell is not None) / max(1, self.n)

    @property
    def trust(self) -> Trust:
        return min((cell.line.trust for cell in self.cells if cell is not None), key=lambda each: each.rung)


def anchor(board: Board) -> str:
    """Of a board on the page of its track, and its name here."""
    return f"{board.preset}-{board.file_stem}"


def configuration_anchor(line: Line) -> str:
    """Of a configuration on the page of its model."""
    return "-".join((line.record.preset, line.record.dataset, line.record.dataset_source, _file(line.model)))


def configuration_text(line: Line) -> str:
    """As indented JSON."""
    import json

    return json.dumps(json.loads(canonical_json(line.record.configuration)), indent=1, ensure_ascii=False)


def _file(name: str) -> str:
    return name.replace("/", "-").replace(":", ".")


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


def _environment() -> jinja2.Environment:
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (TEMPLATES / name).read_text("utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "score": numbers.score_text,
        "count": numbers.count_text,
        "seconds": numbers.seconds_text,
        "interval": _interval,
        "anchor": anchor,
        "folded": _folded,
        "sort": _sort_key,
        "skill": numbers.skill_text,
    }
    # Globals: macros see no variables.
    environment.globals |= {
        "lead_time_name": lead_time_name,
        "better": _better,
        "cost": _cost,
        "curves": curves_of,
        "cost_plot": cost_of_block,
        "configuration_anchor": configuration_anchor,
        "configuration_text": configuration_text,
        "bibtex": bibtex_of,
        "simulated": SIMULATED,
        "ladder": LADDER,
        "reported_trust": Trust.REPORTED,
        "models_hex": MODELS,
        "dashes": [dash_text(each) for each in DASHES],
        "strokes": [dash_text(each) for each in STROKES],
        "shades": SHADES,
        "script": Markup(_own("vendored/sortable.min.js") + _own("page.js")),
        "style": Markup(environment.get_template("style.css").render(
            models=MODELS,
            dashes=[dash_text(each) for each in DASHES],
            strokes=[dash_text(each) for each in STROKES],
            shades=SHADES,
        )),
    }  # fmt: skip
    return environment


def _own(name: str) -> str:
    return (TEMPLATES / name).read_text("utf-8")


def _interval(summary: Summary) -> str:
    return numbers.interval_text(summary.value, summary.ci_low, summary.ci_high)


def _folded(name: str) -> Markup:
    """A name that may be broken behind underscores, so that a column is as wide as its values."""
    from markupsafe import Markup, escape

    return escape(name).replace("_", Markup("_<wbr>"))


def _sort_key(value: float | None) -> str:
    """What a script reads as a number; empty sorts last."""
    if value is None:
        return ""
    return {float("inf"): "Infinity", float("-inf"): "-Infinity"}.get(value, f"{value:.9g}")


def _better(metric: str) -> str:
    """ "lower", "higher", "closer to 1"; empty for a metric that is not registered here."""
    found = _known([metric])
    return found[0].better if found else ""


def _cost(line: Line) -> Mapping[str, Any]:
    """Costs of a line: means over seeds, the largest memory."""
    records = [entry.record for entry in line.entries]
    inference = [each.inference_seconds for each in records if each.inference_seconds is not None]
    memory = [each.peak_memory_bytes for each in records if each.peak_memory_bytes is not None]
    return {
        "train_seconds": line.train_seconds,
        "train_cpu_seconds": line.train_cpu_seconds,
        "inference_seconds": sum(inference) / len(inference) if inference else None,
        "memory": f"{max(memory) / 1e6:,.0f} MB" if memory else "",
        "unfinished": not all(each.training.get("finished", True) for each in records),
        "machine": "; ".join(
            dict.fromkeys(f"{each.device}, {each.processor}" for each in records if not each.made_elsewhere)
        ),
    }


def _metrics(found: Iterable[Board]) -> list[Metric]:
    """The metrics of these boards, in order of appearance, as far as they are registered here."""
    return _known(dict.fromkeys(name for board in found for name in board.metrics))


def _known(names: Iterable[str]) -> list[Metric]:
    from stbench import registry

    known = set(registry.names("metrics"))
    return [registry.metric(name) for name in names if name in known]
