"""How fast and how lean scoring is: `python benchmarks/metrics.py`.

Prints a table: every SSIM against scikit-image called frame by frame, and a whole scoring of 6,360 windows of 40
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
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from skimage.metrics import structural_similarity as skimage_ssim

from stbench import registry
from stbench.generator import Blueprint, Card, Split, Track, Variable
from stbench.metrics.ssim import structural_similarity
from stbench.protocols.forecast import forecast
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


def seconds(call: Callable[[], object], repeats: int) -> float:
    """Best of many short calls: the least disturbed by whatever else the machine does."""
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return min(times)


def peak() -> float:
    """Peak resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def uniform(prediction: np.ndarray, target: np.ndarray) -> None:
    """The metrics with a uniform window beside scikit-image, frame by frame, on frames of the type it is fastest with;
    differences from it on float64 frames."""
    for name, span in (("ssim_uniform7", 1.0), ("ssim_uniform7_range2", 2.0), ("ssim_uniform7_uint8", 255.0)):
        values_of = registry.metric(name).frame_values
        values = values_of(prediction, target).ravel()
        frames = [each.reshape(-1, *FRAME[1:]) for each in (prediction, target)]
        if span == 255:
            frames = [np.floor(255 * each.astype(float)).astype(np.uint8) for each in frames]
        ours = seconds(lambda values_of=values_of: values_of(prediction, target), 1000) / len(values)  # type: ignore[misc]
        pairs = list(zip(*frames, strict=True))
        plain = partial(skimage_ssim, data_range=span)
        theirs = seconds(lambda plain=plain, pairs=pairs: [plain(p, t) for p, t in pairs[:4]], 100) / 4  # type: ignore[misc]
        error = np.abs(values - [plain(p.astype(float), t.astype(float)) for p, t in pairs]).max()
        print(f"{name + ', one 64x64 frame, one thread':48} {1e6 * ours:10.1f} us")
        label = f"scikit-image, {pairs[0][0].dtype} frame by frame"
        print(f"{label:48} {1e6 * theirs:10.1f} us   {theirs / ours:.1f} times slower")
        print(f"{'largest difference on float64 frames':48} {error:10.1e}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=60, help="test sequences, 106 windows each")
    sequences = parser.parse_args().sequences
    print(f"{os.cpu_count()} cores\n")

    prediction, target = np.random.default_rng(0).random((2, 20, 1, *FRAME), dtype=np.float32)
    plain = partial(skimage_ssim, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0)
    values = structural_similarity(prediction, target)[:, 0]  # compiles
    ours = seconds(lambda: structural_similarity(prediction, target), 1000) / 20
    pairs = list(zip(prediction[:, 0, 0], target[:, 0, 0], strict=True))
    theirs = seconds(lambda: [plain(p, t) for p, t in pairs[:4]], 100) / 4
    error = np.abs(values - [plain(p.astype(float), t.astype(float)) for p, t in pairs]).max()
    print(f"{'ssim_gauss11, one 64x64 frame, one thread':48} {1e6 * ours:10.1f} us")
    print(f"{'scikit-image, frame by frame':48} {1e6 * theirs:10.1f} us   {theirs / ours:.1f} times slower")
    print(f"{'largest difference on float64 frames':48} {error:10.1e}\n")
    uniform(prediction, target)

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
