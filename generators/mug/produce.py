"""From photographs, on disk or drawn, to the padded arrays of a range of sequences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from stbench.errors import StbenchError

from .clips import Recorded, length
from .files import folder_of, photographs, root_in
from .index import EXPRESSIONS
from .jpeg import read_photograph, shrink


class Studio(Protocol):
    """Where frames come from; picklable."""

    def frames(self, recorded: Recorded, every: int, size: int) -> Iterator[np.ndarray]:
        """(size, size, 3) uint8 of photograph 0, every, 2 every, ... of a take."""
        ...


@dataclass(frozen=True)
class Files:
    """JPEG files; `folder` holds the tree."""

    folder: Path
    side: int
    crop: tuple[int, int, int]

    def frames(self, recorded: Recorded, every: int, size: int) -> Iterator[np.ndarray]:
        root = root_in(self.folder)
        if root is None:
            raise StbenchError(f"{self.folder} holds no photographs of MUG any more: run the same command again")
        paths = photographs(root, folder_of(root, recorded.take))
        if len(paths) != recorded.photographs:
            raise StbenchError(
                f"{root / recorded.take.folder} has {len(paths)} pictures and had {recorded.photographs}: "
                "leave the tree alone and run the same command again"
            )
        for path in paths[::every]:
            yield read_photograph(path, self.side, self.crop, size)


@dataclass(frozen=True)
class Drawn:
    """Simulated faces, drawn when they are asked for: the crop alone, at twice the stored size."""

    seed: int
    side: int
    crop: tuple[int, int, int]

    def frames(self, recorded: Recorded, every: int, size: int) -> Iterator[np.ndarray]:
        from .stand_in.faces import Performance

        performance, (left, top, width) = Performance(self.seed, recorded.take), self.crop
        for number in range(0, recorded.photographs, every):
            yield shrink(performance.draw(number, left, top, width / (2 * size), 2 * size), size)


@dataclass(frozen=True)
class Producer:
    """`producer(start, stop)` gives every variable of those sequences. Picklable; holds no open file."""

    studio: Studio
    takes: tuple[Recorded, ...]
    every: int
    size: int

    def __call__(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """Memory: the padded frames of the range, and one photograph."""
        takes = self.takes[start:stop]
        longest = length(max(each.photographs for each in self.takes), self.every)
        frames = np.zeros((stop - start, longest, 3, self.size, self.size), np.uint8)
        for row, recorded in enumerate(takes):
            for t, picture in enumerate(self.studio.frames(recorded, self.every, self.size)):
                frames[row, t] = picture.transpose(2, 0, 1)
        return {"frames": frames, **self._factors(start, stop)}

    def _factors(self, start: int, stop: int) -> dict[str, np.ndarray]:
        takes = self.takes[start:stop]
        # The number of a take is its rank among those of the same subject, session and expression.
        rank: dict[tuple[str, int, str], int] = {}
        ranks = []
        for each in self.takes[:stop]:
            key = each.take[:3]
            rank[key] = rank.get(key, -1) + 1
            ranks.append(rank[key])
        return {
            "expression": np.array([EXPRESSIONS.index(each.take.expression) for each in takes], np.uint8),
            "subject": np.array([int(each.take.subject) for each in takes], np.uint8),
            "session": np.array([max(each.take.session, 0) for each in takes], np.uint8),
            "take": np.array(ranks[start:stop], np.uint16),
            "first_frame": np.array([each.first_frame for each in takes], np.int32),
        }
