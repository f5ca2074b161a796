"""One process at a time in a run folder and in a training folder; others wait for their turn and say so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from stbench.errors import StbenchError
from stbench.locks import locked


@contextmanager
def turn(folder: Path, busy: str, note: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    """Hold `folder` while the block runs; where another process holds it, `note` is told and its end is waited for.

    What is yielded is to be called before a step that two processes must not take (`stbench.locks.locked`). Raises
    `StbenchError` where the folder cannot be made or locked.
    """
    with ExitStack() as stack:
        try:
            check_held = stack.enter_context(locked(folder, busy, waiting=note))
        except OSError as error:
            raise StbenchError(
                f"the folder {folder} cannot be made or locked ({error.strerror or error}): make room or permission, "
                "or choose another folder with --out"
            ) from None
        yield check_held
