"""The tree of MUG as it is given out, with its irregularities.

    ROOT/subjects3/<subject>[/session<k>]/<expression>[/<take>]/img_0000.jpg

Folders may be empty, a take ends with an .avi that is skipped, and pictures may lie in the folder of the expression.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

from stbench.errors import StbenchError
from stbench.raw.files import entries, folders

from .clips import Recorded
from .index import Take
from .jpeg import check_header, check_photograph

ALIASES = ("MUG", "mug_fed")
ROOTS = ("subjects3", "subject3")
SUFFIXES = (".jpg", ".jpeg")
MOST_PHOTOGRAPHS = 2_000
SUBJECT = re.compile(r"\d{3}")

log = logging.getLogger("stbench.mug")


@dataclass(frozen=True)
class Tree:
    """What was found: takes with their pictures in order, and their size in bytes."""

    root: Path
    takes: tuple[Recorded, ...]
    bytes: int


def find_root(raw: Path | None) -> Path | None:
    """The first folder that holds folders of subjects."""
    for folder in folders("mug", raw, ALIASES):
        if (root := root_in(folder)) is not None:
            return root
    return None


def root_in(folder: Path) -> Path | None:
    """`subjects3` in a folder or in `raw/` in it, or the folder itself; None where no subject with photographs is."""
    for base in (folder, folder / "raw"):
        for root in (*(each for each in entries(base) if each.name.lower() in ROOTS), base):
            subjects = [each for each in entries(root) if SUBJECT.fullmatch(each.name)]
            if any(child.is_dir() for each in subjects for child in entries(each)):
                return root
    return None


def survey(root: Path, subjects: Sequence[str], expressions: Sequence[str], shortest: int, side: int) -> Tree:
    """List the wanted takes; the header of the first picture of each is read.

    Takes of fewer than `shortest` pictures, empty folders among them, are left out with a note. `StbenchError` naming
    it for a missing subject, a link that leads out of the tree, or a picture of another kind or size.
    """
    there = {each.name: each for each in _entries(root, root) if each.is_dir() and SUBJECT.fullmatch(each.name)}
    if absent := [each for each in subjects if each not in there]:
        usable = [each for each in subjects if each in there]
        hint = f"or go on without: `--set subjects={','.join(usable)}`" if usable else "or take --source simulated"
        raise StbenchError(
            f"{root} lacks {len(absent)} of the {len(subjects)} MUG subjects that are wanted, the first is "
            f"{absent[0]}: get the whole tree, {hint}"
        )
    takes, size, short = [], 0, []
    for subject in subjects:
        for take, folder in _takes_of(root, there[subject], subject, expressions):
            pictures = photographs(root, folder)
            if len(pictures) < shortest:
                short.append(take.folder)
                continue
            _check_numbers(folder, pictures)
            check_header(pictures[0], side)
            size += sum(path.stat().st_size for path in pictures)
            takes.append(Recorded(take, len(pictures), _number(pictures[0])[0]))
    if short:
        log.warning(
            "note: %d takes in %s with fewer than %d pictures are left out, the first is %s",
            len(short),
            root,
            shortest,
            short[0],
        )
    if not takes:
        raise StbenchError(f"{root} has no take of at least {shortest} pictures of these subjects and expressions")
    return Tree(root, tuple(takes), size)


def _check_numbers(folder: Path, pictures: Sequence[Path]) -> None:
    """`StbenchError` where two photographs of a take bear one number, or where one between the first and the last is
    missing: the others would be other moments than their place says."""
    for before, after in pairwise(pictures):
        first, second = _number(before)[0], _number(after)[0]
        if first == second:
            raise StbenchError(f"{before} and {after.name} bear the same number: take the one that is a copy out")
        if second != first + 1:
            raise StbenchError(
                f"{folder} lacks the photograph {first + 1}, between {before.name} and {after.name}, so that what "
                "follows would come too early: get the take again, or leave the subject out with `--set subjects=...`"
            )


def _takes_of(root: Path, folder: Path, subject: str, expressions: Sequence[str]) -> Iterator[tuple[Take, Path]]:
    """Takes of a subject by expression, session and name, with the folder their pictures are in."""
    there = _entries(root, folder)
    sessions = [(k, each) for k in (0, 1) for each in _single([e for e in there if e.name.lower() == f"session{k}"])]
    for expression in expressions:
        for session, above in sessions or [(-1, folder)]:
            for place in _single([each for each in _entries(root, above) if each.name.lower() == expression]):
                inside = _entries(root, place)
                if any(each.suffix.lower() in SUFFIXES for each in inside):
                    yield Take(subject, session, expression, ""), place
                for each in inside:
                    if each.is_dir():
                        yield Take(subject, session, expression, each.name), each


def _single(same: Sequence[Path]) -> list[Path]:
    """The folders among these, whose names differ in capitals only; `StbenchError` where there are two."""
    found = [each for each in same if each.is_dir()]
    if len(found) > 1:
        raise StbenchError(f"{found[0]} and {found[1]} are the same folder twice: put together what is in them")
    return found


def photographs(root: Path, folder: Path) -> list[Path]:
    """The pictures of a take by the numbers in their names; `StbenchError` for absurdly many."""
    found = [each for each in _entries(root, folder) if each.suffix.lower() in SUFFIXES]
    if len(found) > MOST_PHOTOGRAPHS:
        raise StbenchError(f"{folder} holds {len(found):,} pictures: a take of MUG has at most {MOST_PHOTOGRAPHS:,}")
    return sorted(found, key=_number)


def used(root: Path, takes: Sequence[Recorded], every: int) -> list[Path]:
    """The photographs that a store of those takes is made of."""
    return [path for each in takes for path in photographs(root, folder_of(root, each.take))[::every]]


def used_in(folder: Path, takes: Sequence[Recorded], every: int) -> list[Path]:
    """As `used`, of the tree in a folder; nothing where none is."""
    root = root_in(folder)
    return [] if root is None else used(root, takes, every)


def check_photographs(root: Path, takes: Sequence[Recorded], every: int, side: int) -> None:
    """Decode every photograph that is used, before a store is begun. Raises `StbenchError` naming a damaged one."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            for _ in pool.map(partial(check_photograph, side=side), used(root, takes, every)):
                pass
        except StbenchError:
            pool.shutdown(cancel_futures=True)
            raise


def folder_of(root: Path, take: Take) -> Path:
    """The folder of a take, whose expression may be spelt with capitals."""
    above = root / take.subject
    if take.session >= 0:
        above = next((e for e in _entries(root, above) if e.name.lower() == f"session{take.session}"), above)
    place = next((e for e in _entries(root, above) if e.name.lower() == take.expression), above / take.expression)
    return place / take.name if take.name else place


def _number(path: Path) -> tuple[int, str]:
    digits = re.findall(r"\d+", path.stem)
    return (int(digits[-1][-9:]) if digits else 0, path.name)


def _seen(entries: Iterable[os.DirEntry[str]]) -> Iterator[os.DirEntry[str]]:
    """Without hidden files, which some systems leave beside pictures under the same names."""
    return (entry for entry in entries if not entry.name.startswith("."))


def _entries(root: Path, folder: Path) -> list[Path]:
    """What a folder holds, folders by the numbers in their names; a link out of the tree is a `StbenchError`."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(_seen(entries), key=lambda entry: (_number(Path(entry.name)), entry.name))
            links = [entry.path for entry in found if entry.is_symlink()]
    except OSError as error:
        raise StbenchError(f"{folder} cannot be read: {error.strerror or error}") from None
    for link in links:
        try:
            inside = Path(link).resolve(strict=True).is_relative_to(root.resolve())
        except (OSError, RuntimeError):
            inside = False
        if not inside:
            raise StbenchError(f"{link} is a link that leads out of {root} or nowhere: put the file itself there")
    return [Path(entry.path) for entry in found]
