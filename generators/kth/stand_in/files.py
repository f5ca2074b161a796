"""The simulated people as files in the layout of KTH: a folder of AVI files per action, and the list of intervals."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from stbench.store.files import locked, storage_errors

from ..index import LIST_NAME, SUFFIXES, format_list
from ..video import write_avi
from .people import Recording


def write_people(recordings: Sequence[Recording], folder: Path) -> None:
    """Write `folder`, which appears by one rename when it is complete; nothing is done where it is there.

    `raw/<action>/personNN_<action>_dK_uncomp.avi`, lossless grey (FFV1), so that what is decoded is what was drawn.
    Videos that an interrupted writing finished are kept. Raises `StbenchError` while another process writes the same
    folder, or where there is no space.
    """
    if folder.is_dir():
        return
    part = folder.with_name(folder.name + ".part")
    with storage_errors(folder), locked(part, str(folder)):
        if not folder.is_dir():
            for each in recordings:
                path = part / "raw" / each.video.action / f"{each.video.name}{SUFFIXES[0]}"
                if not path.exists():
                    write_avi(path, each.frames(range(1, each.n_frames + 1)))
            text = format_list({each.video: each.intervals for each in recordings})
            (part / LIST_NAME).write_text(text, "ascii")
            (part / "lock").unlink()
            os.replace(part, folder)
