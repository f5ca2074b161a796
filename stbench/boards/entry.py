"""One finished run, as boards read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from stbench.results.aggregate import ResultRow
from stbench.results.card import Card
from stbench.results.clusters import CLUSTERS, ClusterMeans, read_clusters
from stbench.results.record import RunRecord


@dataclass(frozen=True)
class Entry:
    """One finished run: its record and its result rows (none where the track is not applicable to the model)."""

    record: RunRecord
    rows: tuple[ResultRow, ...]
    folder: Path | None = field(default=None, compare=False)
    """Where its means per cluster lie."""
    card: Card | None = None
    """What its authors state, of a row from others."""

    def read_means(self) -> ClusterMeans | str:
        """Means per cluster, or in words why there are none at hand. `StbenchError` where they are damaged."""
        named = self.record.clusters
        if not named.sha256:
            return named.missing or "its record has no means per cluster"
        if self.folder is None or not (self.folder / CLUSTERS).exists():
            return f"its {CLUSTERS} is not at hand"
        return read_clusters(self.folder, named)

    @cached_property
    def cells(self) -> Mapping[tuple[str, str], ResultRow]:
        """(metric, lead time) -> row."""
        return {(row.metric, row.lead_time): row for row in self.rows}
