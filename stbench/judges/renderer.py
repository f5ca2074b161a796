"""The judge without weights: a clip shows what the nearest of all renderings shows.

    d(c, m) = sum_p (x_p - r_p(c, m))²,    (c*, m*) = argmin d

x: the clip in bytes, p: its pixels and channels, r(c, m): the rendering of content c in motion m, every combination
there is (`stbench.contract.datasets.Renderings`). A rendered pixel depends on few of the content factors, often on
none: with P_S the pixels that depend on the set S of factors,

    d(c, m) = sum_S sum_{p in P_S} (x_p² - 2 x_p r_p(c_S, m) + r_p(c_S, m)²),

one matrix product a set, of the pixels in it and the combinations of its factors alone. Which pixels these are is found
by comparing the renderings, so nothing is assumed of how they are drawn. Bytes are whole numbers and float64 holds
their sums exactly: the answer is that of comparing every clip with every rendering one by one, to the last bit and on
any machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from stbench import registry
from stbench.contract.capabilities import HasRenderings
from stbench.contract.datasets import Renderings
from stbench.errors import StbenchError
from stbench.store.reader import Store

BATCH = 64
"""Clips whose distances are held at a time."""


@dataclass(frozen=True)
class Nearest:
    """What the nearest renderings of some clips show."""

    factors: Mapping[str, np.ndarray]
    """Factor -> its value in the nearest rendering of the clip, (n,) int64."""
    by_frame: Mapping[str, np.ndarray]
    """Factor of the content -> its value where frame t of the clip is nearest to frame t of a rendering, in the motion
    of the clip, (n, time) int64. Of several as near, that of the clip if it is one of them, else the first one."""
    distance: np.ndarray
    """(n,): squared distance to the nearest rendering, a mean over pixels and channels, bytes."""
    margin: np.ndarray
    """(n,): 1 - d1 / d2, from the nearest and the second nearest one: 1 where the clip is a rendering, 0 where two are
    as near."""

    @staticmethod
    def joined(parts: Sequence[Nearest]) -> Nearest:
        """Of one clip after the other."""
        return Nearest(
            _joined([each.factors for each in parts]),
            _joined([each.by_frame for each in parts]),
            np.concatenate([each.distance for each in parts]),
            np.concatenate([each.margin for each in parts]),
        )


@dataclass(frozen=True)
class _Table:
    """The pixels of a frame that depend on the same content factors."""

    pixels: np.ndarray
    """(k,) of the flat frame."""
    shape: tuple[int, ...]
    """Values of each content factor, 1 where the pixels do not depend on it."""
    values: np.ndarray
    """(combinations, k) float64: -2 r."""
    squares: np.ndarray
    """(combinations, 1): sum of r²."""


class RendererJudge:
    """Compares clips with every rendering: `nearest(clips)`, numpy in and out."""

    def __init__(self, renderings: Renderings) -> None:
        """Draws every clip there is, one motion at a time, and keeps of it what differs between them."""
        self.motion, self.content = renderings.motion, renderings.content
        self._sizes = tuple(renderings.content.values())
        self._tables: list[list[list[_Table]]] = []
        for motion in product(*map(range, renderings.motion.values())):
            clips = renderings.draw(motion)
            self.shape: tuple[int, ...] = clips.shape[1:]
            frames = clips.reshape(*self._sizes, clips.shape[1], -1)
            self._tables.append([list(_tables(frames[..., time, :])) for time in range(clips.shape[1])])

    def nearest(self, clips: np.ndarray) -> Nearest:
        """Clips (n, time, *frame), float, in the units of bytes; values are rounded to bytes.

        `StbenchError` for clips of another shape than the renderings have.
        """
        if clips.shape[1:] != self.shape:
            raise StbenchError(f"renderings have the shape {self.shape}, and clips of {clips.shape[1:]} were to judge")
        batches = range(0, len(clips), BATCH)
        return Nearest.joined([self._nearest(_flat(clips[first : first + BATCH])) for first in batches])

    def distances(self, clips: np.ndarray) -> np.ndarray:
        """Squared distances (n, combinations) of clips (n, time, *frame) in bytes; motions run slowest."""
        return np.ascontiguousarray(self._distances(_flat(clips)).T)

    def _distances(self, frames: np.ndarray) -> np.ndarray:
        """(time, pixels, n) -> (combinations, n)."""
        each = [self._of_motion(frames, motion).sum(axis=0) for motion in range(len(self._tables))]
        found: np.ndarray = np.concatenate(each) + np.square(frames).sum(axis=(0, 1))
        return found

    def _of_motion(self, frames: np.ndarray, motion: int) -> np.ndarray:
        """(time, pixels, n) -> (time, combinations of content, n): sums of r² - 2 x r over a frame."""
        found = np.zeros((len(frames), *self._sizes, frames.shape[2]))
        for total, frame, tables in zip(found, frames, self._tables[motion], strict=True):
            for table in tables:
                total += (table.values @ frame[table.pixels] + table.squares).reshape(*table.shape, -1)
        return found.reshape(len(frames), -1, frames.shape[2])

    def _nearest(self, frames: np.ndarray) -> Nearest:
        """Of (time, pixels, n)."""
        whole = self._distances(frames)
        chosen = whole.argmin(axis=0)
        least, second = np.partition(whole, 1, axis=0)[:2]
        motion, content = np.divmod(chosen, math.prod(self._sizes))
        by_frame = np.empty((len(chosen), len(frames)), np.int64)
        for each in np.unique(motion):
            rows = np.flatnonzero(motion == each)
            distances = self._of_motion(frames[..., rows], int(each))
            at_chosen = distances[:, content[rows], np.arange(len(rows))]
            tie = at_chosen == distances.min(axis=1)
            by_frame[rows] = np.where(tie, content[rows], distances.argmin(axis=1)).T
        values = _values(motion, self.motion) | _values(content, self.content)
        margin = np.divide(second - least, second, out=np.zeros_like(second), where=second > 0)
        return Nearest(values, _values(by_frame, self.content), least / math.prod(self.shape), margin)


def _flat(clips: np.ndarray) -> np.ndarray:
    """(n, time, *frame) -> bytes as float64, (time, pixels, n)."""
    shown = np.rint(np.clip(clips, 0, 255)).reshape(*clips.shape[:2], -1)
    return np.ascontiguousarray(shown.transpose(1, 2, 0), np.float64)


def _values(combination: np.ndarray, factors: Mapping[str, int]) -> dict[str, np.ndarray]:
    found = np.unravel_index(combination, tuple(factors.values()))
    return {name: np.asarray(values, np.int64) for name, values in zip(factors, found, strict=True)}


def _joined(parts: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([each[name] for each in parts]) for name in parts[0]}


def _tables(frame: np.ndarray) -> Iterator[_Table]:
    """The pixels of one frame, (values of each content factor..., pixels), by what they depend on; those that are
    always 0 are in none."""
    axes = tuple(range(frame.ndim - 1))
    shown = np.flatnonzero(frame.any(axis=axes))
    frame = frame[..., shown]
    depends = np.stack([(frame != frame.take([0], axis=axis)).any(axis=axes) for axis in axes])
    for which in product((False, True), repeat=len(axes)):
        pixels = np.flatnonzero((depends == np.array(which)[:, None]).all(axis=0))
        if len(pixels):
            values = frame[tuple(slice(None) if each else slice(1) for each in which)][..., pixels].astype(np.float64)
            flat = values.reshape(-1, len(pixels))
            yield _Table(shown[pixels], values.shape[:-1], -2 * flat, np.square(flat).sum(axis=1, keepdims=True))


def renderer_judge(store: Store, raw: Path | None = None) -> RendererJudge | None:
    """The judge of a dataset whose plug-in can draw its clips; None for others.

    `StbenchError` where raw files that it draws from are missing, or are not those `store` was made of.
    """
    plugin = registry.dataset(store.dataset)
    if not isinstance(plugin, HasRenderings):
        return None
    judge = RendererJudge(plugin.renderings(store, raw))
    sequence = int(store.split.indices("test")[0])
    time = judge.shape[0]
    if judge.nearest(store.read(sequence, slice(0, time))[None].astype(np.float64)).distance[0] > 0:
        raise StbenchError(
            f"no rendering is sequence {sequence} of {store.path}, so it was made of other raw files than those found: "
            f"name its own by --raw or STBENCH_RAW, or generate {store.dataset} again"
        )
    return judge


__all__ = ["Nearest", "RendererJudge", "renderer_judge"]
