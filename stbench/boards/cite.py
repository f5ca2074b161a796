"""BibTeX of a board: the data's paper, and stbench with the board and its digests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stbench.provenance.citation import stbench_bibtex

if TYPE_CHECKING:
    from stbench.boards.board import Board
    from stbench.boards.cards import Cards


def bibtex_of(board: Board, cards: Cards) -> str:
    """The entry of the dataset's card, where there is one, then that of stbench; its note names the data of every
    table of the board."""
    of_data = [
        f"version {block.dataset_version}, split {block.split}, store digest sha256:{block.dataset_digest}"
        for block in board.blocks
    ]
    used = f"leaderboard {board.track.id}, preset {board.preset} ({board.source}), dataset {'; '.join(of_data)}"
    card = cards.datasets.get(board.dataset)
    entries = [*([card.bibtex.strip()] if card is not None else []), stbench_bibtex(used)]
    return "\n\n".join(entry for entry in entries if entry)
