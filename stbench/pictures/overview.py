"""The overview as a picture: models by tracks, skill over the best floor. Same input, same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stbench.errors import StbenchError
from stbench.pictures.forecasts import figure_of, save, title_of
from stbench.results.numbers import skill_text

WORST, BEST = -1.0, 1.0
"""Ends of the colours; worse skills have the colour of the worse end."""
COLOURS = ("#EBB38A", "#F7F7F7", "#7FB8D8")
"""Worse than the best floor, as good, better: light, so that numbers on them can be read."""


@dataclass(frozen=True)
class Skills:
    """What is drawn."""

    title: str
    tracks: tuple[str, ...]
    models: tuple[str, ...]
    floors: tuple[bool, ...]
    """Of each model: is it one?"""
    values: np.ndarray
    """(model, track); NaN: not run, or not applicable."""


def draw_overview(skills: Skills, out: Path) -> Path:
    """Draw skill over the best floor, a row a model and a column a track; PNG or SVG.

    Blue is better than the best floor, orange worse, empty not run. `StbenchError` for nothing to draw, or a file that
    cannot be written.
    """
    from matplotlib.colors import LinearSegmentedColormap

    if not skills.models or not skills.tracks:
        raise StbenchError(f"there is no model with a skill to draw into {out}: a board needs a floor beside a model")
    figure = figure_of(2.6 + 0.62 * len(skills.tracks), 2.3 + 0.3 * len(skills.models))
    axes = figure.subplots()
    colours = LinearSegmentedColormap.from_list("skill", COLOURS).with_extremes(bad="#FFFFFF")
    axes.imshow(np.ma.masked_invalid(skills.values), cmap=colours, vmin=WORST, vmax=BEST, aspect="auto")
    for (row, column), value in np.ndenumerate(skills.values):
        if np.isfinite(value):
            text = skill_text(value)
            axes.text(column, row, text, ha="center", va="center", fontsize=7.5, color="#1F2328")
    axes.set_xticks(range(len(skills.tracks)), skills.tracks, rotation=40, ha="right", fontsize=8)
    names = [f"{name} (floor)" if floor else name for name, floor in zip(skills.models, skills.floors, strict=True)]
    axes.set_yticks(range(len(names)), names, fontsize=8.5)
    for tick, floor in zip(axes.get_yticklabels(), skills.floors, strict=True):
        tick.set_fontstyle("italic" if floor else "normal")
    axes.set_xticks(np.arange(1, len(skills.tracks)) - 0.5, minor=True)
    axes.set_yticks(np.arange(1, len(names)) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    title_of(figure, skills.title, "")
    return save(figure, out)


def ordered(models: Sequence[str], floors: Sequence[bool], values: np.ndarray) -> list[int]:
    """Places of models, then of floors: those on more tracks first, then by their mean skill."""
    there = np.isfinite(values)
    means = np.where(there, np.clip(values, WORST, BEST), 0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    return sorted(range(len(models)), key=lambda k: (floors[k], -int(there[k].sum()), -float(means[k]), models[k]))
