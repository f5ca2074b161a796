"""Where the KTH videos lie, and which of them, and of their intervals, can be used."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from stbench.errors import StbenchError
from stbench.raw.files import entries, files_in, folders, named

from .clips import Clip
from .index import ACTIONS, LIST_NAME, SUFFIXES, Interval, Video, is_known, read_list, shipped_intervals, video_of
from .video import count_frames, decode, read_header

ALIASES = ("KTH", "kth_actions")
VIDEO = re.compile(r"person\d\d_[a-z]+_d\d")
KNOWN_DAMAGED = ("person01_boxing_d4",)
"""Damaged in some copies of the archive: decoded once to see, and left out with a note where it is."""

log = logging.getLogger("stbench.kth")


@dataclass(frozen=True)
class Tree:
    """A folder with `<action>/<video>_uncomp.avi`, or all videos in one folder, and perhaps a list of intervals."""

    root: Path
    list: Path | None

    def files(self) -> dict[str, tuple[Path, ...]]:
        """The videos in the folders of actions and beside them, by name in lower case; a hidden file is none."""
        found: dict[str, tuple[Path, ...]] = {}
        places = [self.root, *(each for each in entries(self.root) if each.name.lower() in ACTIONS and each.is_dir())]
        for path in (path for place in places for path in files_in(place)):
            for suffix in SUFFIXES:
                if path.name.lower().endswith(suffix):
                    name = path.name.lower().removesuffix(suffix)
                    found[name] = (*found.get(name, ()), path)
                    break
        return found

    def find(self, video: Video) -> Path | None:
        """The file of a video; None where there is none, `StbenchError` where there are several."""
        return _only(self.files(), video)

    def intervals(self) -> dict[Video, tuple[Interval, ...]]:
        """Those of the list beside the videos, else those shipped with the package."""
        return shipped_intervals() if self.list is None else read_list(self.list)


def _only(files: Mapping[str, Sequence[Path]], video: Video) -> Path | None:
    found = files.get(video.name, ())
    if len(found) > 1:
        raise StbenchError(f"{found[0]} and {found[1]} are both {video.name}: take one of them out")
    return found[0] if found else None


def find_tree(raw: Path | None) -> Tree | None:
    """The first folder that holds KTH videos; nothing is opened."""
    for folder in folders("kth", raw, ALIASES):
        if (tree := tree_in(folder)) is not None:
            return tree
    return None


def tree_in(folder: Path) -> Tree | None:
    """The tree of a folder or of `raw/` in it; None where there is no KTH video."""
    for root in (folder / "raw", folder):
        if any(VIDEO.fullmatch(name) for name in Tree(root, None).files()):
            lists = [path for place in (root, folder) if (path := named(place, LIST_NAME)) is not None]
            return Tree(root, lists[0] if lists else None)
    return None


@dataclass(frozen=True)
class Footage:
    """Videos that can be used: their files, their number of frames and their intervals; and what was left out."""

    paths: Mapping[Video, Path]
    frames: Mapping[Video, int]
    intervals: Mapping[Video, tuple[Interval, ...]]
    left_out: tuple[str, ...]


def survey(tree: Tree, wanted: Mapping[Video, tuple[Interval, ...]], *, whole: bool = False) -> Footage:
    """Read the header of every wanted video; intervals are cut where a video ends before they do.

    The number of frames in a header is believed only where nothing but the frames of intervals is wanted, and these are
    within it, as they are then counted when they are decoded. Elsewhere, and of `whole` videos, the frames are counted.
    A video that is known to be damaged in the archive is left out with a note where it is; any other one that is
    missing or wrong is a `StbenchError` naming it.
    """
    files = tree.files()
    paths = {video: path for video in wanted if (path := _only(files, video)) is not None}
    if absent := [video.name for video in wanted if video not in paths]:
        raise StbenchError(
            f"{tree.root} lacks {len(absent)} of the {len(wanted)} KTH videos that are wanted, the first is "
            f"{absent[0]}{SUFFIXES[0]}: unpack all six archives there, or leave some out with `--set skip=NAME,...` or "
            "`--set persons=...`"
        )
    frames, intervals, left_out = {}, {}, []
    for video, path in paths.items():
        try:
            found, last = read_header(path).frames, max(last for _, last in wanted[video])
            if video.name in KNOWN_DAMAGED and found:
                for _ in decode(path, min(found, last)):
                    pass
            if whole or found < last:
                found = _counted(path, found)
        except StbenchError as error:
            if video.name not in KNOWN_DAMAGED:
                raise StbenchError(f"{error}, or leave it out with `--set skip={video.name}`") from None
            left_out.append(video.name)
            log.warning(
                "note: %s is left out, its file is damaged as in some copies of the archive: %s", video.name, error
            )
            continue
        cut = tuple((first, min(last, found)) for first, last in wanted[video] if first <= found)
        if cut != wanted[video]:
            log.warning("note: %s has %d frames, so that intervals that go on after them are cut", path, found)
        if cut:
            frames[video], intervals[video] = found, cut
        else:
            left_out.append(video.name)
    return Footage({video: paths[video] for video in frames}, frames, intervals, tuple(left_out))


def videos_in(folder: Path, videos: Sequence[Video]) -> list[Path]:
    """The files of those videos that are in a folder."""
    tree = tree_in(folder)
    files = {} if tree is None else tree.files()
    return [path for video in videos if (path := _only(files, video)) is not None]


def check_videos(paths: Mapping[Video, Path], clips: Sequence[Clip]) -> None:
    """Decode every video to the last frame that is wanted of it, before a store is begun. Raises `StbenchError` naming
    one that is damaged."""
    last: dict[Video, int] = {}
    for each in clips:
        last[each.video] = max(last.get(each.video, 0), each.last)

    def decode_all(video: Video) -> None:
        for _ in decode(paths[video], last[video]):
            pass

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            for _ in pool.map(decode_all, last):
                pass
        except StbenchError:
            pool.shutdown(cancel_futures=True)
            raise


def _counted(path: Path, said: int) -> int:
    count = count_frames(path)
    if count < said:
        raise StbenchError(f"{path} says it has {said:,} frames and ends after {count:,}: unpack it again")
    return count


def choose_listed(
    tree: Tree, persons: Sequence[int], actions: Sequence[str], scenarios: Sequence[int], skip: Sequence[str]
) -> dict[Video, tuple[Interval, ...]]:
    """As `choose`, of the list of a tree. `StbenchError` for a video that is there and of which the list says nothing,
    as of one in whose line a letter is wrong: it would be left out without a word."""
    listed, files = tree.intervals(), tree.files()
    there = {video_of(name): paths for name, paths in files.items() if is_known(name)}
    for video in choose(dict.fromkeys(there, ()), persons, actions, scenarios, skip):
        if video not in listed:
            where = tree.list or "the list that comes with stbench"
            raise StbenchError(
                f"{there[video][0]} is there and {where} says nothing of its intervals: get {LIST_NAME} again, or "
                f"leave the video out with `--set skip={video.name}`"
            )
    return choose(listed, persons, actions, scenarios, skip)


def choose(
    videos: Mapping[Video, tuple[Interval, ...]],
    persons: Sequence[int],
    actions: Sequence[str],
    scenarios: Sequence[int],
    skip: Sequence[str],
) -> dict[Video, tuple[Interval, ...]]:
    """The videos of these persons, actions and scenarios, without those to skip."""
    return {
        video: intervals
        for video, intervals in videos.items()
        if video.person in persons
        and video.action in actions
        and video.scenario in scenarios
        and video.name not in skip
    }
