from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from toy_dataset import toy

import stbench
from stbench.store.reader import Store
from stbench.store.writer import generate

torch = pytest.importorskip("torch")

LOADER = """
import sys
import numpy as np, torch
from torch.utils.data import DataLoader
import stbench

if __name__ == "__main__":
    torch.set_num_threads(1)
    windows = stbench.windows(sys.argv[1], "train", 2, 3)
    windows[0]  # the parent has decoded chunks, with all the threads that takes, before it forks
    for method, epochs in (("fork", 2), ("spawn", 1)):
        loader = DataLoader(windows, batch_size=16, num_workers=2, multiprocessing_context=method)
        for _ in range(epochs):
            batches = list(loader)
        frames = torch.cat([batch["target"] for batch in batches])
        starts = torch.cat([batch["start"] for batch in batches]).tolist()
        sequences = torch.cat([batch["sequence"] for batch in batches]).tolist()
        assert list(zip(sequences, starts)) == list(windows.index), method
        assert all(torch.equal(frames[i], windows[i]["target"]) for i in range(len(windows))), method
        print(method, tuple(frames.shape))
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return generate(toy(normaliser="standardise"), tmp_path_factory.mktemp("stores") / "toy.zarr", workers=1)


def test_items_are_normalised_windows_time_first(store: Store) -> None:
    windows = stbench.windows(store.path, "test", 2, 3, stride=2)
    assert len(windows) == 3 * 4
    item = windows[-1]
    assert (item["sequence"], item["start"]) == (12, 6)
    assert (item["conditioning"].dtype, item["target"].dtype) == (torch.float32, torch.float32)
    expected = store.normalise(store.read(12, slice(6, 11)))
    assert np.array_equal(np.concatenate([item["conditioning"], item["target"]]), expected)


def test_iterating_the_dataset_ends(store: Store) -> None:
    windows = stbench.windows(store.path, "val", 2, 3)
    assert len(list(windows)) == len(windows) == 8


def test_a_pickled_dataset_gives_the_same_items(store: Store) -> None:
    windows = stbench.windows(store.path, "train", 2, 3)
    windows[0]
    content = pickle.dumps(windows)
    assert len(content) < 20_000  # paths and shapes, no frames
    assert torch.equal(pickle.loads(content)[5]["target"], windows[5]["target"])


@pytest.mark.slow
def test_workers_forked_or_spawned_read_every_window_and_none_hangs(store: Store, tmp_path: Path) -> None:
    script = tmp_path / "loader.py"
    script.write_text(LOADER)
    done = subprocess.run(
        [sys.executable, str(script), str(store.path)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["fork (72, 3, 1, 8, 8)", "spawn (72, 3, 1, 8, 8)"]
