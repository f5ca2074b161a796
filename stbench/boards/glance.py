"""Skill over the best floor of every model on every board, as the picture of the overview draws it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stbench.boards.board import Board
from stbench.boards.overview import track_skill
from stbench.pictures.overview import Skills, ordered


def skills_of(boards: Sequence[Board]) -> Skills:
    """Of boards of one preset: those with a skill; models before floors, those on more tracks first."""
    found = [skill for board in boards if (skill := track_skill(board)) is not None]
    floors = {name: line.record.floor for skill in found for name, line in skill.lines.items()}
    names = sorted(floors)
    values = np.array([[skill.skill.get(name, np.nan) for skill in found] for name in names])
    values = values.reshape(len(names), len(found))
    order = ordered(names, [floors[name] for name in names], values)
    preset = boards[0].preset if boards else ""
    return Skills(
        title=f"skill over the best floor, preset {preset}\n0 as good as the best floor of the track, 1 perfect",
        tracks=tuple(skill.about.name for skill in found),
        models=tuple(names[k] for k in order),
        floors=tuple(floors[names[k]] for k in order),
        values=values[order],
    )
