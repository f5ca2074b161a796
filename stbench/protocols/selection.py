"""The fixed test windows of a track that asks for so many answers a window that all windows would be too many.

Selection 1: of the n test windows of the track, ordered by sequence and start, those at the places
round(j (n - 1) / (count - 1)), j = 0 .. count - 1; all of them where there are fewer. It follows from the split and the
shape of the store alone. Its name, "kth/1/windows-256-1", is that of the split, the number of windows and the version
of the rule; its digest is over the windows themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

from stbench.contract.datasets import Track, fingerprint
from stbench.protocols.windows import Windows, track_windows
from stbench.store.reader import Store

VERSION = 1


@dataclass(frozen=True)
class Selection:
    """Some windows of a track, with a name and a digest to cite."""

    id: str
    windows: Windows

    @property
    def sha256(self) -> str:
        """Of the canonical JSON of the name and of [sequence, first conditioning frame] of every window."""
        pairs = zip(self.windows.sequence.tolist(), self.windows.start.tolist(), strict=True)
        return fingerprint({"id": self.id, "windows": list(pairs)})


def select(store: Store, track: Track, split: str, count: int) -> Selection:
    """`count` windows of a part of the split; `StbenchError` for what `track_windows` refuses."""
    windows = track_windows(store, track, split, count)
    part = "" if split == "test" else f"/{split}"
    return Selection(f"{store.split.id}{part}/windows-{len(windows)}-{VERSION}", windows)
