"""Checkpoints of today's identity leave out defaults; those of format 1, which held them, are continued."""

from __future__ import annotations

import hashlib
import json

import pytest
import torch

from stbench.errors import StbenchError
from stbench.training.checkpoint import read_tensors, write_tensors
from stbench.training.declaration import fields_of
from stbench.training.loop import train
from stbench.training.settings import PlayerSettings, TrainingSettings, without_defaults

TIMES = {"checkpoint_seconds": 1e9, "log_every": 7}


def stop_after(calls):
    remaining = iter(range(calls))
    return lambda: next(remaining, None) is None


def losses(folder):
    return [json.loads(line)["losses"] for line in (folder / "log.jsonl").read_text().splitlines()]


def as_format_1(folder, settings, run):
    """Rewrite a checkpoint as the last revision with format 1 wrote it: tensors, identity, clock, checksums."""
    place = folder / "checkpoint"
    state = read_tensors(place / "state.safetensors")
    state = {name.replace("optimiser.", "adam.", 1): each for name, each in state.items()}
    assert any(name.startswith("adam.layers.0.weight.exp_avg") for name in state)
    write_tensors(place / "state.safetensors", state)
    document = json.loads((place / "state.json").read_text())
    document["format"] = 1
    decisive = {**settings, "average_decay": settings.get("average_decay", 0.0)}
    document["identity"]["training"] = {name: value for name, value in decisive.items() if name not in TIMES}
    document["identity"]["run"] = run
    del document["clock"]["counts"]
    document["sha256"]["state"] = hashlib.sha256((place / "state.safetensors").read_bytes()).hexdigest()
    (place / "state.json").write_text(json.dumps(document))


@pytest.mark.parametrize(
    "changes",
    [{}, {"average_decay": 0.9}, {"schedule": "multistep", "milestones": [20], "factor": 1.0}],
    ids=["no average", "average", "multistep"],
)
def test_a_checkpoint_of_format_1_is_continued_to_the_same_bits(tmp_path, windows, walker, settings, changes):
    settings = {**settings, **changes}
    # A preset of somebody else may have said what is the default.
    run = {"configuration": {"model": {}, "training": {**settings, "average_decay": changes.get("average_decay", 0.0)}}}
    today = {"configuration": {"model": {}, "training": without_defaults(run["configuration"]["training"])}}
    whole, parts = walker(), walker()
    train(whole, windows, settings, tmp_path / "whole", seed=3, identity=today)
    train(parts, windows, settings, tmp_path / "parts", seed=3, identity=today, stop=stop_after(17))
    as_format_1(tmp_path / "parts", settings, run)
    parts = walker()
    summary = train(parts, windows, settings, tmp_path / "parts", seed=3, identity=today)
    assert (summary.resumed_from, summary.finished) == (17, True)
    for name in ("weights", "state"):
        one, other = (read_tensors(tmp_path / each / f"checkpoint/{name}.safetensors") for each in ("whole", "parts"))
        assert one.keys() == other.keys()
        assert all(torch.equal(value, other[key]) for key, value in one.items())
    assert losses(tmp_path / "whole") == losses(tmp_path / "parts")
    assert json.loads((tmp_path / "parts/checkpoint/state.json").read_text())["format"] == 2


def test_a_checkpoint_of_format_1_of_another_run_is_refused(tmp_path, windows, walker, settings):
    train(walker(), windows, settings, tmp_path, seed=3, identity={}, stop=stop_after(5))
    as_format_1(tmp_path, {**settings, "average_decay": 0.5}, {})
    with pytest.raises(StbenchError, match=r"training.average_decay is 0.5 there and null here"):
        train(walker(), windows, settings, tmp_path, seed=3, identity={})


def test_a_checkpoint_of_a_later_format_is_refused(tmp_path, windows, walker, settings):
    train(walker(), windows, {**settings, "steps": 2}, tmp_path, seed=3, identity={})
    path = tmp_path / "checkpoint/state.json"
    path.write_text(path.read_text().replace('"format": 2', '"format": 3'))
    with pytest.raises(StbenchError, match="has format 3, this stbench reads up to 2"):
        train(walker(), windows, {**settings, "steps": 2}, tmp_path, seed=3, identity={})


def test_what_equals_its_default_is_not_in_an_identity(tmp_path, windows, walker, settings):
    """So a setting that is new one day, with a default, orphans no checkpoint."""
    said = {"average_decay": 0.0, "optimiser": "adam", "weight_decay": 0.0, "clip_norm": 0, "warm_up": 0, "players": {}}
    named = {"split", "steps", "batch_size", "learning_rate", "betas", "schedule", "precision"}
    assert TrainingSettings.parse(settings).decisive.keys() == named
    assert TrainingSettings.parse({**settings, **said}).decisive == TrainingSettings.parse(settings).decisive
    train(walker(), windows, settings, tmp_path, seed=3, identity={}, stop=stop_after(5))
    assert train(walker(), windows, {**settings, **said}, tmp_path, seed=3, identity={}).resumed_from == 5


def test_what_differs_from_its_default_is_in_an_identity(settings):
    changes = {"average_decay": 0.5, "optimiser": "adamw", "weight_decay": 0.1, "clip_norm": 1.0, "warm_up": 3}
    players = {"critic": {"every": 2, "betas": [0.5, 0.9]}}
    decisive = TrainingSettings.parse({**settings, **changes, "players": players}).decisive
    assert {name: decisive[name] for name in changes} == changes
    assert decisive["players"] == players


def test_a_player_is_in_an_identity_with_what_differs_from_what_all_share(settings):
    players = {"critic": {"learning_rate": 0.01, "every": 1, "last_step": 40}, "maker": {"betas": [0.9, 0.99]}}
    parsed = TrainingSettings.parse({**settings, "players": players})
    assert parsed.decisive == TrainingSettings.parse(settings).decisive
    players["critic"]["last_step"] = 39
    assert TrainingSettings.parse({**settings, "players": players}).decisive["players"] == {"critic": {"last_step": 39}}


def test_defaults_are_what_checkpoints_without_them_mean():
    """One of these changed, a checkpoint would be taken for another run's."""
    required = {"split", "steps", "batch_size", "learning_rate", "schedule", "precision"}
    defaults = {
        name: field.default
        for kind in (TrainingSettings, PlayerSettings)
        for name, field in fields_of(kind).items()
        if name not in required
    }
    assert defaults == {
        "optimiser": "adam",
        "betas": None,
        "alpha": 0.99,
        "momentum": 0.0,
        "weight_decay": 0.0,
        "clip_norm": 0.0,
        "warm_up": 0,
        "milestones": (),
        "step_size": None,
        "factor": None,
        "pct_start": 0.3,
        "div_factor": 25.0,
        "final_div_factor": 1e4,
        "cycle_momentum": False,
        "base_momentum": 0.85,
        "max_momentum": 0.95,
        "average_decay": 0.0,
        "snapshots": (),
        "checkpoint_seconds": 120.0,
        "log_every": 50,
        "every": 1,
        "first_step": 1,
        "last_step": None,
    }
