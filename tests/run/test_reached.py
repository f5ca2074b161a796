"""The closure of imports holds whatever a run really loads: every registered model, swaps, clips, a judge."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stbench import registry
from stbench.protocols.known import KNOWN, not_applicable
from stbench.running.plan import find_track
from stbench.store.build import build, resolve

TINY = {
    "moving-mnist": {"sequences": 3, "train_sequences": 4, "val_sequences": 2},
    "sprites": {"characters": 12},
    "waveeq": {"sequences": 5, "size": 16},
    "sst": {"grid": (193, 257), "years": 2, "n_zones": 4},
}
FURTHER = [
    ("phydnet", "moving-mnist", "swap-10"),
    ("mean", "moving-mnist", "swap-10"),
    ("mean", "sprites", "generation-16"),
    ("mean", "sprites", "exchange-8"),
    ("hamiltonian", "sprites", "resample-8"),
    ("hamiltonian", "sprites", "probe-8"),
]
"""Beside the main track of every model."""


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STBENCH_DATA", str(tmp_path_factory.mktemp("data")))
        patch.delenv("STBENCH_RAW", raising=False)
        sources = {name: "procedural" if name == "waveeq" else "simulated" for name in TINY}
        yield {name: build(resolve(name, settings, sources[name])).path for name, settings in TINY.items()}


def main_track_of(model: str) -> tuple[str, str, str]:
    """The first track of a tiny dataset that the model can be asked for."""
    plugin = registry.model(model)
    for dataset in TINY:
        if plugin.floor or plugin.presets(dataset).get("quick"):
            for track in registry.dataset(dataset).tracks:
                if not not_applicable(plugin, track):
                    return model, dataset, track.id
    raise AssertionError(f"{model} knows none of {', '.join(TINY)}: add a tiny dataset it knows")


@pytest.mark.slow
def test_whatever_a_run_loads_is_in_its_digest_or_left_out_by_name(stores: dict[str, Path], tmp_path: Path) -> None:
    cases = [*map(main_track_of, registry.names("models")), *FURTHER]
    assert {find_track(dataset, track).protocol for _, dataset, track in cases} == {*KNOWN}
    jobs = json.dumps([(*case, str(stores[case[1]])) for case in cases])
    script = Path(__file__).with_name("reach.py")
    done = subprocess.run(
        [sys.executable, str(script), jobs, str(tmp_path)], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = dict(zip(cases, json.loads(done.stdout.splitlines()[-1]), strict=True))
    assert found == {case: {"training": [], "scoring": []} for case in cases}
