"""From pictures, on disk or drawn, to the arrays of a range of sequences."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from stbench.errors import StbenchError

from .files import picture, root_in
from .png import CROP, SIDE, read_picture, shrink
from .views import ALL, ELEVATIONS, VIEWS, walks


class Studio(Protocol):
    """Where frames come from; picklable."""

    def frames(self, chair: int, model: str, size: int) -> np.ndarray:
        """(62, size, size, 3) uint8: all views of a chair, given by its place among the sorted models and its name."""
        ...

    def factors(self, chairs: np.ndarray) -> dict[str, np.ndarray]:
        """What is known of each chair beyond its name, name -> (chairs, ...)."""
        ...


@dataclass(frozen=True)
class Files:
    """PNG files; `folder` holds the tree."""

    folder: Path

    def frames(self, chair: int, model: str, size: int) -> np.ndarray:
        root = root_in(self.folder)
        if root is None:
            raise StbenchError(f"{self.folder} holds no pictures of chairs any more: run the same command again")
        return np.stack([read_picture(picture(root, model, view), size) for view in range(VIEWS)])

    def factors(self, chairs: np.ndarray) -> dict[str, np.ndarray]:
        return {}


@dataclass(frozen=True)
class Drawn:
    """Simulated chairs, drawn when they are asked for: the box that is cut out alone. With a `folder` their pictures
    are read from there instead."""

    seed: int
    numbers: tuple[int, ...]
    """Of the chair of the stand-in at each place among the sorted models."""
    folder: Path | None = None

    def frames(self, chair: int, model: str, size: int) -> np.ndarray:
        if self.folder is not None:
            return Files(self.folder).frames(chair, model, size)
        from .stand_in.drawing import draw

        return np.stack([shrink(each, size) for each in draw(self.seed, self.numbers[chair], CROP, SIDE)])

    def factors(self, chairs: np.ndarray) -> dict[str, np.ndarray]:
        from .stand_in.factors import factors

        return factors(self.seed, [self.numbers[chair] for chair in chairs])


@dataclass(frozen=True)
class Producer:
    """`producer(start, stop)` gives every variable of those sequences. Picklable; holds no open file."""

    studio: Studio
    models: tuple[str, ...]
    """Sorted."""
    order: tuple[int, ...]
    """Place among the models of each chair of the store."""
    walk: str
    wrap: int
    size: int

    def __call__(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """Memory: the frames of the range, and all views of one chair."""
        paths = walks(self.walk, self.wrap)
        place, which = np.divmod(np.arange(start, stop), len(paths))
        chairs = np.array(self.order)[place]
        frames = np.empty((stop - start, len(paths[0]), 3, self.size, self.size), np.uint8)
        for chair in dict.fromkeys(chairs.tolist()):
            views = self.studio.frames(chair, self.models[chair], self.size).transpose(0, 3, 1, 2)
            for row in np.flatnonzero(chairs == chair):
                frames[row] = views[paths[which[row]]]
        known: dict[str, np.ndarray] = {
            "chair": chairs.astype(np.uint16),
            "model": np.array([list(bytes.fromhex(self.models[chair].zfill(32))) for chair in chairs], np.uint8),
        }
        if self.walk == "rings":
            known["elevation"] = np.array(ELEVATIONS, np.uint8)[which]
        return {"frames": frames, **known, **self.studio.factors(chairs)}


def angles(walk: str, wrap: int) -> dict[str, np.ndarray]:
    """Azimuth of each frame in degrees, and elevation where it is that of a frame and not of a sequence."""
    path = walks(walk, wrap)[0]
    found = {"azimuth": np.array([ALL[view].azimuth for view in path], np.int64)}
    if walk == "official":
        found["elevation"] = np.array([ALL[view].elevation for view in path], np.int64)
    return found
