"""A run's numbers and its record: the same for a model trained here and for predictions made elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stbench import registry
from stbench.contract.datasets import Track, fingerprint

if TYPE_CHECKING:
    from stbench.protocols.scoring import Scores
    from stbench.results.aggregate import ResultRow
    from stbench.results.record import RunRecord
    from stbench.store.reader import Store


@dataclass(frozen=True)
class Made:
    """Who made the predictions, with what, and at what cost: the fields of `RunRecord` that a caller alone knows."""

    model: str
    preset: str
    seed: int
    configuration: Mapping[str, Any]
    parameters: int
    training: Mapping[str, Any]
    code: Mapping[str, str]
    command: str
    identity: Mapping[str, Any]
    """What the run depends on, JSON-able; its fingerprint names the folder."""
    started: datetime
    variant: str = ""
    model_version: str = ""
    floor: bool = False
    macs_per_forecast: int | None = None
    macs_version: int | None = None
    peak_memory_bytes: int | None = None
    device: str = "cpu"
    budget_seconds: float | None = None
    judge: Mapping[str, Any] = field(default_factory=dict)
    breaks: Mapping[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.identity)


def record_numbers(
    folder: Path, made: Made, store: Store, track: Track, scores: Scores
) -> tuple[RunRecord, list[ResultRow]]:
    """Write per-sample scores, results and means per cluster into a run folder; gives the record that names them, and
    the result rows.

    A record of before is removed first, and the new one is left to the caller to write last: a folder with a record is
    complete.
    """
    from stbench.results.aggregate import results_digest, rows, write_results, write_scores
    from stbench.results.clusters import cluster_means, write_clusters
    from stbench.results.record import RECORD

    record = record_of(made, store, track, scores)
    found = rows(scores, record)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECORD).unlink(missing_ok=True)
    write_scores(folder, scores)
    write_results(folder, found)
    clusters = write_clusters(folder, cluster_means(scores, track))
    return replace(record, results_sha256=results_digest(folder), clusters=clusters), found


def record_of(made: Made, store: Store, track: Track, scores: Scores) -> RunRecord:
    from stbench.protocols.known import protocol_of
    from stbench.provenance.environment import environment
    from stbench.results.aggregate import infinite_windows
    from stbench.results.record import RunRecord
    from stbench.store.apart import apart

    own = {name: value for name, value in vars(made).items() if name not in ("identity", "device", "started")}
    return RunRecord(
        track=track,
        main_track=track == registry.dataset(track.dataset).tracks[0],
        dataset=store.dataset,
        dataset_version=store.version,
        dataset_source=store.source,
        dataset_digest=store.digest,
        dataset_fingerprint=store.fingerprint,
        dataset_parameters=store.parameters,
        split=store.split.id,
        split_digest=store.split.digest,
        inference_seconds=scores.inference_seconds,
        fingerprint=made.fingerprint,
        started=made.started.isoformat(timespec="seconds"),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        infinite=infinite_windows(scores),
        drawn=asdict(scores.drawn) if scores.drawn else {},
        normaliser=apart(store).get("normaliser", {}),
        protocol_version="" if (version := protocol_of(track).version) == "1" else version,
        **own,
        **environment(made.device),
    )
