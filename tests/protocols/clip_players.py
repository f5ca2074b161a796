"""Judges and models whose answers are known: for clips of a small simulated store of sprites."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from stbench.judges.network import Head
from stbench.protocols.clips import SEEN
from stbench.protocols.scoring import Scores
from stbench.running.plan import find_track
from stbench.store.reader import Store

HEADS = (Head("action", ("action", "view"), (3, 3)), Head("hair", ("hair",), (6,)))


class Knower:
    """A judge that knows every clip by heart: what it says of a clip are the factors of the nearest real one."""

    card = SimpleNamespace(clip=8, name="knower", accuracy={"action": 1.0, "hair": 1.0}, confusion={})
    heads = HEADS

    def __init__(self, store: Store) -> None:
        self._frames = np.stack([store.normalise(store.read(k)) for k in range(store.n_sequences)])[
            :, :, :, ::8, ::8
        ].copy()
        self._classes = self.classes({name: store.factor(name) for name in ("action", "view", "hair")})

    def classes(self, factors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        whole = {name: values.astype(np.int64) for name, values in factors.items()}
        return {"action": 3 * whole["action"] + whole["view"], "hair": whole["hair"]}

    def _nearest(self, clips: np.ndarray) -> np.ndarray:
        small = clips[:, :, :, ::8, ::8]
        return np.array([np.square(self._frames - each).sum(axis=(1, 2, 3, 4)).argmin() for each in small])

    def opinions(self, clips: np.ndarray) -> dict[str, np.ndarray]:
        nearest = self._nearest(clips)
        return {head.name: np.eye(head.classes)[self._classes[head.name][nearest]] for head in HEADS}

    def features(self, clips: np.ndarray) -> np.ndarray:
        return clips.reshape(len(clips), -1)[:, ::9973].astype(np.float64)

    def seen(self, clips: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return self.features(clips), self.opinions(clips)


def track(name: str) -> Any:
    return find_track("sprites", name)


class Repeater:
    """Knows that sprites are periodic; content and motion are those of the clip it sees first."""

    def generate(self, clip: np.ndarray, length: int, factors: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.ascontiguousarray(clip[:, np.arange(length) % SEEN])

    def transfer(self, content: np.ndarray, motion: np.ndarray, length: int, factors: Any) -> np.ndarray:
        return self.generate(content, length, factors)

    def sample(self, content: np.ndarray, length: int, factors: Any, seed: int) -> np.ndarray:
        return self.generate(content, length, factors)

    def resample(self, motion: np.ndarray, length: int, factors: Any, seed: int) -> np.ndarray:
        return self.generate(motion, length, factors)


class Oracle(Repeater):
    """Looks the asked clip up: the character of `content` in the asked action, or in action and view of `motion`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._frames = np.stack([store.normalise(store.read(k)) for k in range(store.n_sequences)])
        self._small = self._frames[..., ::8, ::8].copy()

    def _find(self, clips: np.ndarray) -> np.ndarray:
        small = clips[..., ::8, ::8]
        return np.array([np.square(self._small - each).sum(axis=(1, 2, 3, 4)).argmin() for each in small])

    def transfer(self, content: np.ndarray, motion: np.ndarray, length: int, factors: Any) -> np.ndarray:
        found = self._find(content) // 9 * 9 + self._find(motion) % 9
        return np.asarray(self._frames[found][:, :length])

    def sample(self, content: np.ndarray, length: int, factors: Any, seed: int) -> np.ndarray:
        view = np.random.default_rng(seed).integers(3, size=len(content))
        return np.asarray(self._frames[self._find(content) // 9 * 9 + 3 * factors["action"] + view][:, :length])


def mean(scores: Scores, name: str) -> float:
    return float(scores.values[name].mean())


class Coded:
    """Codes that are what a probe asks for."""

    def __init__(self, store: Store, content: str, motion: str) -> None:
        self._store, self._names = store, {"content": content, "motion": motion}
        self._frames = np.stack([store.normalise(store.read(k)) for k in range(store.n_sequences)])[
            ..., ::8, ::8
        ].copy()

    def codes(self, clip: np.ndarray, factors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        small = clip[..., ::8, ::8]
        errors = [np.square(self._frames - each).sum(axis=(1, 2, 3, 4)) for each in small]
        rolled = [np.square(np.roll(self._frames, -4, axis=1) - each).sum(axis=(1, 2, 3, 4)) for each in small]
        found = [
            int((one if one.min() <= other.min() else other).argmin())
            for one, other in zip(errors, rolled, strict=True)
        ]
        return {code: np.eye(9)[self._store.factor(name)[found]] for code, name in self._names.items()}
