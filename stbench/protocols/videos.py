"""`fvd` on the way through a protocol: features of whole clips, of what was made and of what is true."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from stbench.contract.datasets import Track
from stbench.errors import StbenchError
from stbench.metrics.frechet import frechet_distance
from stbench.protocols.scoring import Whole

FVD = "fvd"


class VideoFeatures(Protocol):
    """A network of whole clips (`stbench.judges.i3d.I3D`)."""

    def features(self, clips: np.ndarray) -> np.ndarray:
        """(n, time, *frame) in [0, 1] -> (n, k) float64."""
        ...


class Videos:
    """Collects features batch by batch, where the track asks for `fvd` and the user has supplied the network."""

    def __init__(self, track: Track, network: VideoFeatures | None) -> None:
        self._network = network if FVD in track.metrics else None
        self._made: list[np.ndarray] = []
        self._real: list[np.ndarray] = []

    def add(self, made: np.ndarray, real: np.ndarray) -> None:
        """Clips (b, time, *frame), both as long as the track's horizon."""
        if self._network is not None:
            self._made.append(self._network.features(made))
            self._real.append(self._network.features(real))

    @property
    def whole(self) -> dict[str, Whole]:
        """`fvd` of all clips together; nothing without the network."""
        if not self._made:
            return {}
        made, real = np.concatenate(self._made), np.concatenate(self._real)
        if len(made) < 2:
            raise StbenchError("fvd compares two sets of at least two clips, and there is one: ask for more")
        return {FVD: Whole(frechet_distance(made, real))}
