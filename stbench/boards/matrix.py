"""Models by tracks: the matrix of skills at the head of a preset's boards."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stbench.boards.board import Board, Line
from stbench.boards.overview import Overview
from stbench.boards.plots import Plot, cost_of_preset
from stbench.boards.site import Site, anchor
from stbench.results.trust import Trust

SHADES = 5
"""Of a skill: from -1 and below to 1 in as many steps on either side of none."""


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
