"""One process at a time in a run folder and in a training folder; others wait for their turn and say so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from stbench.errors import StbenchError
from stbench.locks import locked


@contextmanager
def turn(folder: Path, busy: str, note: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    """Hold `folder` while the block runs; where another process holds it, `note` is told and its end is waited for.

    What is yielded is to be called before a step that two processes must not take (`stbench.locks.locked`). Raises
    `StbenchError` where the folder cannot be made or locked.
    """
    with ExitStack() as stack:
        with _told(folder):
            check_held = stack.enter_context(locked(folder, busy, waiting=note))
        yield check_held


def check_place(folder: Path) -> None:
    """`StbenchError` where `folder` could not be made or written to, told before hours of work; leaves nothing."""
    with _told(folder):
        there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
        TemporaryDirectory(dir=there, prefix=".stbench-").cleanup()


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StbenchError(
            f"the folder {folder} cannot be made or locked ({error.strerror or error}): make room or permission, "
            "or choose another folder with --out"
        ) from None
