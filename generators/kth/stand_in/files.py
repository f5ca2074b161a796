"""The simulated people as files in the layout of KTH: a folder of AVI files per action, and the list of intervals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stbench.files import grow_folder, write_text

from ..index import LIST_NAME, SUFFIXES, format_list
from ..video import write_avi
from .people import Recording


def write_people(recordings: Sequence[Recording], folder: Path) -> None:
    """Write `folder`, which appears by one rename when it is complete; nothing is done where it is there.

    `raw/<action>/personNN_<action>_dK_uncomp.avi`, lossless grey (FFV1), so that what is decoded is what was drawn.
    Videos that an interrupted writing finished are kept. Another process that writes it is waited for. Raises
    `StbenchError` where there is no space.
    """

    def write(part: Path) -> None:
        for each in recordings:
            path = part / "raw" / each.video.action / f"{each.video.name}{SUFFIXES[0]}"
            if not path.exists():
                write_avi(path, each.frames(range(1, each.n_frames + 1)))
        write_text(part / LIST_NAME, format_list({each.video: each.intervals for each in recordings}))

    grow_folder(folder, write)
