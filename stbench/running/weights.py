"""Whose weights training goes on from: those of today's training code, or of an older one that is named.

`<training folder>/training_code.json` holds the digest of the code that the weights beside it come from. Which of the
checkpoints beside it counts is decided in `stbench.training.checkpoint.current` alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stbench.documents import Unreadable, read_json
from stbench.errors import StbenchError
from stbench.files import write_json

CODE = "training_code.json"
LARGEST = 10_000
"""Bytes of the file."""


def code_of_weights(folder: Path, now: str, *, reuse: bool, force: bool, note: Callable[[str], None]) -> str:
    """Digest of the training code that the weights in `folder` come from, or will, when training is done there.

    `now` is that of today. A checkpoint that older code made counts only with `reuse`, one of
    unknown code, or any with `force`, never: it is set aside, with its snapshots, before the folder says `now`. So no
    weights of older code ever stand under the digest of today's. `note` is told when training starts again.
    `StbenchError` when the folder cannot be written.
    """
    from stbench.training import checkpoint as checkpoints

    place, before = checkpoints.current(folder), _code(folder / CODE)
    if place is not None and before is not None and not force:
        if before == now or reuse:
            return before
        note(f"the training code has changed since {place} was written: training starts again")
    elif place is not None and not force:
        note(f"which code made {place} is not known, {CODE} beside it is missing or damaged: training starts again")
    checkpoints.set_aside(folder)
    try:
        write_json(folder / CODE, {"sha256": now}, indent=None)
    except OSError as error:
        raise StbenchError(
            f"{folder / CODE} cannot be written ({error.strerror or error}): make room or permission, or choose "
            "another folder with --out"
        ) from None
    return now


def _code(path: Path) -> str | None:
    """The digest in a `training_code.json`; None where there is none that can be read."""
    try:
        found = read_json(path, LARGEST)
    except (OSError, Unreadable):
        return None
    code = found.get("sha256") if isinstance(found, dict) else None
    return code if isinstance(code, str) else None
