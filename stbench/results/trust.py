"""How far a number can be trusted: who scored it, from what.

reported in a paper           printed; nobody here has seen a prediction
scored by the author          a record somebody sent: complete, consistent in itself, and made on a machine of theirs
scored here from predictions  their predictions were handed in, and the scores were computed here
scored here on sealed tests   so, of test windows that were published to nobody; no board has any yet
trained here                  the model was trained here as well, by the command of the row
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stbench.results.record import RunRecord

__all__ = ["CLAIMED", "LADDER", "Trust", "least", "trust_of"]


class Trust(StrEnum):
    """A rung of the ladder, in the words of the column `trust`."""

    REPORTED = "reported in a paper"
    AUTHOR = "scored by the author"
    PREDICTIONS = "scored here from predictions"
    SEALED = "scored here on sealed tests"
    TRAINED = "trained here"

    @property
    def rung(self) -> int:
        """From 1, the lowest: what a table sorts by."""
        return LADDER.index(self) + 1


LADDER = tuple(Trust)
CLAIMED = (Trust.AUTHOR, Trust.PREDICTIONS)
"""What a record may say of itself (`RunRecord.trust`)."""


def trust_of(record: RunRecord) -> Trust:
    """Of a record: what it says, which only one that was handed in does; else whether it was trained here."""
    if record.trust:
        return Trust(record.trust)
    return Trust.PREDICTIONS if record.made_elsewhere else Trust.TRAINED


def least(found: Iterable[Trust]) -> Trust:
    """The lowest rung of several seeds."""
    return min(found, key=lambda each: each.rung)
