"""benchmarks/gpu.py in tiny sizes on a processor: what it writes where a card is at hand."""

from __future__ import annotations

import csv
import dataclasses
import importlib.util
from pathlib import Path
from typing import Any

import pytest

from stbench import registry
from stbench.results.record import read_record

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "gpu.py"
SIZES = ["--device", "cpu", "--preset", "quick", "--steps", "2", "--batch", "2", "--minutes", "10"]
TRAINING = ["--train", "sepvar", "waveeq-100", "--set", "sequences=5"]


@pytest.fixture
def script() -> Any:
    spec = importlib.util.spec_from_file_location("gpu", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def few_steps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """sepvar trains three steps; convlstm cannot be built."""
    find = registry.model

    def presets(dataset: str) -> dict[str, Any]:
        tables = dict(find("sepvar").presets(dataset))
        if "quick" in tables:
            training = {**tables["quick"]["training"], "steps": 3, "log_every": 3, "snapshots": []}
            tables["quick"] = {**tables["quick"], "training": training}
        return tables

    def broken(settings: Any, task: Any) -> Any:
        raise RuntimeError("no room for a ConvLSTM\nin more lines")

    def model(name: str) -> Any:
        changes: dict[str, Any] = {"sepvar": {"presets": presets}, "convlstm": {"build": broken}}
        return dataclasses.replace(find(name), **changes.get(name, {}))

    monkeypatch.setattr(registry, "model", model)
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path / "stores"))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_losses_steps_and_a_training_are_written_and_a_failing_model_is_a_row(
    script: Any, few_steps: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        *SIZES,
        "--models",
        "convlstm",
        "sepvar",
        "--datasets",
        "waveeq-100",
        "waveeq",
        "--out",
        str(tmp_path / "o"),
    ]
    script.main([*words, *TRAINING])
    broken, compared = rows(tmp_path / "o" / "losses.csv")
    assert (broken["model"], broken["status"]) == ("convlstm", "RuntimeError: no room for a ConvLSTM")
    # The processor beside itself: the same bits.
    assert (compared["status"], float(compared["later"]), compared["repeats"]) == ("ok", 0.0, "yes")
    assert len(compared["device_losses"].split()) == 2
    assert compared["device_losses"] == compared["cpu_losses"]
    timed = rows(tmp_path / "o" / "steps.csv")
    assert [(row["model"], row["dataset"]) for row in timed] == [
        ("convlstm", "waveeq"),
        ("sepvar", "waveeq-100"),
        ("sepvar", "waveeq"),
    ]
    assert all(float(row["seconds"]) > 0 and int(row["peak_memory_mb"]) > 0 for row in timed[1:])
    (record,) = (tmp_path / "o" / "runs").rglob("record.json")
    assert read_record(record.parent).steps == 3
    assert list((tmp_path / "o" / "runs").rglob("weights.safetensors"))

    capsys.readouterr()
    script.main([*words, *TRAINING])
    again = capsys.readouterr().out
    assert "convlstm  waveeq  cpu" in again  # what failed is tried again
    assert "sepvar  waveeq-100  cpu" not in again  # what was measured is not
    assert len(rows(tmp_path / "o" / "losses.csv")) == 2


def test_a_difference_beyond_the_tolerance_is_said(script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "repeats", lambda *_: "yes")

    def compared(*losses: float) -> str:
        class Subject:
            def losses(self, device: str, steps: int, deterministic: bool) -> list[float]:
                return list(losses) if device == "card" else [2.0, 1.0]

        found: str = script.compare(Subject, "card", 2)["status"]
        return found

    monkeypatch.setattr(script.torch, "device", lambda name: name)
    assert compared(2.0 * (1 + 0.9 * script.FIRST), 1.0 + 0.9 * script.LATER) == "ok"
    assert compared(2.0 * (1 + 1.1 * script.FIRST), 1.0) == "differs"
    assert compared(2.0, 1.0 + 1.1 * script.LATER) == "differs"
    assert compared(2.0, float("nan")) == "differs"


def test_what_no_time_is_left_for_is_said(script: Any, few_steps: None, tmp_path: Path) -> None:
    words = [*SIZES[:-1], "0", "--models", "sepvar", "--datasets", "waveeq-100", "--out", str(tmp_path)]
    script.main(words)
    for name in ("losses", "steps"):
        (row,) = rows(tmp_path / f"{name}.csv")
        assert row["status"] == "not reached in time"
    assert not (tmp_path / "runs").exists()


def test_each_model_is_measured_once_before_any_of_them_twice(script: Any) -> None:
    found = list(script.cases(["sepvar", "predrnn", "hamiltonian"], registry.names("datasets"), "paper"))
    assert len(found) == len(set(found))
    assert {model for model, _ in found[:3]} == {"sepvar", "predrnn", "hamiltonian"}
    assert ("hamiltonian", "sprites") in found
