"""What may be chosen of `mug`, and the refusal of what cannot be, before any work is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from stbench.errors import StbenchError, nearest

from .index import CROP, EXPRESSIONS, SIDE, SIX, SUBJECTS

SPLITS = ("subject", "clip")


def _knob(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class MugParameters:
    """What may be chosen; the defaults are the canonical dataset."""

    size: int = _knob(64, "pixels on a side of a frame")
    every: int = _knob(2, "keep every so many-th photograph; they are taken at 19 per second")
    split: str = _knob("subject", "subject: 26 subjects train, 26 test; clip: takes of all subjects in all parts")
    subjects: tuple[str, ...] = _knob(SUBJECTS, "use these subjects, of the 52 that are given out")
    expressions: tuple[str, ...] = _knob(SIX, "use these expressions; neutral can be added to the six")
    takes: int = _knob(1_000, "at most so many takes of each subject and expression")
    shortest: int = _knob(30, "leave takes with fewer photographs out")
    side: int = _knob(SIDE, "pixels on a side of an official photograph")
    crop: tuple[int, int, int] = _knob(CROP, "left, top and side of the box that is cut out of every photograph")
    seed: int = _knob(0, "simulated: seed of faces, takes, light and sway")
    write_raw: bool = _knob(
        False, "simulated: write the photographs as JPEG files first and import them, 11 GB at full size"
    )

    def __post_init__(self) -> None:
        within = {
            "size": (8, 896),
            "every": (1, 20),
            "takes": (1, 100_000),
            "shortest": (2, 2_000),
            "side": (16, 8_192),
            "seed": (0, 2**63 - 1),
        }
        for name, (low, high) in within.items():
            if not low <= getattr(self, name) <= high:
                raise StbenchError(
                    f"the parameter '{name}' must lie between {low} and {high}, not {getattr(self, name)}"
                )
        if self.split not in SPLITS:
            raise StbenchError(f"the parameter 'split' cannot be '{self.split}': {nearest(self.split, SPLITS)}")
        subjects = tuple(each.zfill(3) for each in self.subjects)
        for name, chosen, known in (
            ("subjects", subjects, SUBJECTS),
            ("expressions", self.expressions, EXPRESSIONS),
        ):
            if wrong := [each for each in chosen if each not in known]:
                raise StbenchError(f"the parameter '{name}' has '{wrong[0]}': choose of {', '.join(known)}")
            if not chosen:
                raise StbenchError(f"the parameter '{name}' is empty: choose of {', '.join(known)}")
            object.__setattr__(self, name, tuple(each for each in known if each in chosen))
        left, top, width = self.crop
        if width < 8 or min(left, top) < 0 or max(left, top) + width > self.side:
            raise StbenchError(
                f"the parameter 'crop' is {left},{top},{width} (left, top, side) and does not fit into photographs of "
                f"{self.side} x {self.side} pixels"
            )
        if self.shortest < self.every:
            raise StbenchError("the parameter 'shortest' must be at least 'every': a sequence would have no frame")
