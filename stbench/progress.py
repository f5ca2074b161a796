"""How long work tells how it goes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol


class Progress(Protocol):
    """Where a run tells how it goes; `stbench.cli.console` is one."""

    def note(self, sentence: str) -> None: ...

    def bar(self, task: str, unit: str) -> AbstractContextManager[Callable[[int, int], None]]:
        """A context that gives `advance(done, total)`."""
        ...


class Silent:
    """Tells nothing."""

    def note(self, sentence: str) -> None:
        pass

    @contextlib.contextmanager
    def bar(self, task: str, unit: str) -> Iterator[Callable[[int, int], None]]:
        yield lambda done, total: None
