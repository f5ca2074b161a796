"""What the web pages show, and the addresses they write."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from stbench.boards.absent import Absent
from stbench.boards.board import Board, Line
from stbench.boards.cards import Cards
from stbench.boards.gallery import Gallery, folder_of
from stbench.boards.overview import Overview, TrackSkill, track_skill
from stbench.boards.publishing import place_of
from stbench.boards.reported import Reported
from stbench.paths import file_name
from stbench.results.aggregate import RESULTS
from stbench.results.record import RECORD

PAGES = "pages"
"""Folder of the pages beside the overview."""


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
        return self._page(f"track-{file_name(track)}")

    def board(self, board: Board) -> str:
        return f"{self.track(board.track.id)}#{quote(anchor(board))}"

    def model(self, name: str) -> str:
        """Of a model or a variant of it."""
        return self._page(f"model-{file_name(name.partition(':')[0])}")

    def dataset(self, name: str) -> str:
        return self._page(f"dataset-{file_name(name)}")

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


def anchor(board: Board) -> str:
    """Of a board on the page of its track, and its name here."""
    return f"{board.preset}-{board.file_stem}"


def configuration_anchor(line: Line) -> str:
    """Of a configuration on the page of its model."""
    return "-".join((line.record.preset, line.record.dataset, line.record.dataset_source, file_name(line.model)))
