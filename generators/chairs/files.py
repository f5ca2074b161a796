"""The tree of rendered chairs as it was given out.

    ROOT/rendered_chairs/<model>/renders/image_<iii>_p<elevation>_t<azimuth>_r096.png

A model is 32 hexadecimal digits, fewer where leading zeros got lost, and has 62 pictures. What else lies there
(all_chair_names.mat, pictures that others made beside, hidden files) is not read; a picture whose name begins like
those of the set and is none of the 62 is refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stbench.contract.datasets import fingerprint
from stbench.errors import StbenchError
from stbench.raw.files import entries, folders

from .png import check_header, check_picture
from .views import ALL, VIEWS

ROOT = "rendered_chairs"
RENDERS = "renders"
MODELS = 1_393
"""Chairs that were given out."""
ALIASES = ("3d-chairs", "3DChairs", "Chairs")
MODEL = re.compile(r"[0-9a-f]{16,32}")
NAMES = frozenset(each.name for each in ALL)
PREFIX = "image_"


@dataclass(frozen=True)
class Tree:
    """What was found: the models by name, and what identifies their files."""

    root: Path
    models: tuple[str, ...]
    identity: str
    """SHA-256 over the models and the sizes of their files."""


def find_root(raw: Path | None) -> Path | None:
    """The first folder that holds models with pictures."""
    for folder in folders("chairs", raw, ALIASES):
        if (root := root_in(folder)) is not None:
            return root
    return None


def root_in(folder: Path) -> Path | None:
    """`rendered_chairs` in a folder, or the folder itself; None where no model with pictures is."""
    for root in (*(each for each in entries(folder) if each.name.lower() == ROOT), folder):
        if any((each / RENDERS).is_dir() for each in entries(root) if MODEL.fullmatch(each.name)):
            return root
    return None


def survey(root: Path) -> Tree:
    """List all models; the header of the first picture of each is read.

    `StbenchError` naming it for a folder of pictures whose name is no model, a model without pictures, a missing view,
    a picture that is none of the 62, a link that leads out of the tree, and a picture of another kind or size.
    """
    rows = []
    for folder in _entries(root, root):
        if not folder.is_dir():
            continue
        renders = next((each for each in _entries(root, Path(folder.path)) if each.name == RENDERS), None)
        known = MODEL.fullmatch(folder.name)
        if renders is not None and not known:
            raise StbenchError(
                f"{folder.path} holds pictures, but its name is not the 32 hexadecimal digits of a chair, and one "
                "folder more would change the split: move it out of the tree"
            )
        if known and renders is None:
            raise StbenchError(f"{folder.path} has no folder {RENDERS} with pictures: unpack rendered_chairs.tar again")
        if renders is not None:
            rows.append([folder.name, _size(root, Path(renders.path))])
    rows.sort()
    whole: dict[str, str] = {}
    for name, _ in rows:
        if (other := whole.setdefault(str(name).zfill(32), str(name))) != name:
            raise StbenchError(
                f"{root} holds the chair {name} a second time as {other}, without its leading zeros: take one out, as "
                "every folder changes the split"
            )
    for name, _ in rows:
        check_header(picture(root, str(name), 0))
    return Tree(root, tuple(str(name) for name, _ in rows), fingerprint(rows))


def picture(root: Path, model: str, view: int) -> Path:
    """The file of a view of a model."""
    return root / model / RENDERS / ALL[view].name


def pictures(root: Path, models: Sequence[str]) -> list[Path]:
    """All views of some models."""
    return [picture(root, model, view) for model in models for view in range(VIEWS)]


def pictures_in(folder: Path, models: Sequence[str]) -> list[Path]:
    """As `pictures`, of the tree in a folder; nothing where none is."""
    root = root_in(folder)
    return [] if root is None else pictures(root, models)


def check_pictures(root: Path, models: Sequence[str]) -> None:
    """Compare the checksums in all pictures of some models, before a store is begun. Raises `StbenchError` naming the
    first that is damaged."""
    for path in pictures(root, models):
        check_picture(path)


def _size(root: Path, folder: Path) -> int:
    """Bytes of the 62 pictures of a model, all of which must be there."""
    found = {entry.name: entry for entry in _entries(root, folder) if entry.name.startswith(PREFIX)}
    if absent := [each.name for each in ALL if each.name not in found]:
        raise StbenchError(
            f"{folder} lacks {len(absent)} of the {VIEWS} views, the first is {absent[0]}: unpack rendered_chairs.tar "
            "again"
        )
    if odd := sorted(set(found) - NAMES):
        raise StbenchError(
            f"{folder / odd[0]} is none of the {VIEWS} views of a chair, and its name says no elevation and azimuth of "
            "theirs: move it out of the tree"
        )
    try:
        return sum(entry.stat().st_size for entry in found.values())
    except OSError as error:
        raise StbenchError(f"{folder} cannot be read: {error.strerror or error}") from None


def _entries(root: Path, folder: Path) -> list[os.DirEntry[str]]:
    """What a folder holds but for hidden files; a link out of the tree is a `StbenchError`."""
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if not entry.name.startswith(".")]
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
    return found
