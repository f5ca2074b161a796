"""Runs without a model: records and scores with chosen values."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from stbench import registry
from stbench.contract.datasets import Track
from stbench.protocols.scoring import Scores
from stbench.results.aggregate import results_digest, rows, write_results, write_scores
from stbench.results.clusters import cluster_means, write_clusters
from stbench.results.record import RunRecord, read_record

DIGEST = "ab" * 32


def make_record(**changes: Any) -> RunRecord:
    record = RunRecord(
        track=make_track("waveeq-100/forecast-3"),
        main_track=False,
        dataset="waveeq-100",
        dataset_version="1",
        dataset_source="procedural",
        dataset_digest=DIGEST,
        dataset_fingerprint="cd" * 32,
        dataset_parameters={"sequences": 6},
        split="waveeq-1",
        split_digest="ef" * 32,
        model="sepvar",
        variant="",
        model_version="1",
        floor=False,
        preset="quick",
        seed=0,
        configuration={"model": {"width": 8}, "training": {"steps": 5}},
        parameters=15_013_868,
        macs_per_forecast=1_200_000,
        training={"steps": 5, "finished": True, "seconds": 1.5, "resumed_from": 0},
        inference_seconds=0.25,
        peak_memory_bytes=123_000_000,
        device="cpu",
        processor="a processor, 2 cores",
        threads=2,
        libraries={"numpy": "2.0"},
        python="3.11.0",
        git_revision="12" * 20,
        git_dirty=False,
        stbench_version="0.1.0",
        code={"training": "34" * 32},
        command="stbench run --model sepvar --dataset waveeq-100",
        fingerprint="56" * 32,
        started="2026-01-02T03:04:05+00:00",
        finished="2026-01-02T03:05:05+00:00",
    )
    if isinstance(name := changes.get("track"), str):
        changes["track"] = make_track(name)
        changes.setdefault("main_track", _is_main(changes["track"]))
    return dataclasses.replace(record, **changes)


def make_track(name: str) -> Track:
    """The registered track of this id, or one without metrics, which shows all."""
    dataset, _, asked = name.partition("/")
    protocol, _, horizon = asked.rpartition("-")
    tracks = registry.dataset(dataset).tracks if dataset in registry.names("datasets") else ()
    made = Track(dataset, protocol, 5, int(horizon), train_horizon=5, metrics=())
    return next((track for track in tracks if track.id == name), made)


def _is_main(track: Track) -> bool:
    return track.dataset in registry.names("datasets") and track == registry.dataset(track.dataset).tracks[0]


def make_scores(level: float = 1.0, *, metrics: tuple[str, ...] = ("mse",), horizon: int = 3) -> Scores:
    """Six sequences of four windows; values grow with lead time and differ between sequences."""
    sequence, start = np.repeat(np.arange(10, 16), 4), np.tile(np.arange(4), 6)
    values = level * (1 + 0.1 * sequence[:, None] + 0.01 * start[:, None]) * np.arange(1, horizon + 1)
    return Scores(sequence, start, {name: values for name in metrics}, 0.5)


def write_numbers(folder: Path, record: RunRecord, scores: Scores) -> RunRecord:
    """Everything of a run folder but its record, which names what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    write_results(folder, rows(scores, record))
    write_scores(folder, scores)
    clusters = write_clusters(folder, cluster_means(scores, record.track))
    return dataclasses.replace(record, results_sha256=results_digest(folder), clusters=clusters)


def name_results(folder: Path) -> None:
    """The record of a run folder names its `results.csv` as it is now, changed by hand."""
    dataclasses.replace(read_record(folder), results_sha256=results_digest(folder)).write(folder)


def to_format_1(folder: Path, *, published: bool = False) -> None:
    """A run folder as an older stbench wrote it; `published`: what it published of it."""
    path = folder / "record.json"
    content = json.loads(path.read_text())
    track = content["track"]
    content |= {"format": 1, "track": f"{track['dataset']}/{track['protocol']}-{track['horizon']}"}
    for name in ("main_track", "results_sha256", "clusters"):
        del content[name]
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    (folder / "clusters.npz").unlink(missing_ok=True)
    if published:
        (folder / "scores.npz").unlink()
