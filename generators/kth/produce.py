"""From videos, on disk or drawn, to the padded arrays of a range of sequences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Protocol

import numpy as np

from .clips import Clip
from .index import ACTIONS, Video
from .video import decode


class Studio(Protocol):
    """Where frames come from; picklable."""

    def frames(self, video: Video, numbers: Sequence[int]) -> Iterator[np.ndarray]:
        """(120, 160) uint8 of these frames of a video, ascending and 1-based."""
        ...


@dataclass(frozen=True)
class Files:
    """Videos on disk, decoded from their beginning."""

    paths: tuple[tuple[Video, Path], ...]

    def frames(self, video: Video, numbers: Sequence[int]) -> Iterator[np.ndarray]:
        wanted = set(numbers)
        for number, frame in enumerate(decode(dict(self.paths)[video], max(wanted)), 1):
            if number in wanted:
                yield frame


@dataclass(frozen=True)
class Stage:
    """Simulated people, drawn when they are asked for."""

    seed: int
    intervals: tuple[tuple[Video, tuple[tuple[int, int], ...]], ...]

    def frames(self, video: Video, numbers: Sequence[int]) -> Iterator[np.ndarray]:
        from .stand_in.people import Recording

        return Recording(self.seed, video, dict(self.intervals)[video]).frames(numbers)


@dataclass(frozen=True)
class Producer:
    """`producer(start, stop)` gives every variable of those sequences. Picklable; holds no open file."""

    studio: Studio
    clips: tuple[Clip, ...]
    size: int

    def __call__(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """Memory: the padded frames of the range, and one video's frames in the size of the store."""
        clips = self.clips[start:stop]
        longest = max(each.length for each in self.clips)
        frames = np.zeros((stop - start, longest, 1, self.size, self.size), np.uint8)
        rows = sorted(range(len(clips)), key=lambda row: clips[row].video)
        for video, group in groupby(rows, key=lambda row: clips[row].video):
            of_video = list(group)
            numbers = sorted({k for row in of_video for k in range(clips[row].first, clips[row].last + 1)})
            found = np.stack([shrink(frame, self.size) for frame in self.studio.frames(video, numbers)])
            for row in of_video:
                at = np.searchsorted(numbers, np.arange(clips[row].first, clips[row].last + 1))
                frames[row, : clips[row].length, 0] = found[at]
        return {
            "frames": frames,
            "action": np.array([ACTIONS.index(each.video.action) for each in clips], np.uint8),
            "person": np.array([each.video.person for each in clips], np.uint8),
            "scenario": np.array([each.video.scenario for each in clips], np.uint8),
            "interval": np.array([each.interval for each in clips], np.uint8),
            "first_frame": np.array([each.first for each in clips], np.int32),
        }


def shrink(frame: np.ndarray, size: int) -> np.ndarray:
    """(120, 160) -> (size, size) uint8, bicubic with the aspect not kept, as published; in integers, by Pillow."""
    from PIL import Image

    return np.asarray(Image.fromarray(frame).resize((size, size), Image.Resampling.BICUBIC))
