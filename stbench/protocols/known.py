"""The protocols there are: what each asks of a model, and how it is played."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stbench.contract.datasets import Track
from stbench.contract.models import ModelPlugin
from stbench.errors import StbenchError, nearest

if TYPE_CHECKING:
    from stbench.protocols.scoring import Scores

__all__ = [
    "KNOWN",
    "Protocol",
    "capabilities_of",
    "check_capability",
    "has_capability",
    "not_applicable",
    "protocol_of",
]


@dataclass(frozen=True)
class Protocol:
    name: str
    """What a track calls it."""
    capability: str
    """The method a model needs; a model plug-in lists it in `capabilities`."""
    module: str
    """Where it is; it is played by the function of its name, loaded when it is first asked for."""
    judged: bool = False
    """Are predictions shown to a judge (`stbench judge train`)?"""
    asks_dataset: bool = True
    """Does the dataset's plug-in decide what is right or what is asked (`swap_cases`, `judged_factors`, `period`)? A
    forecast is held against the frames of the store."""
    instead: str = ""
    """A method that will do where a model lacks `capability`: a forecast is one draw."""
    sized: bool = False
    """Asks for less in small presets: `play` takes `preset`."""
    version: str = "1"
    """Of what a model is handed and held against; rows of different versions are not ranked together."""
    before: Mapping[str, str] = field(default_factory=dict)
    """Earlier version -> what was different, for the reader of a row: "it was told ..."."""

    @property
    def play(self) -> Callable[..., Scores]:
        """`play(model, store, track, *, split, batch_size, keep, on_progress, limit)`, and `judge` where it is
        judged, `preset` where it is sized."""
        played: Callable[..., Scores] = getattr(importlib.import_module(self.module), self.name)
        return played


TOLD = {"1": "it was told the action of the clip whose motion it takes, which the judge is asked for"}
CODED = {"1": "it was told the action of every clip, which the probe looks for"}

KNOWN = {
    each.name: each
    for each in (
        Protocol("forecast", "forecast", "stbench.protocols.forecast", asks_dataset=False),
        Protocol("draws", "draw", "stbench.protocols.draws", asks_dataset=False, instead="forecast", sized=True),
        Protocol("swap", "swap", "stbench.protocols.swap"),
        Protocol("generation", "generate", "stbench.protocols.generation"),
        Protocol("sample", "sample", "stbench.protocols.sampling", judged=True),
        Protocol("resample", "resample", "stbench.protocols.sampling", judged=True, version="2", before=TOLD),
        Protocol("exchange", "transfer", "stbench.protocols.exchange", judged=True, version="2", before=TOLD),
        Protocol("probe", "codes", "stbench.protocols.probe", version="2", before=CODED),
    )
}


def protocol_of(track: Track) -> Protocol:
    """The protocol a track is played by; `StbenchError` with the nearest name for one there is not."""
    if track.protocol not in KNOWN:
        raise StbenchError(
            f"the track {track.id} asks for the protocol '{track.protocol}': {nearest(track.protocol, KNOWN)}"
        )
    return KNOWN[track.protocol]


def not_applicable(plugin: ModelPlugin, track: Track, variant: str = "") -> str:
    """Why a model cannot be asked what the track asks, in words; nothing where it can.

    Its datasets or its capabilities say so, or the table `not_applicable` = {capability: reason} in its preset file,
    of the model or of a variant; a variant's lies on top.
    """
    protocol = protocol_of(track)
    needed = [each for each in (protocol.capability, protocol.instead) if each]
    if plugin.datasets and track.dataset not in plugin.datasets:
        return f"it applies to {', '.join(plugin.datasets)} only"
    reasons = _reasons(plugin, track.dataset, variant)
    if any(each in plugin.capabilities and not reasons.get(each) for each in needed):
        return ""
    for each in needed:
        if reason := reasons.get(each):
            return str(reason)
    wanted = " or ".join(f"'{each}'" for each in needed)
    return (
        f"the protocol '{track.protocol}' needs the capability {wanted}, and it has "
        f"{', '.join(plugin.capabilities)} only"
    )


def capabilities_of(plugin: ModelPlugin, dataset: str, variant: str = "") -> tuple[str, ...]:
    """What a model of the plug-in can be asked on a dataset: its capabilities without those its preset file denies."""
    denied = _reasons(plugin, dataset, variant)
    return tuple(each for each in plugin.capabilities if not denied.get(each))


def _reasons(plugin: ModelPlugin, dataset: str, variant: str) -> dict[str, str]:
    """Capability -> why a model cannot be asked for it, from its preset file."""
    presets = dict(plugin.presets(dataset))
    variants = presets.pop("variants", {})
    found: dict[str, str] = {}
    for table in (*presets.values(), variants.get(variant, {})):
        found |= table.get("not_applicable", {})
    return found


def has_capability(plugin: ModelPlugin, track: Track, variant: str = "") -> bool:
    """Can this model be asked what the track asks? Where it cannot, it is not applicable: no rank, never a zero."""
    return not not_applicable(plugin, track, variant)


def check_capability(plugin: ModelPlugin, track: Track, variant: str = "") -> None:
    """`StbenchError` where the model is not applicable on the track."""
    if reason := not_applicable(plugin, track, variant):
        name = f"{plugin.name}:{variant}" if variant else plugin.name
        raise StbenchError(f"the model '{name}' is not applicable on the track {track.id}: {reason}")
