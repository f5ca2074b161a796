"""Standard output and error as they may be: of an encoding that lacks characters, or closed."""

from __future__ import annotations

import io
import os
import sys


def make_streams_forgiving() -> None:
    """Replace what the encoding of a stream cannot show; a closed one, which Python gives as None, swallows all.

    click and rich end in silence where nobody reads any more (`stbench datasets | head -1`).
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
