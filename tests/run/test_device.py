"""Where a run is trained and asked: said in one line, in the record, in the names of its folders."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from stbench.cli.main import cli
from stbench.cli.run import run as command
from stbench.errors import StbenchError
from stbench.progress import Silent
from stbench.provenance.environment import environment, processor_name
from stbench.running.fit import load_trained
from stbench.running.plan import choose, plan
from stbench.running.run import RunResult, run
from stbench.store.apart import BEFORE
from stbench.store.named import open_named

without_card = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA card here")
ONE_STEP = {"training.steps": "1", "training.log_every": "1", "training.snapshots": "[]"}


class Told(Silent):
    def __init__(self) -> None:
        self.sentences: list[str] = []

    def note(self, sentence: str) -> None:
        self.sentences.append(sentence)


@pytest.fixture(autouse=True)
def stores(data: Path) -> None:
    pass


def tiny(runs: Path, model: str = "sepvar", **options: Any) -> RunResult:
    changes = ONE_STEP if model == "sepvar" else None
    return run(model, "waveeq-100", settings={"sequences": "5"}, runs=runs, keep=0, changes=changes, **options)


@without_card
def test_auto_without_a_card_says_and_records_the_processor(tmp_path: Path) -> None:
    told = Told()
    result = tiny(tmp_path, device="auto", progress=told)
    assert f"sepvar runs on cpu ({processor_name()})" in told.sentences
    assert (result.record.device, result.record.processor) == ("cpu", processor_name())
    assert "--device" not in result.record.command


@pytest.mark.parametrize("has", [True, False])
def test_a_processor_without_bfloat16_says_and_records_what_it_does_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has: bool
) -> None:
    monkeypatch.setattr("stbench.devices.has_bfloat16", lambda device: has)
    told = Told()
    changes = {**ONE_STEP, "training.precision": "bfloat16"}
    options: Any = {"settings": {"sequences": "5"}, "runs": tmp_path, "keep": 0, "changes": changes}
    result = run("sepvar", "waveeq-100", progress=told, **options)
    assert any("no bfloat16" in each for each in told.sentences) is not has
    assert result.record.training.get("bfloat16") == (None if has else "rounded")


def test_the_default_says_nothing_and_is_the_processor(tmp_path: Path) -> None:
    (option,) = (each for each in command.params if each.name == "device")
    assert option.default == "cpu"
    told = Told()
    result = tiny(tmp_path, progress=told)
    assert result.record.device == "cpu"
    assert "--device" not in result.record.command
    assert not [each for each in told.sentences if "runs on" in each]
    named = tiny(tmp_path, device="cpu:0", force=True)
    assert named.record.command == f"{result.record.command} --device cpu:0"
    assert named.record.device == "cpu:0"
    assert named.folder == result.folder


@pytest.mark.parametrize("device", ["cuda", "auto"])
def test_a_numpy_model_stays_on_the_processor(tmp_path: Path, device: str) -> None:
    told = Told()
    result = tiny(tmp_path, "mean", device=device, progress=told)
    assert "mean is a numpy model: it stays on the processor" in told.sentences
    assert result.record.device == "cpu"
    assert "--device" not in result.record.command


@without_card
def test_a_card_that_is_not_there_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    words = ["run", "--model", "sepvar", "--dataset", "waveeq-100", "--out", str(tmp_path), "--device", "cuda"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert "there is no device 'cuda' here" in done.output
    assert "use --device cpu" in done.output
    assert not list(tmp_path.iterdir())


def test_a_card_is_recorded_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: {"cuda:1": "NVIDIA H200"}[device])
    assert environment("cuda:1")["device"] == "cuda:1 (NVIDIA H200)"


def test_what_a_card_trains_has_folders_of_its_own(tmp_path: Path) -> None:
    """So neither a finished run nor a checkpoint of one device is taken for one of another."""
    split, attributes = SimpleNamespace(digest=min(BEFORE)), {"normaliser": {"kind": "identity"}}
    store: Any = SimpleNamespace(dataset="waveeq-100", digest="00", split=split, attributes=attributes)
    todo = plan(choose("sepvar", "waveeq-100"), store, 0)
    assert "device" not in todo.identity
    plans = [todo, *(dataclasses.replace(todo, card=card) for card in ("cuda", "cuda, deterministic"))]
    assert len({each.folder(tmp_path) for each in plans}) == 3
    assert len({each.training_folder(tmp_path) for each in plans}) == 3
    assert plans[1].trained["device"] == "cuda"


def test_weights_of_a_card_are_loaded_where_the_processor_left_none(tmp_path: Path) -> None:
    tiny(tmp_path)
    todo = plan(choose("sepvar", "waveeq-100", changes=ONE_STEP), open_named("waveeq-100", {"sequences": 5}, "auto"), 0)
    of_card = dataclasses.replace(todo, card="cuda").training_folder(tmp_path)
    shutil.move(todo.training_folder(tmp_path), of_card)
    assert load_trained(todo, tmp_path).device == torch.device("cpu")
    shutil.rmtree(of_card)
    with pytest.raises(StbenchError, match=r"no weights of sepvar .* --seed 3 --set sequences=5` trains them"):
        load_trained(dataclasses.replace(todo, seed=3), tmp_path, {"sequences": "5"})
