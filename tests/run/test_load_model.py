"""`stbench.load_model`: what a run has trained, for arrays of one's own."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import zarr

import stbench
from stbench import registry
from stbench.contract.datasets import setting_words
from stbench.errors import StbenchError
from stbench.running.picture import picture
from stbench.running.run import run
from stbench.training.adapter import TorchForecaster

PAGE = Path(__file__).resolve().parents[2] / "docs" / "index.md"
SMALL = {"sequences": "10", "size": "16", "points": "120"}


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    """sepvar with two steps of training, on small waves."""
    find = registry.model

    def model(name: str) -> Any:
        plugin = find(name)
        if name != "sepvar":
            return plugin

        def presets(dataset: str) -> dict[str, Any]:
            tables = json.loads(json.dumps(plugin.presets(dataset)))
            if tables:
                tables["quick"]["training"]["steps"] = 2
            return tables

        return dataclasses.replace(plugin, presets=presets)

    monkeypatch.setattr(registry, "model", model)
    small = dataclasses.replace(registry.dataset("waveeq"), presets={"quick": SMALL})
    dataset = registry.dataset
    monkeypatch.setattr(registry, "dataset", lambda name: small if name == "waveeq" else dataset(name))


def test_the_example_of_the_page_runs(quickly: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text("utf-8")
    (code,) = (each for each in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "load_model" in each)
    assert "stbench run --model sepvar:ode-rk4 --dataset waveeq --preset quick" in text
    run("sepvar:ode-rk4", "waveeq", keep=0)
    small = ", ".join(f"{name}={each}" for name, each in SMALL.items())
    found: dict[str, Any] = {}
    exec(code.replace("sequences=30", small), found)
    model, seen = found["model"], found["seen"]
    assert seen.shape == (1, 5, 1, 16, 16)
    at = model.forecast_at(seen, [0.5, 1, 1.5, 20.25])
    assert (at.shape, at.dtype) == ((1, 4, 1, 16, 16), np.float32)
    np.testing.assert_allclose(at[:, 1], model.forecast(seen, 3)[:, 0], rtol=0, atol=1e-5)
    several = model.forecast(np.repeat(seen, 3, axis=0), 2)
    np.testing.assert_allclose(several[2], model.forecast(seen, 2)[0], rtol=0, atol=1e-5)


def test_loaded_weights_are_those_that_were_scored(quickly: None, tmp_path: Path) -> None:
    done = run("sepvar", "waveeq", runs=tmp_path, keep=3)
    kept = zarr.open_group(done.folder / "predictions.zarr", mode="r")
    model = stbench.load_model("sepvar", "waveeq", runs=tmp_path)
    again = model.forecast(np.asarray(kept["conditioning"]), 40)
    np.testing.assert_allclose(again, np.asarray(kept["prediction"]), rtol=0, atol=1e-5)


def test_whole_frames_are_all_that_residual_steps_know(quickly: None, tmp_path: Path) -> None:
    run("sepvar", "waveeq", runs=tmp_path, keep=0)
    model = stbench.load_model("sepvar", "waveeq", runs=tmp_path)
    with pytest.raises(StbenchError, match="choose an integrator of the ODE"):
        model.forecast_at(np.zeros((1, 5, 1, 16, 16), np.float32), [0.5])


class Clock(torch.nn.Module):
    """Shows the last frame plus the lead time."""

    def forecast_at(self, conditioning: torch.Tensor, lead_times: list[float]) -> torch.Tensor:
        assert len(conditioning) <= 2
        return conditioning[:, -1:] + torch.tensor(lead_times)[:, None]


def test_lead_times_are_asked_for_batch_by_batch_in_the_order_of_the_windows() -> None:
    seen = np.random.default_rng(0).random((5, 3, 4))
    found = TorchForecaster(Clock(), batch_size=2).forecast_at(seen, [0.5, 7])
    np.testing.assert_allclose(found, seen[:, -1:] + np.array([0.5, 7])[:, None], rtol=1e-6)
    assert (found.shape, found.dtype) == ((5, 2, 4), np.float32)


def test_model_that_knows_no_single_lead_times_says_what_to_ask_it_for() -> None:
    with pytest.raises(StbenchError, match=r"Identity has no forecast_at.*use forecast\(conditioning, horizon\)"):
        TorchForecaster(torch.nn.Identity()).forecast_at(np.zeros((1, 5, 4)), [0.5])


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("sepvar:gru", "no weights of sepvar:gru on waveeq, preset quick.*`stbench run --model sepvar:gru"),
        ("persistence", "floor 'persistence' has no weights to load"),
        ("sepva", "did you mean 'sepvar'"),
    ],
)
def test_what_cannot_be_loaded_is_told_in_a_sentence(quickly: None, tmp_path: Path, model: str, sentence: str) -> None:
    run("mean", "waveeq", runs=tmp_path, keep=0)  # so that the data are there
    with pytest.raises(StbenchError, match=sentence):
        stbench.load_model(model, "waveeq", runs=tmp_path)


def test_the_command_that_trains_missing_weights_names_the_data(quickly: None, tmp_path: Path) -> None:
    given = {"sequences": "12"}
    run("mean", "waveeq", runs=tmp_path, settings=given, keep=0)
    with pytest.raises(StbenchError, match=r"--set sequences=12` trains them"):
        stbench.load_model("sepvar", "waveeq", runs=tmp_path, sequences=12)
    with pytest.raises(StbenchError, match=r"--set sequences=12` trains them"):
        picture("sepvar", "waveeq", tmp_path / "out", settings=given, runs=tmp_path)


def test_several_values_of_a_setting_are_written_as_the_command_line_reads_them() -> None:
    words = setting_words({"persons": (1, 2), "actions": ["walking"], "size": 64})
    assert words == ["--set", "persons=1,2", "--set", "actions=walking", "--set", "size=64"]


def test_nothing_is_generated_to_load_a_model(quickly: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path / "data"))
    with pytest.raises(StbenchError, match=r"'waveeq' has not been generated yet .*run `stbench generate waveeq"):
        stbench.load_model("sepvar", "waveeq", runs=tmp_path)
    assert not (tmp_path / "data").exists()
