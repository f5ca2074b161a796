"""Floors that apply to a track: the best floor is known where all of them were run.

Which they are stands in `leaderboards/floors.csv`, and not in the registry of the machine that builds a board.
`stbench leaderboard --update-not-applicable` writes the list anew from stbench's own floors and tracks. A track that is
not on the list, of a dataset of somebody else, asks for none: the best of the floors that were run counts there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stbench import registry
from stbench.boards.lists import read_list, write_list
from stbench.boards.reported import beside_the_boards
from stbench.protocols.known import has_capability

NAME = "floors.csv"


@dataclass(frozen=True)
class Applies:
    """A line of the list. The columns of `floors.csv`."""

    track: str
    floor: str


def read_floors(path: Path | None = None) -> dict[str, tuple[str, ...]]:
    """Track -> its floors, by the list `path` or that of the working folder, the installed package or its checkout;
    nothing where there is none. `StbenchError` where it is damaged."""
    path = path or beside_the_boards(NAME)
    found: dict[str, tuple[str, ...]] = {}
    for each in read_list(path, Applies, "floors that apply to a track") if path is not None else ():
        found[each.track] = (*found.get(each.track, ()), each.floor)
    return found


def write_floors(path: Path) -> Path:
    """Write the list from stbench's own datasets and floors; foreign plug-ins are left out.

    `StbenchError`, and nothing is written, where a model cannot be loaded: nobody can tell whether it is a floor.
    """
    floors = [plugin for name in registry.own("models") if (plugin := registry.model(name)).floor]
    tracks = [track for name in registry.own("datasets") for track in registry.dataset(name).tracks]
    found = [Applies(track.id, each.name) for track in tracks for each in floors if has_capability(each, track)]
    return write_list(path, Applies, found)
