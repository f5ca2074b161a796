"""Models that a board has no run of because they cannot be asked what its track asks.

They are named with the reason, without value or rank. Found in the registry when the board is built: a model with this
preset for the dataset, or one that runs in every preset, that lacks the capability or does not apply to the dataset; a
variant whose preset file says why it cannot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stbench import registry
from stbench.boards.board import Board
from stbench.contract.datasets import Track
from stbench.contract.models import ModelPlugin
from stbench.protocols.known import not_applicable


@dataclass(frozen=True)
class Absent:
    """A model that is not applicable on a track."""

    model: str
    floor: bool
    reason: str


def absent(board: Board) -> tuple[Absent, ...]:
    """By name; none for a track that is not registered here. A model with a run on the board is not among them."""
    datasets = registry.names("datasets")
    tracks = registry.dataset(board.dataset).tracks if board.dataset in datasets else ()
    if board.track.id not in {track.id for track in tracks}:
        return ()
    present = {line.model for block in board.blocks for line in block.lines}
    found = [each for plugin in registry.models_at_hand() for each in _of(plugin, board.track, board)]
    return tuple(each for each in found if each.model not in present)


def _of(plugin: ModelPlugin, track: Track, board: Board) -> Iterator[Absent]:
    """The model, or those of its variants that cannot what the model can."""
    try:
        everywhere = plugin.in_every_preset(track.dataset)
        presets = {} if everywhere else plugin.presets(track.dataset)
    except registry.BrokenPlugin:
        return
    if not everywhere and board.preset not in presets:
        return
    if reason := not_applicable(plugin, track):
        yield Absent(plugin.name, plugin.floor, reason)
        return
    for variant in sorted(presets.get("variants", {})):
        if reason := not_applicable(plugin, track, variant):
            yield Absent(f"{plugin.name}:{variant}", False, reason)
