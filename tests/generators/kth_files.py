"""KTH trees as the official archives unpack: small, written by the tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from stbench.generators.kth.index import Interval, Video, format_list, video_of
from stbench.generators.kth.video import write_avi

VIDEOS: dict[str, tuple[Interval, ...]] = {
    "person01_boxing_d1": ((1, 12), (13, 20)),
    "person01_walking_d1": ((3, 9), (12, 30)),
    "person19_walking_d1": ((1, 11),),
    "person21_boxing_d1": ((1, 45), (44, 52)),
    "person22_walking_d1": ((2, 48),),
}
"""Two overlap, one begins late, gaps between some; 45 and 47 frames have a test clip, 9 have none."""
CHOSEN = {"persons": (1, 19, 21, 22), "actions": ("boxing", "walking"), "scenarios": (1,)}


def picture(name: str, count: int) -> np.ndarray:
    """(count, 120, 160) uint8: a bright square that moves over a ramp, another path for each name."""
    place = sum(map(ord, name))
    y, x = np.mgrid[:120, :160]
    frames = np.empty((count, 120, 160), np.uint8)
    for t in range(count):
        inside = (np.abs(y - 40 - (place + t) % 40) < 12) & (np.abs(x - 20 - (place + 2 * t) % 120) < 12)
        frames[t] = np.where(inside, 230, 40 + (x + y + place) // 3)
    return frames


def write_tree(
    root: Path,
    videos: Mapping[str, Sequence[Interval]] = VIDEOS,
    codec: str = "ffv1",
    *,
    names: Sequence[str] | None = None,
) -> Path:
    """`root/<action>/<name>_uncomp.avi` and `root/00sequences.txt`; with `names`, only those videos have a file."""
    table: dict[Video, tuple[Interval, ...]] = {video_of(name): tuple(rows) for name, rows in videos.items()}
    for video, intervals in table.items():
        if names is None or video.name in names:
            path = root / video.action / f"{video.name}_uncomp.avi"
            write_avi(path, picture(video.name, max(last for _, last in intervals) + 3), codec)
    root.mkdir(parents=True, exist_ok=True)
    (root / "00sequences.txt").write_text("Remarks of the authors.\n\n" + format_list(table))
    return root
