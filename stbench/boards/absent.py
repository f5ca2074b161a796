"""Models that a board has no run of because they cannot be asked what its track asks.

They are named with the reason, without value or rank. Which they are stands in `leaderboards/not_applicable.csv`, and
not in the registry of the machine that builds a board: whether torch is installed, or a foreign plug-in, changes no
board. `stbench leaderboard --update-not-applicable` writes the list anew from stbench's own models: those that lack the
capability or do not apply to the dataset, with a preset for it or run in every preset, and variants whose preset file
says why they cannot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stbench import registry
from stbench.boards.board import Board
from stbench.boards.lists import columns_of, read_list, write_list
from stbench.boards.reported import beside_the_boards
from stbench.contract.datasets import Track
from stbench.contract.models import ModelPlugin
from stbench.contract.presets import PRESETS
from stbench.protocols.known import not_applicable

NAME = "not_applicable.csv"


@dataclass(frozen=True)
class Absent:
    """A model that is not applicable on a track."""

    model: str
    floor: bool
    reason: str


@dataclass(frozen=True)
class Listed:
    """A line of the list. The columns of `not_applicable.csv`."""

    track: str
    preset: str
    """Empty: a model that runs in every preset."""
    model: str
    floor: str
    """ "yes" or "no"."""
    reason: str


COLUMNS = columns_of(Listed)


def default_path() -> Path | None:
    """`leaderboards/not_applicable.csv` of the working folder, the installed package or its checkout; None without."""
    return beside_the_boards(NAME)


def read_listed(path: Path | None = None) -> list[Listed]:
    """The list of `path` or of `default_path()`, nothing where there is none. `StbenchError` where it is damaged."""
    path = path or default_path()
    return read_list(path, Listed, "models that are not applicable") if path is not None else []


def absent(board: Board, listed: Sequence[Listed] | None = None) -> tuple[Absent, ...]:
    """In the order of the list (`read_listed()` by default). A model with a run on the board is not among them."""
    present = {line.model for block in board.blocks for line in block.lines}
    return tuple(
        Absent(each.model, each.floor == "yes", each.reason)
        for each in (read_listed() if listed is None else listed)
        if each.track == board.track.id and each.preset in ("", board.preset) and each.model not in present
    )


def write_listed(path: Path) -> Path:
    """Write the list from stbench's own datasets and models; foreign plug-ins are left out.

    `StbenchError`, and nothing is written, where one of them cannot be loaded (without torch, most models cannot).
    """
    plugins = [registry.model(name) for name in registry.own("models")]
    datasets = [registry.dataset(name) for name in registry.own("datasets")]
    tracks = [track for dataset in datasets for track in dataset.tracks]
    return write_list(path, Listed, [each for track in tracks for plugin in plugins for each in _of(plugin, track)])


def _of(plugin: ModelPlugin, track: Track) -> Iterator[Listed]:
    """The model, or those of its variants that cannot what the model can, in each preset that has it."""
    everywhere = plugin.in_every_preset(track.dataset)
    presets = {} if everywhere else plugin.presets(track.dataset)
    for preset in ("",) if everywhere else (name for name in PRESETS if name in presets):
        if reason := not_applicable(plugin, track):
            yield Listed(track.id, preset, plugin.name, "yes" if plugin.floor else "no", reason)
            continue
        for variant in sorted(presets.get("variants", {})):
            if reason := not_applicable(plugin, track, variant):
                yield Listed(track.id, preset, f"{plugin.name}:{variant}", "no", reason)
