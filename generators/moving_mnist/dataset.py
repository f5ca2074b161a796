"""`moving-mnist` and `moving-mnist-angle`: digits that move in a box.

    frame(t) = min(255, sum_k digit_k shifted to position_k(t)),    position_k(t) = triangle wave of start + speed·t

Two conventions of the field, one generator: `moving-mnist` as in Donà et al. 2021 (after SRVP), `moving-mnist-angle` as
in Srivastava et al. 2015 and the PredRNN line. Store: test sequences first, then training, then validation sequences;
positions, velocities and digits are stored, so every ground truth of a content swap can be drawn (`swap_truths`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stbench.contract.datasets import Blueprint, Card, Coordinate, Split, SwapCases, Track, Variable
from stbench.raw.files import RawFile, locate
from stbench.raw.sources import of_source, sources_at_hand

from .cards import MOVING_MNIST, MOVING_MNIST_ANGLE, simulated
from .digits import ALIASES, OFFICIAL, DigitFiles, official_files, prepare, simulated_files
from .parameters import AngleParameters, MovingMnistParameters
from .sequences import Sequences, TrainingStream, draw, published_swap, swap_truths

__all__ = ["TrainingStream", "draw", "moving_mnist", "moving_mnist_angle", "published_swap", "swap_truths"]

if TYPE_CHECKING:
    from stbench.store.reader import Store

METRICS = ("mse", "rmse", "mae", "psnr", "ssim_gauss11")
FURTHER = ("mse_sum", "mae_sum", "ssim_uniform7", "ssim_uniform7_range2", "ssim_uniform7_uint8")
"""What the PredRNN line and its descendants print as MSE, MAE and SSIM."""
SWAP_METRICS = ("mse", "psnr", "ssim_gauss11", "psnr_best_truth", "ssim_gauss11_best_truth")
DRAWN = ("crps", "spread_skill", "mse_of_mean", "mse_best_member", "psnr_best_member", "ssim_gauss11_best_member")
DRAWN_FURTHER = (
    *("spread", "rmse_of_mean", "psnr_of_mean", "ssim_gauss11_of_mean"),
    "ssim_uniform7_range2_best_member",
)
"""The two parts of spread_skill, the mean as a picture, and the SSIM of SVG's own code."""
SHARD_BYTES = 25_000_000


@dataclass(frozen=True)
class MovingMnist:
    """A Moving MNIST dataset; fulfils `stbench.contract.datasets.Generator` and `stbench.raw.fetch.HasRawFiles`."""

    name: str
    version: str
    card: Card
    parameters: type[MovingMnistParameters]
    tracks: tuple[Track, ...]
    presets: Mapping[str, Mapping[str, Any]]
    raw_files: tuple[RawFile, ...] = OFFICIAL
    raw_aliases: tuple[str, ...] = ALIASES
    instructions: str = ""

    def sources(self, raw: Path | None) -> tuple[str, ...]:
        return sources_at_hand(locate(OFFICIAL, self.name, raw, ALIASES))

    def files(self, source: str, raw: Path | None = None) -> DigitFiles:
        """The digit files of a source; `StbenchError` where they are missing."""
        return of_source(self.name, source, partial(official_files, self.name, raw), simulated_files)

    def blueprint(self, parameters: MovingMnistParameters, source: str, raw: Path | None = None) -> Blueprint:
        p, sequences = parameters, Sequences(parameters, self.files(source, raw))
        stored = p.train_sequences + p.val_sequences
        total, per_shard = p.sequences + stored, max(1, SHARD_BYTES // (p.frames * p.canvas**2))
        parts = ("test", "train") if stored else ("test",)
        return Blueprint(
            dataset=self.name,
            version=self.version,
            source=source,
            seed=p.seed,
            parameters=asdict(p),
            card=simulated(self.card) if source == "simulated" else self.card,
            split=self._split(p),
            n_sequences=total,
            sequences_per_shard=per_shard,
            variables=_variables(p, total, per_shard),
            coordinates=_coordinates(p),
            produce=partial(_produce, sequences),
            normaliser={"kind": "fixed", "mean": 0.0, "std": 255.0},
            prepare=partial(prepare, sequences.files, parts),
            raw_files=partial(sequences.files.of, parts),
        )

    def swap_cases(self, store: Store, track: Track, split: str = "test") -> SwapCases:
        """Content of one sequence on the motion of another, paired as published; both digit orders are right."""
        from .swap import swap_cases

        return swap_cases(store, track, split)

    def training_stream(
        self, parameters: MovingMnistParameters, n_frames: int, source: str = "auto", raw: Path | None = None
    ) -> TrainingStream:
        """Training sequences without end, `n_frames` long; the digits are read and checked here."""
        files = self.files(self.sources(raw)[0] if source == "auto" else source, raw)
        prepare(files, ("train",))
        return TrainingStream(Sequences(parameters, files), n_frames)

    def _split(self, p: MovingMnistParameters) -> Split:
        from stbench.splits.files import load_split

        published = load_split(__package__, f"{self.name}-1.json")
        split = split_by_counts(published.id, p)
        return published if split.ranges == published.ranges else split_by_counts(f"{self.name}/by-count-1", p)


def split_by_counts(split_id: str, p: MovingMnistParameters) -> Split:
    """Test sequences first, so that the published ones keep their numbers, then train, then val."""
    edges = np.cumsum((0, p.sequences, p.train_sequences, p.val_sequences)).tolist()
    ranges = {
        part: ((first, last),) if last > first else ()
        for part, first, last in zip(("test", "train", "val"), edges, edges[1:], strict=False)
    }
    return Split(split_id, edges[-1], {part: ranges[part] for part in ("train", "val", "test")})


def _variables(p: MovingMnistParameters, n: int, per_shard: int) -> dict[str, Variable]:
    moving = ("sequence", "time", "digit", "axis")

    def factor(dims: tuple[str, ...], shape: tuple[int, ...], dtype: str, name: str, units: str) -> Variable:
        return Variable(dims, (n, *shape), dtype, (per_shard, *shape), {"long_name": name, "units": units})

    where = "of the upper left corner; axis 0: row, axis 1: column"
    path = (p.frames, p.digits, 2)
    return {
        "frames": Variable(
            ("sequence", "time", "channel", "y", "x"),
            (n, p.frames, 1, p.canvas, p.canvas),
            "uint8",
            (1, min(p.frames, 100), 1, p.canvas, p.canvas),
            {"long_name": "grey value, 255 is ink", "units": "1"},
        ),
        "position": factor(moving, path, "int16", f"position {where}", "pixel"),
        "velocity": factor(moving, path, "float32", f"velocity {where}", "pixel per frame"),
        "digit_index": factor(
            ("sequence", "digit"), (p.digits,), "int32", "number of the digit in its MNIST file", "1"
        ),
        "digit_label": factor(("sequence", "digit"), (p.digits,), "uint8", "class of the digit", "1"),
        "digit_image": factor(
            ("sequence", "digit", "digit_y", "digit_x"), (p.digits, p.digit_size, p.digit_size), "uint8", "digit", "1"
        ),
    }


def _coordinates(p: MovingMnistParameters) -> dict[str, Coordinate]:
    time = {"long_name": "frame number", "units": "1", "axis": "T"}
    coordinates = {"time": Coordinate(("time",), np.arange(p.frames, dtype=np.int64), time)}
    for name, axis in (("y", "Y"), ("x", "X")):
        attributes = {"long_name": f"{name}, from the upper left corner", "units": "pixel", "axis": axis}
        coordinates[name] = Coordinate((name,), np.arange(p.canvas, dtype=np.int64), attributes)
    return coordinates


def _produce(sequences: Sequences, start: int, stop: int) -> dict[str, np.ndarray]:
    """Every variable of the store's sequences start .. stop - 1, which may lie in several parts."""
    p, pieces, offset = sequences.parameters, [], 0
    for part, count in (("test", p.sequences), ("train", p.train_sequences), ("val", p.val_sequences)):
        first, last = max(start - offset, 0), min(stop - offset, count)
        if first < last:
            pieces.append(sequences.produce(part, first, last, p.frames))
        offset += count
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


moving_mnist = MovingMnist(
    name="moving-mnist",
    version="1",
    card=MOVING_MNIST,
    parameters=MovingMnistParameters,
    # One window per sequence, at its beginning, as published: the stride is the length of a sequence.
    tracks=(
        Track("moving-mnist", "forecast", 5, 10, train_horizon=10, metrics=METRICS, stride=100, further=FURTHER),
        Track("moving-mnist", "forecast", 5, 95, train_horizon=10, metrics=METRICS, stride=100, further=FURTHER),
        Track("moving-mnist", "draws", 5, 10, train_horizon=10, metrics=DRAWN, stride=100, further=DRAWN_FURTHER),
        Track("moving-mnist", "swap", 5, 10, train_horizon=10, metrics=SWAP_METRICS, stride=100),
        Track("moving-mnist", "swap", 5, 95, train_horizon=10, metrics=SWAP_METRICS, stride=100),
    ),
    presets={"quick": {"sequences": 64, "train_sequences": 132, "val_sequences": 12}},
)

moving_mnist_angle = MovingMnist(
    name="moving-mnist-angle",
    version="1",
    card=MOVING_MNIST_ANGLE,
    parameters=AngleParameters,
    tracks=(
        Track("moving-mnist-angle", "forecast", 10, 10, train_horizon=10, metrics=METRICS, stride=20, further=FURTHER),
    ),
    presets={"quick": {"sequences": 64, "train_sequences": 264, "val_sequences": 24}},
)
