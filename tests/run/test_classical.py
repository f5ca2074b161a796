"""A numpy model that is no floor: fitted in every run, ranked as a model, asked only where it applies."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stbench import registry
from stbench.boards.absent import absent
from stbench.boards.leaderboard import build
from stbench.boards.publishing import read_published
from stbench.boards.ranking import boards
from stbench.contract.models import ModelPlugin, Task
from stbench.errors import StbenchError
from stbench.results.aggregate import read_results
from stbench.running.plan import choose
from stbench.running.run import RunResult, run
from stbench.running.suite import Job, everything, floors
from stbench.splits.training import TrainingWindows

TINY = {"sequences": "5"}


class Damped:
    """v̂_{t+k} = a^k v_t, with a from least squares over the train frames, shrunk by `ridge`."""

    def __init__(self, ridge: float = 0.0) -> None:
        self.ridge = ridge

    def fit(self, train: TrainingWindows) -> None:
        before = np.concatenate([each[:-1].ravel() for each in train.stretches()]).astype(np.float64)
        after = np.concatenate([each[1:].ravel() for each in train.stretches()]).astype(np.float64)
        self.factor = np.array(before @ after / (before @ before + self.ridge))

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        powers = self.factor ** np.arange(1, horizon + 1)
        shape = (1, horizon) + (1,) * (conditioning.ndim - 2)
        return (conditioning[:, -1:] * powers.reshape(shape)).astype(np.float32)


def build_damped(settings: Mapping[str, Any], task: Task) -> Damped:
    return Damped(**settings)


def no_presets(dataset: str) -> dict[str, Any]:
    return {}


def own_presets(dataset: str) -> dict[str, Any]:
    if dataset != "waveeq-100":
        return {}
    return {
        "quick": {"model": {"ridge": 1.0}},
        "paper": {"model": {"ridge": 2.0}},
        "variants": {"heavy": {"model": {"ridge": 1e9}, "headline": True}},
    }


def damped(**changes: Any) -> ModelPlugin:
    fields = {"kind": "classical", "datasets": ("waveeq", "waveeq-100"), **changes}
    return ModelPlugin("damped", "1", "decay", "an example", "", build=build_damped, **fields)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Registers a plug-in as the entry point of a package would."""
    group = registry._group
    entries = {**group("models"), "damped": EntryPoint("damped", f"{__name__}:plugin", "stbench.models")}
    monkeypatch.setattr(registry, "_group", lambda kind: entries if kind == "models" else group(kind))

    def install(plugin: ModelPlugin) -> None:
        monkeypatch.setattr(sys.modules[__name__], "plugin", plugin, raising=False)

    return install


def tiny(tmp_path: Path, model: str = "damped", **options: Any) -> RunResult:
    return run(model, "waveeq-100", settings=TINY, runs=tmp_path / "runs", keep=3, **options)


def test_it_runs_in_every_preset_is_recorded_as_a_model_and_never_trains(
    tmp_path: Path, installed: Any, data: Path
) -> None:
    installed(damped())
    result = tiny(tmp_path)
    assert result.weights is None
    assert not result.record.floor
    assert result.record.parameters == 1
    assert result.record.training["steps"] == 0
    assert read_results(result.folder)
    assert tiny(tmp_path).reused
    assert choose("damped", "waveeq", preset="paper").configuration["training"]["split"] == "train+val"
    with pytest.raises(StbenchError, match="the classical model 'damped' has no variants on 'waveeq', so there is no"):
        choose("damped:x", "waveeq")


def test_a_board_ranks_it_as_a_model_beside_the_floors(tmp_path: Path, installed: Any, data: Path) -> None:
    installed(damped())
    tiny(tmp_path)
    tiny(tmp_path, "mean")
    build(tmp_path / "runs", tmp_path / "boards")
    (board,) = boards(read_published(tmp_path / "boards"))
    (block,) = board.blocks
    assert {line.model: line.record.floor for line in block.lines} == {"damped": False, "mean": True}


@pytest.mark.slow
def test_with_presets_it_runs_in_them_and_needs_no_table_of_training(
    tmp_path: Path, installed: Any, data: Path
) -> None:
    installed(damped(presets=own_presets))
    plain, heavy = tiny(tmp_path), tiny(tmp_path, "damped:heavy")
    assert plain.record.configuration == {"model": {"ridge": 1.0}, "training": {"split": "train"}}
    assert heavy.record.configuration["model"] == {"ridge": 1e9}
    assert choose("damped", "waveeq-100", preset="paper").configuration["training"]["split"] == "train+val"
    with pytest.raises(StbenchError, match="no preset 'cpu'"):
        choose("damped", "waveeq-100", preset="cpu")
    jobs = {job.model for job in everything("quick") if (job.dataset, job.track) == ("waveeq-100", None)}
    assert {"damped", "damped:heavy", "mean"} <= jobs
    assert "damped" not in {job.model for job in everything("cpu") if job.dataset == "waveeq-100"}


def test_elsewhere_it_is_not_applicable_and_the_reason_names_its_datasets(
    tmp_path: Path, installed: Any, data: Path
) -> None:
    installed(damped())
    with pytest.raises(StbenchError, match=r"the track waveeq-rich/.*: it applies to waveeq, waveeq-100"):
        choose("damped", "waveeq-rich")
    places = {job.dataset for job in everything("quick") if job.model == "damped"}
    assert places == {"waveeq", "waveeq-100"}
    assert "damped" not in {job.model for job in floors(Job("", "waveeq", "quick"))}
    tiny(tmp_path, "mean")
    build(tmp_path / "runs", tmp_path / "boards")
    (board,) = boards(read_published(tmp_path / "boards"))
    assert "damped" not in {each.model for each in absent(board)}, "what is installed here is on nobody's boards"


@pytest.mark.parametrize("more", [{}, {"presets": lambda dataset: {"quick": {"model": {}}}}])
def test_a_numpy_model_that_says_no_kind_is_told_which_one_it_is(
    tmp_path: Path, installed: Any, data: Path, more: dict[str, Any]
) -> None:
    training = {"split": "train", "steps": 1}
    installed(damped(kind="learned", **{"presets": lambda dataset: {"quick": {"training": training}}, **more}))
    with pytest.raises(StbenchError, match="says kind='classical' in its plug-in"):
        tiny(tmp_path)


def test_the_kind_is_one_of_three_and_floor_is_another_way_of_writing_it() -> None:
    fields = ("damped", "1", "", "", "", build_damped)
    kinds = {
        ModelPlugin(*fields, floor=True): "floor",
        ModelPlugin(*fields, kind="floor"): "floor",
        ModelPlugin(*fields, kind="classical"): "classical",
        ModelPlugin(*fields): "learned",
    }
    for plugin, kind in kinds.items():
        again = dataclasses.replace(plugin, presets=no_presets)
        assert (plugin.kind, plugin.floor) == (again.kind, again.floor) == (kind, kind == "floor")
        with pytest.raises(dataclasses.FrozenInstanceError):
            plugin.floor = True  # type: ignore[misc]
    with pytest.raises(StbenchError, match="the kind 'clasical': did you mean 'classical'"):
        ModelPlugin(*fields, kind="clasical")
    with pytest.raises(StbenchError, match="says floor=True and kind='classical': leave out one"):
        ModelPlugin(*fields, floor=True, kind="classical")
    assert ModelPlugin(*fields, datasets="waveeq").datasets == ("waveeq",)  # type: ignore[arg-type]


def test_its_weights_cannot_be_loaded_because_it_has_none(installed: Any, data: Path) -> None:
    from stbench.progress import Silent
    from stbench.running.fit import load_trained
    from stbench.running.plan import dataset_for, plan

    installed(damped())
    store = dataset_for("waveeq-100", "quick", settings=TINY, progress=Silent())
    with pytest.raises(StbenchError, match="the classical model 'damped' has no weights to load"):
        load_trained(plan(choose("damped", "waveeq-100"), store, 0), Path("runs"))
