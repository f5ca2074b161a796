"""Standard output and error as they may be: of an encoding that lacks characters, closed, or a pipe nobody reads."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

BROKEN_PIPE = 1
"""Exit code where the reader of standard output has gone (`stbench datasets | head -1`)."""


@contextmanager
def forgiving_streams() -> Iterator[None]:
    """While the block prints, what an encoding cannot show is replaced, and what nobody reads is no error.

    A closed stream, which Python gives as None, swallows what is printed. The block ends the process.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        if error.errno != errno.EPIPE:
            raise
        # What is buffered still would be written when Python ends, and fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(BROKEN_PIPE)
