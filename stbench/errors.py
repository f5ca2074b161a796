"""The one exception a user is meant to see."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class StbenchError(Exception):
    """A user's mistake or a damaged file, told in one sentence.

    The sentence says what was looked for, where, what was found and what to do. The command line prints it without a
    traceback and exits with 2.
    """


class Damaged(StbenchError):
    """A file of stbench's own is not as it was written."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The tail of an error sentence about an unknown `name`: the nearest known one, then all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"{hint}known: {', '.join(names) if names else '(none)'}"
