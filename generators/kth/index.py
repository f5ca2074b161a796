"""Names and intervals of KTH: which frames of which video show the action once.

    personNN_ACTION_dK  ->  (first frame, last frame), 1-based and inclusive, four intervals in nearly every video

The official list is the text `00sequences.txt`. `_kth_intervals.toml` holds the same numbers, so that the index is
there without the text; its id is `kth-intervals/1`.
"""

from __future__ import annotations

import importlib.resources
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stbench.errors import StbenchError
from stbench.raw.files import open_file

ACTIONS = ("boxing", "handclapping", "handwaving", "jogging", "running", "walking")
PERSONS = tuple(range(1, 26))
SCENARIOS = (1, 2, 3, 4)
LIST_NAME = "00sequences.txt"
SUFFIXES = ("_uncomp.avi", ".avi")
MOST_FRAMES = 10_000
"""A video longer than this is none of these."""
MOST_BYTES = 1 << 20

_LINE = re.compile(r"(person(\d\d)_([a-z]+)_d(\d))\s+(?:frames\s+)?(.+)")
_INTERVAL = re.compile(r"(\d{1,6})\s*-\s*(\d{1,6})")

Interval = tuple[int, int]
"""First and last frame in the video, 1-based, both included."""


@dataclass(frozen=True, order=True)
class Video:
    """One recording; the order is by person, action, scenario."""

    person: int
    action: str
    scenario: int

    @property
    def name(self) -> str:
        return f"person{self.person:02d}_{self.action}_d{self.scenario}"


def video_of(name: str) -> Video:
    """`person01_boxing_d1` as a `Video`; `StbenchError` for another form, person, action or scenario."""
    if not is_known(name):
        raise StbenchError(
            f"there is no KTH video '{name}': names are like person01_boxing_d1, with persons 01 to 25, actions "
            f"{', '.join(ACTIONS)} and scenarios d1 to d4"
        )
    person, action, scenario = name.split("_")
    return Video(int(person[-2:]), action, int(scenario[-1]))


def is_known(name: str) -> bool:
    """Whether a video of this name can be in the database."""
    match = re.fullmatch(r"person(\d\d)_([a-z]+)_d(\d)", name)
    return match is not None and _known(int(match[1]), match[2], int(match[3]))


def _known(person: int, action: str, scenario: int) -> bool:
    return person in PERSONS and action in ACTIONS and scenario in SCENARIOS


def read_list(path: Path) -> dict[Video, tuple[Interval, ...]]:
    """The intervals of a file like `00sequences.txt`, videos in order; videos marked `*missing*` are not in it.

    `StbenchError` naming the file and the line for anything that is not of that form, a video that stands there twice,
    an interval that ends before it begins, and a list without a video.
    """
    with open_file(path) as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise StbenchError(f"{path} has more than {MOST_BYTES:,} bytes: it is not the list of KTH intervals")
    try:
        lines = content.decode("ascii").splitlines()
    except UnicodeDecodeError as error:
        raise StbenchError(f"{path} is not plain text (byte {error.start:,}): get {LIST_NAME} again") from None
    videos: dict[Video, tuple[Interval, ...]] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text.startswith("person"):  # blank lines and the remarks at its head
            continue
        try:
            video, intervals = _parse(text)
        except ValueError as error:
            raise StbenchError(f"line {number} of {path} {error}: get {LIST_NAME} again") from None
        if video in videos:
            raise StbenchError(f"line {number} of {path} repeats {video.name}: get {LIST_NAME} again")
        if intervals:
            videos[video] = intervals
    if not videos:
        raise StbenchError(f"{path} lists no video: get {LIST_NAME} again")
    return dict(sorted(videos.items()))


def _parse(text: str) -> tuple[Video, tuple[Interval, ...]]:
    match = _LINE.fullmatch(text)
    if match is None:
        raise ValueError("is not like 'person01_boxing_d1 frames 1-95, 96-185'")
    person, action, scenario = int(match[2]), match[3], int(match[4])
    if not _known(person, action, scenario):
        raise ValueError(f"names '{match[1]}', which is no KTH video")
    if match[5].strip() == "*missing*":
        return Video(person, action, scenario), ()
    intervals = []
    for each in match[5].split(","):
        found = _INTERVAL.fullmatch(each.strip())
        if found is None:
            raise ValueError(f"has '{each.strip()[:40]}' where an interval like 1-95 should be")
        first, last = int(found[1]), int(found[2])
        if not 1 <= first <= last <= MOST_FRAMES:
            raise ValueError(f"has the interval {first}-{last}, which is not within 1 to {MOST_FRAMES} in order")
        intervals.append((first, last))
    return Video(person, action, scenario), tuple(intervals)


def shipped_intervals() -> dict[Video, tuple[Interval, ...]]:
    """The index that comes with the package: 599 videos, 2,391 intervals."""
    text = (importlib.resources.files(__package__) / "intervals.toml").read_text("utf-8")
    videos = tomllib.loads(text)["videos"]
    return {video_of(name): tuple((first, last) for first, last in rows) for name, rows in videos.items()}


def format_list(videos: Mapping[Video, tuple[Interval, ...]]) -> str:
    """The text of a `00sequences.txt` with these videos."""
    rows = []
    for video, intervals in videos.items():
        gap = "\t\t" if len(video.name) < 24 else "\t"
        rows.append(f"{video.name}{gap}frames\t{', '.join(f'{first}-{last}' for first, last in intervals)}\n")
    return "".join(rows)
