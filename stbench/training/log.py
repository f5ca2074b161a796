"""The training log: one JSON line per interval, which resuming continues without a gap or a repetition."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stbench.documents import parse_json
from stbench.errors import StbenchError
from stbench.files import write_text

from .settings import PlayerSettings, TrainingSettings


@dataclass
class Clock:
    """Seconds and sums over all sessions; a part of the checkpoint."""

    stepping: float = 0.0
    loading: float = 0.0
    """Part of `stepping` spent on gathering batches."""
    saving: float = 0.0
    processor: float = 0.0
    """Processor time of `stepping`, all threads."""
    sums: dict[str, float] = field(default_factory=dict)
    """Sum of each loss term since the last line."""
    count: int = 0
    """Steps since the last line."""
    counts: dict[str, int] = field(default_factory=dict)
    """Those of them that had the term: players need not act in every step."""
    line: dict[str, float] = field(default_factory=dict)
    """Mean of each loss term over the last full interval."""
    line_stepping: float = 0.0
    """`stepping` and `loading` at the last line."""
    line_loading: float = 0.0


class TrainingLog:
    """Lines of step, losses, learning_rate, seconds, samples_per_second, loader_share, every `log_every` steps.

    Losses are means over the interval, learning_rate is a number, or one for each player, seconds the training time
    since the start of the run, the last two are of the interval. Lines beyond the checkpoint the run continues from are
    dropped: those steps are done again.
    """

    def __init__(
        self, path: Path, clock: Clock, settings: TrainingSettings, players: Mapping[str, PlayerSettings], step: int
    ) -> None:
        self.path, self.clock, self.settings, self.players = path, clock, settings, players
        found = path.read_text("utf-8", errors="replace") if path.exists() else ""
        kept = "".join(line + "\n" for line in found.splitlines() if _step(line) <= step)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if kept != found:
                write_text(path, kept)
        except OSError as error:
            raise StbenchError(
                f"the training log {path} cannot be written ({error.strerror}): "
                "make room or permission, or choose another folder"
            ) from None

    def due(self, step: int) -> bool:
        """Is there a line after this step?"""
        return step % self.settings.log_every == 0 or step == self.settings.steps

    def add(self, step: int, losses: Mapping[str, float]) -> None:
        clock = self.clock
        for name, value in losses.items():
            clock.sums[name] = clock.sums.get(name, 0.0) + value
            clock.counts[name] = clock.counts.get(name, 0) + 1
        clock.count += 1
        if self.due(step):
            self._line(step)

    def latest(self) -> dict[str, float]:
        """Mean of each loss term over the last full interval, or over what there is of the first one."""
        clock = self.clock
        return clock.line or self._means()

    def _means(self) -> dict[str, float]:
        return {name: total / self.clock.counts[name] for name, total in self.clock.sums.items()}

    def _rate(self, step: int) -> float | dict[str, float]:
        rates = {name: each.rate(step) for name, each in self.players.items()}
        return rates.get("", rates)

    def _line(self, step: int) -> None:
        clock = self.clock
        clock.line = self._means()
        seconds = clock.stepping - clock.line_stepping
        record = {
            "step": step,
            "losses": clock.line,
            "learning_rate": self._rate(step),
            "seconds": round(clock.stepping + clock.saving, 3),
            "samples_per_second": round(clock.count * self.settings.batch_size / seconds, 1),
            "loader_share": round((clock.loading - clock.line_loading) / seconds, 4),
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        clock.sums, clock.counts, clock.count = {}, {}, 0
        clock.line_stepping, clock.line_loading = clock.stepping, clock.loading


def _step(line: str) -> float:
    """Step of a line; infinity for half a line that a killed process left."""
    try:
        step = parse_json(line.encode(), nan=True)["step"]
        return step if type(step) is int else math.inf
    except (ValueError, KeyError, TypeError):
        return math.inf
