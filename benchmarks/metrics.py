"""How fast and how lean scoring is: `python benchmarks/metrics.py`.

Prints a table: errors and SSIMs against scikit-image called frame by frame, and a whole scoring of 6,360 windows of 40
frames of 64x64 (the test windows of waveeq/forecast-40) with five metrics, its time and its peak memory. The frames
are random, in a store of the same shape: what is measured does not depend on what they show.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio
from skimage.metrics import structural_similarity as skimage_ssim

from stbench import registry
from stbench.contract.datasets import Blueprint, Card, Split, Track, Variable
from stbench.protocols.forecast import forecast
from stbench.protocols.scoring import Scorer
from stbench.store.reader import Store
from stbench.store.writer import generate

METRICS = ("mse", "rmse", "mae", "psnr", "ssim_gauss11")
TIMES, FRAME = 150, (1, 64, 64)


class Persistence:
    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        return np.repeat(conditioning[:, -1:], horizon, axis=1)


def noise(start: int, stop: int) -> dict[str, np.ndarray]:
    rows = [np.random.default_rng(i).random((TIMES, *FRAME), dtype=np.float32) for i in range(start, stop)]
    return {"frames": np.stack(rows)}


def store(path: Path, sequences: int) -> Store:
    fields = {field.name: "benchmark" for field in dataclasses.fields(Card)}
    shape = (TIMES, *FRAME)
    blueprint = Blueprint(
        dataset="noise",
        version="1",
        source="procedural",
        seed=0,
        parameters={"sequences": sequences},
        card=Card(**fields | {"quirks": (), "factors": {}}),  # type: ignore[arg-type]
        split=Split("noise-1", sequences + 1, {"train": ((0, 1),), "val": (), "test": ((1, sequences + 1),)}),
        n_sequences=sequences + 1,
        sequences_per_shard=1,
        variables={
            "frames": Variable(
                ("sequence", "time", "channel", "y", "x"), (sequences + 1, *shape), "float32", (1, *shape)
            )
        },
        coordinates={},
        produce=noise,
    )
    return generate(blueprint, path)


def seconds(calls: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """Best of many short calls of each, in turns: the least disturbed by whatever else the machine does."""
    best = [float("inf")] * len(calls)
    for _ in range(repeats):
        for k, call in enumerate(calls):
            begun = time.perf_counter()
            call()
            best[k] = min(best[k], time.perf_counter() - begun)
    return best


def peak() -> float:
    """Peak resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def bytes_of(frames: np.ndarray) -> np.ndarray:
    return np.floor(255 * frames.astype(float)).astype(np.uint8)


def mean_magnitude(p: np.ndarray, t: np.ndarray) -> float:
    return float(np.abs(p - t).mean(dtype=np.float64))


GAUSSIAN = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
REFERENCES: dict[str, tuple[str, Callable[..., float]]] = {
    "mse": ("scikit-image", mean_squared_error),
    "mae": ("numpy", mean_magnitude),  # scikit-image has none
    "psnr": ("scikit-image", partial(peak_signal_noise_ratio, data_range=1.0)),
    "ssim_gauss11": ("scikit-image", partial(skimage_ssim, **GAUSSIAN, data_range=1.0)),
    "ssim_uniform7": ("scikit-image", partial(skimage_ssim, data_range=1.0)),
    "ssim_uniform7_range2": ("scikit-image", partial(skimage_ssim, data_range=2.0)),
    "ssim_uniform7_uint8": ("scikit-image, bytes", partial(skimage_ssim, data_range=255.0)),
}
"""What computes the same of one frame; called frame by frame, on the type it is fastest with, float32 or bytes."""


def beside_references() -> None:
    """A row for each metric: a frame of 64x64 in one thread and in the scorer's two, a frame of the reference, and the
    largest difference from it on float64 frames."""
    prediction, target = np.random.default_rng(0).random((2, 64, 20, *FRAME), dtype=np.float32)
    clip = prediction[:1], target[:1]
    print("microseconds a frame of 64x64, in turns, the best of many calls\n")
    print(f"{'':22} {'one thread':>10} {'two':>7} {'reference':>10} {'times':>6} {'two':>6}  difference")
    for name, (label, reference) in REFERENCES.items():
        metric = registry.metric(name)
        values = metric.frame_values(*clip).ravel()
        frames = [each.reshape(-1, *FRAME[1:]) for each in clip]
        exact = [each.astype(float) for each in frames]
        if "bytes" in label:
            frames = [bytes_of(each) for each in frames]
            exact = [each.astype(float) for each in frames]
        pairs = list(zip(*frames, strict=True))
        error = np.abs(values - [reference(*pair) for pair in zip(*exact, strict=True)]).max()
        with Scorer([metric], len(prediction), prediction.shape[1], threads=2) as scorer:
            calls = (
                lambda metric=metric: metric.frame_values(*clip),  # type: ignore[misc]
                lambda scorer=scorer: scorer.score(0, prediction, target),  # type: ignore[misc]
                lambda reference=reference, pairs=pairs: [reference(*pair) for pair in pairs[:4]],  # type: ignore[misc]
            )
            one, two, theirs = seconds(calls, 300)
        one, two, theirs = 1e6 * one / 20, 1e6 * two / (64 * 20), 1e6 * theirs / 4
        print(
            f"{name:22} {one:10.2f} {two:7.2f} {theirs:10.2f} {theirs / one:6.1f} {theirs / two:6.1f}  {error:.0e} "
            f"({label})"
        )
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=60, help="test sequences, 106 windows each")
    sequences = parser.parse_args().sequences
    print(f"{os.cpu_count()} cores\n")

    beside_references()

    with tempfile.TemporaryDirectory() as folder:
        track = Track("noise", "forecast", conditioning=5, horizon=40, train_horizon=20, metrics=METRICS)
        opened = store(Path(folder) / "noise.zarr", sequences)
        forecast(Persistence(), opened, track, limit=1)  # compiles
        before = peak()
        begun, begun_processor = time.perf_counter(), time.process_time()
        scores = forecast(Persistence(), opened, track)
        whole, processor = time.perf_counter() - begun, time.process_time() - begun_processor
    n = len(scores.sequence)
    print(f"{f'{n} windows x 40 frames, {len(METRICS)} metrics':48} {whole:10.1f} s")
    print(f"{'  the same, processor time':48} {processor:10.1f} s")
    print(f"{'  of which prediction (persistence)':48} {scores.inference_seconds:10.1f} s")
    print(f"{'peak memory of the process':48} {peak():10.0f} MB  ({before:.0f} MB before scoring)")


if __name__ == "__main__":
    main()
