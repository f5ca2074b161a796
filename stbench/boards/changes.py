"""The boards that some records change, before and after, as Markdown, for whoever reviews a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stbench.boards.board import Board
from stbench.boards.entry import Entry
from stbench.boards.leaderboard import NOT_APPLICABLE, NOT_SCORED
from stbench.boards.ranking import boards
from stbench.results.numbers import score_text

__all__ = ["changed_boards"]

_Key = tuple[str, str, str]


def changed_boards(before: Iterable[Entry], after: Iterable[Entry]) -> str:
    """Each board that differs, with its ranks in both states; a sentence where none does."""
    old, new = ({_key(each): each for each in boards(entries)} for entries in (before, after))
    parts = []
    for key in dict.fromkeys([*new, *old]):
        lines = [[*_lines(found.get(key))] for found in (old, new)]
        if lines[0] != lines[1]:
            board = new.get(key, old.get(key))
            assert board is not None
            parts.append(_section(board, *lines))
    return "\n".join(parts) if parts else "No board changes.\n"


def _key(board: Board) -> _Key:
    return board.preset, board.track.id, board.source


def _lines(board: Board | None) -> Iterator[tuple[str, ...]]:
    if board is None or not board.metrics:
        return
    for block in board.blocks:
        for line in block.lines:
            found = line.summary(board.metrics[0], board.mean_lead_time)
            absent = NOT_APPLICABLE if line.record.not_applicable else NOT_SCORED
            value = score_text(found.value) if found is not None else absent
            name = f"{line.model} (floor)" if line.record.floor else line.model
            yield (str(line.rank or ""), name, value, str(line.trust), block.dataset_digest[:8])


def _section(board: Board, before: list[tuple[str, ...]], after: list[tuple[str, ...]]) -> str:
    heading = f"### {board.track.id}, preset {board.preset}, source {board.source}\n"
    ranks = {(each[1], each[4]): each[0] for each in before}
    rows = [(ranks.get((name, digest), "new"), rank, name, value, trust) for rank, name, value, trust, digest in after]
    there = {(each[1], each[4]) for each in after}
    rows += [
        (rank, "gone", name, value, trust) for rank, name, value, trust, digest in before if (name, digest) not in there
    ]
    titles = ("rank before", "rank after", "model", f"{board.metrics[0]}, mean of {board.mean_lead_time}", "trust")
    lines = [_row(titles), _row("---" for _ in titles), *map(_row, rows)]
    return "\n".join([heading, *lines, ""])


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(each.replace("|", "\\|") for each in cells) + " |"
