"""The predictions a run keeps: they are those of this run, or there are none."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import zarr

from stbench.contract.datasets import Track
from stbench.errors import StbenchError
from stbench.protocols.kept import PICTURES, write_kept
from stbench.protocols.scoring import KeptPredictions, Scores

TRACK = Track("d", "forecast", 2, 3, 3, ("mse",))
STORE: Any = SimpleNamespace(dataset="d", digest="ab" * 32, source="procedural")


def scores(kept: KeptPredictions | None) -> Scores:
    """Of two windows, both the first of sequence 0 and so at 0."""
    return Scores(np.zeros(2, int), np.arange(2), {"mse": np.zeros((2, 3))}, None, kept)


def kept(level: float) -> KeptPredictions:
    frames = np.full((1, 3, 1, 4, 5), level, np.float32)
    return KeptPredictions(np.array([0]), frames[:, :2], frames, frames)


def test_a_run_that_keeps_nothing_leaves_nothing_of_an_earlier_one(tmp_path: Path) -> None:
    path, figures = tmp_path / "predictions.zarr", tmp_path / "figures"
    write_kept(path, scores(kept(1.0)), TRACK, STORE, "some model")
    figures.mkdir()
    for name in (*PICTURES, "mse.png"):
        (figures / name).touch()
    write_kept(path, scores(None), TRACK, STORE, "some model")
    assert sorted(each.relative_to(tmp_path).as_posix() for each in tmp_path.rglob("*")) == [
        "figures",
        "figures/mse.png",
    ]
    write_kept(path, scores(None), TRACK, STORE, "some model")


def test_what_cannot_be_removed_is_one_sentence(tmp_path: Path) -> None:
    picture = tmp_path / "figures" / PICTURES[0]
    picture.mkdir(parents=True)
    with pytest.raises(StbenchError, match=r"cannot remove .*forecast\.png"):
        write_kept(tmp_path / "predictions.zarr", scores(None), TRACK, STORE, "some model")


def test_frames_of_zeros_are_written_so_that_what_is_missing_can_be_told_from_them(tmp_path: Path) -> None:
    """zarr leaves out chunks that hold nothing but the fill value."""
    path = tmp_path / "predictions.zarr"
    write_kept(path, scores(kept(0.0)), TRACK, STORE, "some model")
    group: Any = zarr.open_group(path, mode="r")
    for name in ("conditioning", "target", "prediction", "sequence", "start", "lead_time"):
        assert group[name].nchunks_initialized == group[name].nchunks, name
    np.testing.assert_array_equal(group["prediction"][:], kept(0.0).prediction)
    for file in (path / "prediction" / "c").rglob("0"):
        if file.is_file():
            file.unlink()
    assert np.isnan(np.asarray(group["prediction"][:])).all()
