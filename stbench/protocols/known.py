"""The protocols there are: what each asks of a model, and how it is played."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stbench.errors import StbenchError, nearest
from stbench.generator import Track
from stbench.model import ModelPlugin

if TYPE_CHECKING:
    from stbench.protocols.scoring import Scores

__all__ = ["KNOWN", "Protocol", "check_capability", "has_capability", "protocol_of"]


@dataclass(frozen=True)
class Protocol:
    name: str
    """What a track calls it."""
    capability: str
    """The method a model needs; a model plug-in lists it in `capabilities`."""
    play: Callable[..., Scores]
    """`play(model, store, track, *, split, batch_size, keep, on_progress, limit)`, and `judge` where it is judged."""
    judged: bool = False
    """Are predictions shown to a judge (`stbench judge train`)?"""


def _forecast(*arguments: Any, **options: Any) -> Scores:
    from stbench.protocols.forecast import forecast

    return forecast(*arguments, **options)


def _swap(*arguments: Any, **options: Any) -> Scores:
    from stbench.protocols.swap import swap

    return swap(*arguments, **options)


KNOWN = {each.name: each for each in (Protocol("forecast", "forecast", _forecast), Protocol("swap", "swap", _swap))}


def protocol_of(track: Track) -> Protocol:
    """The protocol a track is played by; `StbenchError` with the nearest name for one there is not."""
    if track.protocol not in KNOWN:
        raise StbenchError(
            f"the track {track.id} asks for the protocol '{track.protocol}': {nearest(track.protocol, KNOWN)}"
        )
    return KNOWN[track.protocol]


def has_capability(plugin: ModelPlugin, track: Track) -> bool:
    """Can this model be asked what the track asks? Where it cannot, it is not applicable: no row, never a zero."""
    return protocol_of(track).capability in plugin.capabilities


def check_capability(plugin: ModelPlugin, track: Track) -> None:
    """`StbenchError` where the model is not applicable on the track."""
    if not has_capability(plugin, track):
        raise StbenchError(
            f"the model '{plugin.name}' is not applicable on the track {track.id}: the protocol '{track.protocol}' "
            f"needs the capability '{protocol_of(track).capability}', and it has {', '.join(plugin.capabilities)} only"
        )
