"""Curves of a board: every model's metric against lead time."""

from __future__ import annotations

import math

import numpy as np

from stbench.boards.board import Block, Board
from stbench.pictures.curves import Curve


def curves_of_block(board: Board, block: Block, metric: str) -> list[Curve]:
    """The curves of a block of a board, averaged over seeds, best first."""
    found = []
    for line in block.lines:
        cells = []
        for k in range(1, board.horizon + 1):
            if (each := line.summary(metric, str(k))) is None:
                break
            cells.append((each.value, each.ci_low, each.ci_high))
        if len(cells) < board.horizon:
            continue
        value, low, high = (np.array([math.nan if x is None else x for x in c]) for c in zip(*cells, strict=True))
        found.append(Curve(line.model, value, low, high, line.record.floor))
    return found
