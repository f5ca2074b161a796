"""Records of format 1, read as format 2: what they lack comes from the registry and from the files beside them.

Format 1 named its track and did not hold it, had no digest of its results and no means per cluster. The track is the
one registered under that name. Means per cluster come from the per-sample scores, where the run folder still has them;
elsewhere they are marked missing. Nothing else of a record changes.
"""

from __future__ import annotations

import dataclasses
import re
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stbench import registry
from stbench.contract.datasets import Track
from stbench.documents import Unreadable
from stbench.errors import StbenchError
from stbench.results.aggregate import SCORES, ResultRow
from stbench.results.clusters import ClusterMeans, cluster_means
from stbench.results.lead_times import mean_of

LOST = "the run was published before records kept them, and its per-sample scores are gone"
TRACK = re.compile(r"([^/]+)/([^/]+)-([1-9]\d{0,8})")


def to_format_2(content: dict[str, Any]) -> dict[str, Any]:
    """The fields of format 2 of a record's JSON in format 1. `Unreadable` where its track is no track."""
    name = content.get("track")
    track, main = _track(name) if isinstance(name, str) else (None, False)
    if track is None:
        raise Unreadable(f"its track is {name!r:.60}, not <dataset>/<protocol>-<horizon>")
    added = {
        "track": dataclasses.asdict(track),
        "main_track": main,
        "results_sha256": "",
        "clusters": {"sha256": "", "missing": "" if content.get("not_applicable") else LOST, "left_out": ""},
        "format": 2,
    }
    # Fields that the first records did not have yet; operations were counted in one way only.
    counted = None if content.get("macs_per_forecast") is None else 1
    return {"judge": {}, "infinite": {}, "macs_version": counted, **content, **added}


def _track(name: str) -> tuple[Track | None, bool]:
    """The registered track of this id, and whether it is its dataset's main one.

    Of a package that is not installed nothing but the name is known: no metrics, so that boards show all, and 0 frames
    of conditioning.
    """
    parts = TRACK.fullmatch(name)
    if parts is None:
        return None, False
    dataset = parts[1]
    tracks = registry.dataset(dataset).tracks if dataset in registry.names("datasets") else ()
    for place, track in enumerate(tracks):
        if track.id == name:
            return track, place == 0
    return Track(dataset, parts[2], conditioning=0, horizon=int(parts[3]), train_horizon=0, metrics=()), False


def kept_means(folder: Path, track: Track, rows: Sequence[ResultRow]) -> ClusterMeans | None:
    """Means per cluster from the per-sample scores of a run folder, whose results are `rows`; None where it has none.

    `StbenchError` where the scores are damaged or are not those of the results.
    """
    from stbench.protocols.scoring import Scores

    path = folder / SCORES
    if not path.exists():
        return None
    if not path.is_file():  # a pipe would never end
        raise StbenchError(f"{path} is no file: remove it and score the run again with `stbench run`")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            values = {name: arrays[name] for name in arrays.files}
        sequence, start = values.pop("sequence"), values.pop("start")
        scores = Scores(sequence, start, values, None, cluster=values.pop("cluster", None))
        found = cluster_means(scores, track)
    except (ValueError, KeyError, IndexError, OSError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error):
        raise StbenchError(f"{path} is damaged: remove it and score the run again with `stbench run`") from None
    ends = {row.metric: row.value for row in rows if row.lead_time == mean_of(track.horizon)}
    for name in found.metrics if found is not None else ():
        value = registry.metric(name).mean(values[name])
        if not np.isclose(value, ends.get(name, np.nan), rtol=1e-9, atol=0):
            raise StbenchError(f"{path} does not belong to the results beside it: score the run again")
    return found
