"""What is known of a judge: `judge.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stbench.documents import Unreadable, converted, read_json
from stbench.errors import StbenchError

DOCUMENT = "judge.json"
LARGEST_DOCUMENT = 1 << 20
"""Bytes."""


@dataclass(frozen=True)
class JudgeCard:
    """What is known of a judge; the content of `judge.json`."""

    version: str
    dataset: str
    dataset_version: str
    source: str
    dataset_digest: str
    preset: str
    seed: int
    clip: int
    """Frames of the clips it was trained on."""
    heads: Mapping[str, tuple[tuple[str, ...], tuple[int, ...]]]
    """Head -> its factors and their numbers of values."""
    accuracy: Mapping[str, float]
    """Head -> share of the test clips it classifies rightly; heads whose test classes were never in training are
    absent."""
    configuration: Mapping[str, Any]
    fingerprint: str
    weights_sha256: str
    train_clips: int
    test_clips: int
    seconds: float
    """Training time."""
    confusion: Mapping[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)
    """Question -> real test clips by true class (rows) and class named (columns). Questions are the heads with an
    accuracy; all factors of the head "action" are "motion", the first of them is "action"."""
    calibration: Mapping[str, float] = field(default_factory=dict)
    """Head -> expected calibration error on the test clips (`stbench.metrics.confusion`)."""
    tests: str = ""
    """The `TESTS` it was tested by (`stbench.judges.testing`). "2": the clips that models are scored on; before, the
    first frames of sequences."""

    @property
    def name(self) -> str:
        return f"{self.dataset}-{self.preset}-{self.fingerprint[:8]}"

    @property
    def summary(self) -> dict[str, Any]:
        """What a run record says of its judge."""
        known = {"accuracy": dict(self.accuracy), "test_clips": self.test_clips, "train_clips": self.train_clips}
        return {"name": self.name, "fingerprint": self.fingerprint, "calibration": dict(self.calibration), **known}


def read_card(folder: Path) -> JudgeCard:
    """`judge.json` of a folder; `StbenchError` when it is missing or damaged."""
    try:
        return converted(read_json(folder / DOCUMENT, LARGEST_DOCUMENT), JudgeCard)
    except FileNotFoundError:
        raise StbenchError(f"there is no judge in {folder}: train one with `stbench judge train`") from None
    except (OSError, Unreadable) as error:
        raise StbenchError(f"{folder / DOCUMENT} is damaged ({error}): remove {folder} and train it again") from None
