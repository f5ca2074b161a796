"""What may be chosen of `chairs`, and the refusal of what cannot be, before any work is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from stbench.errors import StbenchError, nearest

from .files import MODELS
from .views import ORDERS

FEWEST = 3
"""Fewer chairs leave nothing for one of the parts of the split."""


def _knob(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class ChairsParameters:
    """What may be chosen; the defaults are the canonical dataset."""

    chairs: int = _knob(MODELS, "so many chairs, train and test in the published proportion")
    order: str = _knob(
        "rings",
        "rings: a sequence is the 31 views of one elevation; official: all 62 by name, which jumps elevation twice",
    )
    wrap: int = _knob(14, "so many first frames come again at the end, so that windows can begin at the last views")
    size: int = _knob(64, "pixels on a side of a frame")
    seed: int = _knob(0, "simulated: seed of the chairs")
    write_raw: bool = _knob(False, "simulated: write the 600 x 600 PNG files first and import them")

    def __post_init__(self) -> None:
        within = {"chairs": (FEWEST, MODELS), "wrap": (0, 31), "size": (8, 400), "seed": (0, 2**63 - 1)}
        for name, (low, high) in within.items():
            if not low <= getattr(self, name) <= high:
                raise StbenchError(
                    f"the parameter '{name}' must lie between {low} and {high:,}, not {getattr(self, name)}"
                )
        if self.order not in ORDERS:
            raise StbenchError(f"the parameter 'order' cannot be '{self.order}': {nearest(self.order, ORDERS)}")
