"""Names and numbers of the MUG database: subjects, expressions, takes, and who is in which part of the split."""

from __future__ import annotations

from typing import NamedTuple

SIDE = 896
"""Pixels of a photograph on a side."""
FPS = 19
CROP = (168, 148, 560)
"""Left, top and side of the box that is cut out of a photograph."""
EXPRESSIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
"""The six of the usual task first, so that their numbers are 0 to 5."""
SIX = EXPRESSIONS[:6]
SESSIONS = ("002", "003", "049")
"""Subjects (003 is not among the 52) with a level session0, session1 above the expressions."""

TEST = tuple(
    "001 002 006 007 010 013 014 020 027 032 033 040 046 048 049 052 064 065 066 070 072 073 074 078 079 082".split()  # noqa: SIM905
)
VAL = ("077", "083", "084")
"""Ours: the last three of the 26 published training subjects."""
TRAIN = tuple(
    "008 017 021 028 030 031 034 036 037 038 039 042 043 044 045 055 060 061 062 063 071 075 076".split()  # noqa: SIM905
)
SUBJECTS = tuple(sorted((*TRAIN, *VAL, *TEST)))
"""The 52 of the 86 recorded subjects whose sequences are given out."""


class Take(NamedTuple):
    """One recording of an expression."""

    subject: str
    session: int
    """0 or 1; -1 where the subject has no level of sessions."""
    expression: str
    name: str
    """Of its folder; empty where the pictures lie in the folder of the expression."""

    @property
    def folder(self) -> str:
        """Below the root, like 002/session0/anger/take000."""
        session = f"session{self.session}/" if self.session >= 0 else ""
        return f"{self.subject}/{session}{self.expression}/{self.name}".rstrip("/")


def part_of(subject: str) -> str:
    """The part of the split by subject that somebody belongs to."""
    return "test" if subject in TEST else "val" if subject in VAL else "train"
