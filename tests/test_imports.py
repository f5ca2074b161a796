"""What is loaded when: the command answers without numpy, the core works without torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from stbench import registry

HEAVY = {
    "dask",
    "distributed",
    "h5py",
    "matplotlib",
    "netCDF4",
    "numba",
    "pandas",
    "PIL",
    "scipy",
    "skimage",
    "sklearn",
}
HEAVY |= {"safetensors", "torch", "xarray", "zarr"}

WITHOUT_TORCH = """
import sys

class Forbid:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "safetensors"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Forbid())
"""

ROOT = Path(__file__).resolve().parents[1]
NEEDS_TORCH = ("stbench.judges", "stbench.models", "stbench.training", "stbench.splits.torch_windows")
NEEDS_TORCH += ("stbench.conformance.learning", "stbench.conformance.training")
NUMPY = ("stbench.baselines.floors", "stbench.baselines.wave_solver")


def python(code: str, data: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | ({"STBENCH_DATA": str(data)} if data else {})
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=300)


def loaded(code: str) -> set[str]:
    """Top-level packages in memory after `code`."""
    report = python(
        f"{code}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    )
    assert report.returncode == 0, report.stderr
    return set(json.loads(report.stdout.splitlines()[-1]))


def test_importing_stbench_loads_nothing_heavy() -> None:
    assert not loaded("import stbench, stbench.errors, stbench.paths, stbench.registry") & (HEAVY | {"numpy"})


def test_importing_what_a_plugin_needs_loads_nothing_heavy() -> None:
    assert not loaded("import stbench.contract.datasets, stbench.contract.models") & HEAVY


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["generate", "--help"], ["run", "--help"], []])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    packages = loaded(
        f"from stbench.cli.main import cli\ncli.main({arguments}, prog_name='stbench', standalone_mode=False)"
    )
    assert not packages & (HEAVY | {"numpy", "rich"})


def test_listing_datasets_needs_no_simulator_and_no_store() -> None:
    packages = loaded("from stbench.cli.main import cli\ncli.main(['datasets'], standalone_mode=False)")
    assert not packages & {"torch", "numba", "dask", "distributed", "zarr", "matplotlib"}


def test_every_module_outside_models_and_training_imports_without_torch() -> None:
    report = python(
        WITHOUT_TORCH
        + f"""
import importlib, pkgutil, stbench, stbench.generators, stbench.baselines
for package in (stbench, stbench.generators, stbench.baselines):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".", onerror=lambda name: None):
        learned = module.name.startswith("stbench.baselines.") and not module.name.startswith({NUMPY})
        if not learned and not module.name.startswith({NEEDS_TORCH}):
            importlib.import_module(module.name)
            print(module.name)
"""
    )
    assert report.returncode == 0, report.stderr
    imported = report.stdout.split()
    for name in (
        "stbench.running.run",
        "stbench.store.writer",
        "stbench.protocols.predictions",
        "stbench.generators.waveeq.dataset",
        "stbench.baselines.wave_solver.model",
    ):
        assert name in imported


def test_without_torch_data_are_made_verified_scored_and_what_needs_torch_says_so(tmp_path: Path) -> None:
    small = ["--set", "sequences=6", "--set", "size=16", "--set", "points=120"]
    learned = [name for name in registry.names("models") if not registry.model(name).fitted]
    made, out = str(tmp_path / "made.zarr"), ("--out", str(tmp_path / "runs"))
    report = python(
        WITHOUT_TORCH
        + f"""
from click.testing import CliRunner
from stbench.cli.main import cli
from stbench.running.suite import Job, floors

def stbench(*arguments):
    # Wide enough that no cell of a table is folded.
    result = CliRunner(env={{"COLUMNS": "250"}}).invoke(cli, arguments)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    print(arguments[0], result.exit_code, result.stderr)
    return result

small = {small}
for command in ("generate", "verify", "info", "cite"):
    assert stbench(command, "waveeq", *small).exit_code == 0
models = stbench("models").stdout
assert "persistence" in models and "pip install '.[torch]'" in models
beside = {{job.model for job in floors(Job("persistence", "waveeq", "quick"))}}
assert {{"persistence", "climatology", "linear", "dmd"}} <= beside, beside
for name in {learned}:
    refused = stbench("check-model", name)
    assert refused.exit_code == 2 and "pip install '.[torch]'" in refused.stderr
assert stbench("check-model", "persistence").exit_code == 0
words = (*small, "--predictions", {made!r}, *{out})
assert stbench("run", "--model", "mean", "--dataset", "waveeq", *words, "--no-table").exit_code == 0
about = ("--name", "mine", "--parameters", "1", "--preset", "quick")
assert stbench("score", "--track", "waveeq/forecast-40", *about, *words).exit_code == 0
refused = stbench("run", "--model", "sepvar", "--dataset", "waveeq", *small)
assert refused.exit_code == 2 and "pip install '.[torch]'" in refused.stderr
""",
        tmp_path / "data",
    )
    assert report.returncode == 0, report.stdout + report.stderr


def test_the_import_contracts_know_every_room_of_the_core() -> None:
    tables = {
        table["name"]: table
        for table in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    }
    rooms = {
        f"stbench.{path.stem}"
        for path in (ROOT / "stbench").iterdir()
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").exists()
    }
    assert set(tables["the core knows no dataset and no baseline"]["source_modules"]) == rooms
    split_up = {f"stbench.{room}" for room in ("conformance", "running", "splits")}
    trained = {f"stbench.{room}" for room in ("devices", "judges", "models", "training")}
    without_torch = set(tables["torch only where models are trained and fed"]["source_modules"])
    assert without_torch >= rooms - trained - split_up
    listed = {name.rpartition(".")[0] for name in without_torch}
    assert split_up <= listed
    layers = tables["data flows in one direction"]["layers"]
    assert {each for layer in layers for each in layer.split(" | ")} == rooms
    assert tables["no dataset imports another"]["modules"] == ["stbench.generators.*"]
    assert tables["no circle between rooms"]["ancestors"] == ["stbench"]
