"""Which stretches of which videos are the sequences of the store, and which frames are tested.

intervals   every interval of the list is a sequence; test: the middle 40 frames of each test interval that long, in
            `kth-128` all of its frames
srvp        train and val: whole videos; test: 1,000 clips of 40 frames drawn as SRVP draws them
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stbench.contract.datasets import Split
from stbench.errors import StbenchError

from .index import ACTIONS, Interval, Video

CLIP_FRAMES = 40
"""10 + 30 frames."""
SHORTEST = 30
"""10 + 20 frames."""
SRVP_CLIPS, SRVP_SEED = 1000, 42


@dataclass(frozen=True)
class Convention:
    """Who is tested, and on which frames; val is ours, the last two persons that the field trains on."""

    train: tuple[int, ...]
    val: tuple[int, ...]
    test: tuple[int, ...]
    shortest: int
    """Test intervals of fewer frames are left out."""
    middle: bool
    """Are only the middle `shortest` frames of a test interval tested, or all of it?"""

    def part_of(self, person: int) -> str:
        """The part of the split a person belongs to."""
        return "test" if person in self.test else "val" if person in self.val else "train"

    def tested(self, length: int) -> tuple[int, int]:
        """First frame and last + 1 of those that are tested in an interval of `length` frames."""
        if not self.middle:
            return 0, length
        first = (length - self.shortest) // 2
        return first, first + self.shortest


SVG = Convention(tuple(range(1, 19)), (19, 20), tuple(range(21, 26)), CLIP_FRAMES, middle=True)
"""DrNet, SVG, SRVP: persons 1-20 train, 21-25 test."""
PREDRNN = Convention(tuple(range(1, 15)), (15, 16), tuple(range(17, 26)), SHORTEST, middle=False)
"""PredRNN and those after it: persons 1-16 train, 17-25 test, windows one after another in whole intervals."""


@dataclass(frozen=True)
class Clip:
    """A sequence of the store: frames `first` .. `last` of a video, 1-based, both included."""

    video: Video
    interval: int
    """1-based number of the interval in its video; 0 where the sequence is none."""
    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1


def interval_clips(videos: Mapping[Video, Sequence[Interval]]) -> tuple[Clip, ...]:
    """A clip per interval, by person, action, scenario, interval."""
    return tuple(
        Clip(video, number, first, last)
        for video in sorted(videos)
        for number, (first, last) in enumerate(videos[video], 1)
    )


def split_clips(split_id: str, clips: Sequence[Clip], convention: Convention = SVG) -> Split:
    """Train and val: whole sequences of their persons. Test: of each sequence that is long enough, the frames that the
    convention tests.

    `StbenchError` where a part would be empty.
    """
    parts = [convention.part_of(each.video.person) for each in clips]
    ranges: dict[str, tuple[tuple[int, ...], ...]] = {
        part: _runs([index for index, found in enumerate(parts) if found == part]) for part in ("train", "val")
    }
    ranges["test"] = tuple(
        (i, i + 1, *convention.tested(each.length))
        for i, each in enumerate(clips)
        if parts[i] == "test" and each.length >= convention.shortest
    )
    if empty := [part for part in ranges if not ranges[part]]:
        train, val, test = (f"{each[0]}-{each[-1]}" for each in (convention.train, convention.val, convention.test))
        raise StbenchError(
            f"with these persons, actions and scenarios kth has nothing for {' and '.join(empty)}: choose some persons "
            f"of {train} (train), {val} (val) and {test} (test, with a sequence of {convention.shortest} frames)"
        )
    return Split(split_id, len(clips), ranges)


def _runs(indices: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Consecutive numbers as half-open ranges."""
    runs: list[tuple[int, int]] = []
    for index in indices:
        if runs and runs[-1][1] == index:
            runs[-1] = (runs[-1][0], index + 1)
        else:
            runs.append((index, index + 1))
    return tuple(runs)


def srvp_clips(lengths: Mapping[Video, int]) -> tuple[Clip, ...]:
    """Whole videos of persons 1-20, then SRVP's 1,000 test clips, from the number of frames of every video.

    Drawn from NumPy's legacy stream of seed 42, clip by clip: action = randint(6), person = randint(21, 26),
    scenario = randint(1, 5), start = randint(frames - 40 + 1). `StbenchError` where a drawn video is not there.
    """
    train = [Clip(video, 0, 1, lengths[video]) for video in sorted(lengths) if SVG.part_of(video.person) != "test"]
    stream, tested = np.random.RandomState(SRVP_SEED), []
    for _ in range(SRVP_CLIPS):
        action = ACTIONS[stream.randint(len(ACTIONS))]
        video = Video(int(stream.randint(21, 26)), action, int(stream.randint(1, 5)))
        if lengths.get(video, 0) < CLIP_FRAMES:
            raise StbenchError(
                f"the clips of SRVP want {video.name} with at least {CLIP_FRAMES} frames, and it is not among the "
                "videos chosen: leave persons, actions, scenarios and skip as they are, or take variant=intervals"
            )
        start = int(stream.randint(lengths[video] - CLIP_FRAMES + 1))
        tested.append(Clip(video, 0, start + 1, start + CLIP_FRAMES))
    return (*train, *tested)


def split_srvp(clips: Sequence[Clip]) -> Split:
    """Train and val are the whole videos of their persons; every drawn clip is a test sequence."""
    parts = [SVG.part_of(each.video.person) for each in clips]
    ranges = {part: _runs([i for i, each in enumerate(parts) if each == part]) for part in ("train", "val", "test")}
    return Split("kth/srvp-1", len(clips), ranges)
