"""A model that keeps the promises passes; each broken promise is found and named in a sentence."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toys
from click.testing import CliRunner

from stbench import registry
from stbench.cli.main import cli
from stbench.conformance.bumps import moving_bumps
from stbench.conformance.suite import NOTES, Finding, check_model, check_plugin
from stbench.contract.models import ModelPlugin, Task
from stbench.contract.presets import merge
from stbench.errors import StbenchError


def findings(plugin: ModelPlugin, folder: Path, configuration: Any = toys.CONFIGURATION) -> dict[str, Finding]:
    return {each.check: each for each in check_plugin(plugin, configuration, toys.TASK, folder)}


def failed(found: dict[str, Finding]) -> set[str]:
    return {name for name, each in found.items() if each.verdict == "fails"}


@pytest.mark.parametrize(
    "plugin",
    [toys.learned(toys.Good), toys.learned(toys.Labelled), toys.floor(toys.GoodFloor)],
    ids=["learned", "labelled", "floor"],
)
def test_a_model_that_keeps_every_promise_passes(plugin: ModelPlugin, tmp_path: Path) -> None:
    found = findings(plugin, tmp_path)
    assert not failed(found), found
    learning = {"loss", "gradient", "loss-repeatable", "parameters", "resume"}
    assert set(found) >= {"shape", "dtype", "finite", "input", "repeatable", "learning", "batch", "horizon", "targets"}
    assert (set(found) >= learning) is not plugin.floor
    assert {name for name, each in found.items() if each.verdict == "note"} == set(NOTES) & set(found)
    assert "begins with" in found["horizon"].sentence


PLAYERS = {"players": {"critic": {"every": 2, "first_step": 500, "learning_rate": 1e-2}}}


def test_players_are_checked_one_by_one_without_waiting_for_their_stages(tmp_path: Path) -> None:
    configuration = {"model": {}, "training": {**toys.TRAINING, **PLAYERS}}
    found = findings(toys.learned(toys.Players), tmp_path, configuration)
    assert not failed(found), found
    assert {"forecast/error", "forecast/total", "critic/total"} == set(re.findall(r"\w+/\w+", found["loss"].sentence))
    assert found["parameters"].sentence == "20, the loss depends on each"


@pytest.mark.parametrize(
    ("kind", "check", "sentence"),
    [
        (toys.IdlePlayer, "gradient", "total loss of the player 'critic' depends on none of its parameters"),
        (toys.TotalMissing, "loss", "loss of the player 'critic' returns a dict of gap"),
        (toys.NoPlayer, "configuration", "'critic.weight' of NoPlayer belongs to no player"),
        (toys.Good, "configuration", "the model has no players, so there is no player 'critic'"),
    ],
)
def test_a_broken_promise_of_a_player_is_named_with_it(
    kind: type[toys.Good], check: str, sentence: str, tmp_path: Path
) -> None:
    configuration = {"model": {}, "training": {**toys.TRAINING, **PLAYERS}}
    found = findings(toys.learned(kind), tmp_path, configuration)
    assert check in failed(found), found
    assert sentence in found[check].sentence


def clips(kind: type[toys.GoodFloor]) -> ModelPlugin:
    return toys.floor(kind, capabilities=toys.CLIP_CAPABILITIES)


def test_a_model_of_whole_clips_is_asked_for_all_it_can(tmp_path: Path) -> None:
    found = findings(clips(toys.ClipFloor), tmp_path)
    assert not failed(found), found
    for name in toys.CLIP_CAPABILITIES[1:]:
        assert {name, f"{name}-truths"} <= set(found)


BROKEN = [
    (toys.learned(toys.Flat), "shape", r"shape \(5, 1, 1, 6, 6\), not .* = \(5, 4, 1, 6, 6\)"),
    (toys.floor(toys.Float64Floor), "dtype", "float64, not a float32 array"),
    (toys.learned(toys.NotFinite), "finite", "720 values of the forecast are not finite"),
    (toys.floor(toys.WritingFloor), "input", "changes the conditioning frames it is handed"),
    (toys.learned(toys.Remembers), "repeatable", "differently after another batch: reset every state"),
    (toys.floor(toys.PlacedFloor), "repeatable", "differently (where they lie|after another batch)"),
    (toys.floor(toys.RandomFloor), "learning", "learnt from the same data with the same seed forecast differently"),
    (toys.learned(toys.BatchStatistics), "batch", "changes by up to .* with the other windows of its batch"),
    (toys.floor(toys.PeekingFloor), "targets", "test targets in the store are replaced by garbage"),
    (toys.floor(toys.MemorisingFloor), "targets", "test targets in the store are replaced by garbage"),
    (
        toys.floor(toys.MemorisingSwapFloor, capabilities=("forecast", "swap")),
        "truths",
        "the test part of the store is",
    ),
    (toys.learned(toys.NoTotal), "loss", "a dict of error, not a dict of named terms with a 'total'"),
    (toys.learned(toys.LossPerSample), "loss", r"'total' is a tensor of shape \(3,\), not a tensor of one number"),
    (toys.learned(toys.NanLoss), "loss", "'total' is nan before the first step"),
    (toys.learned(toys.ChangesBatch), "loss", "changes 'frames' of the batch it is handed"),
    (toys.learned(toys.Detached), "gradient", "has no gradient"),
    (toys.learned(toys.InfiniteGradient), "gradient", "with respect to 'change.weight' is not finite"),
    (toys.learned(toys.OtherRandomness), "loss-repeatable", "depends on the batches before it"),
    (toys.learned(toys.Counts), "resume", "stopped after 2 of 4 steps and continued, 'change.weight' is not"),
    (toys.floor(toys.ForgetfulSwapFloor, capabilities=("forecast", "swap")), "swap", "swapped differently"),
    (toys.floor(toys.PeekingSwapFloor, capabilities=("forecast", "swap")), "truths", "the test part of the store is"),
    (toys.learned(toys.Good, capabilities=("forecast", "swap")), "configuration", "Good has no method 'swap'"),
    (
        clips(toys.ShortFloor),
        "generate",
        r"generate has the shape \(5, 15, 1, 6, 6\), not .* = \(5, 16, 1, 6, 6\): length is 15 and not 16",
    ),
    (clips(toys.WritingClipFloor), "resample", "resample changes the clips it is handed"),
    (clips(toys.SeedlessFloor), "sample", "sample answers differently the second time"),
    (clips(toys.NotFiniteTransferFloor), "transfer", "values of the frames of transfer are not finite"),
    (clips(toys.ContentOnlyFloor), "codes", "codes has no 'motion' of one row a clip"),
    (clips(toys.PeekingClipFloor), "codes-truths", "codes changes when the test part of the store is replaced"),
    (
        clips(toys.MemorisingClipFloor),
        "generate-truths",
        "generate changes when the test part of the store is replaced",
    ),
    (toys.floor(toys.RaisingFloor), "shape", "ValueError: operands could not be broadcast"),
    (toys.floor(toys.QuittingFloor), "shape", "SystemExit: 7"),
    (toys.learned(toys.NotFinite), "batch", "not finite cannot be compared"),
]


@pytest.mark.parametrize(
    ("plugin", "check", "sentence"), BROKEN, ids=[f"{each[1]}-{i}" for i, each in enumerate(BROKEN)]
)
def test_a_broken_promise_is_found_and_named(plugin: ModelPlugin, check: str, sentence: str, tmp_path: Path) -> None:
    found = findings(plugin, tmp_path)
    assert check in failed(found), found
    assert re.search(sentence, found[check].sentence), found[check].sentence


def test_a_model_that_counts_is_blamed_for_its_state_and_not_for_reading_targets(tmp_path: Path) -> None:
    found = findings(toys.floor(toys.CountingFloor, capabilities=("forecast", "swap")), tmp_path)
    assert {"repeatable", "swap"} <= set(failed(found)), found
    assert found["targets"].verdict == found["truths"].verdict == "holds"


def test_a_model_that_counts_and_reads_targets_is_found(tmp_path: Path) -> None:
    found = findings(toys.floor(toys.CountingPeekingFloor, capabilities=("forecast", "swap")), tmp_path)
    assert {"targets", "truths"} <= set(failed(found)), found


def test_parameters_no_loss_depends_on_are_counted_but_no_failure(tmp_path: Path) -> None:
    found = findings(toys.learned(toys.Unused), tmp_path)
    assert not failed(found)
    assert found["parameters"].sentence == "43, of which the loss does not use 33 (idle.weight, idle.bias)"


def test_a_direct_forecast_is_told_not_blamed(tmp_path: Path) -> None:
    found = findings(toys.learned(toys.Direct), tmp_path)
    assert not failed(found)
    assert "differs by up to" in found["horizon"].sentence


def test_nothing_else_is_checked_of_what_cannot_be_built(tmp_path: Path) -> None:
    incomplete = {"model": {}, "training": {k: v for k, v in toys.TRAINING.items() if k != "steps"}}
    for plugin, configuration, sentence in (
        (
            toys.learned(toys.NoForward),
            toys.CONFIGURATION,
            "NoForward has no method 'loss', which this learned model needs",
        ),
        (toys.floor(toys.Good), toys.CONFIGURATION, "Good has no method 'fit', which this floor needs"),
        (toys.learned(toys.Good), incomplete, "the training settings lack 'steps'"),
    ):
        found = findings(plugin, tmp_path / plugin.name, configuration)
        assert [*found] == ["configuration"]
        assert sentence in found["configuration"].sentence


@pytest.mark.parametrize("frame_shape", [(7,), (2, 5, 6)])
def test_the_bumps_move_and_stay_between_zero_and_one(frame_shape: tuple[int, ...], tmp_path: Path) -> None:
    store = moving_bumps(Task(toys.TRACK, frame_shape), tmp_path / "bumps.zarr")
    frames = store.read(slice(None))
    assert frames.shape == (8, 3 + 4 + 4, *frame_shape)
    assert frames.min() >= 0
    assert 0.5 <= frames.max() <= 1
    assert (np.abs(np.diff(frames, axis=1)).max(axis=tuple(range(2, frames.ndim))) > 0).all()


def test_every_registered_floor_passes(tmp_path: Path) -> None:
    for name in registry.names("models"):
        if registry.model(name).floor:
            (tmp_path / name).mkdir()
            assert not [each for each in check_model(name, scratch=tmp_path / name) if each.verdict == "fails"]


SMALL: dict[str, dict[str, Any]] = {
    "convlstm": {"hidden": [4], "kernel": 3, "patch": 2},
    "convlstm:field": {"hidden": [4, 4], "kernel": 3, "patch": 2},
    "phydnet": {"width": 32, "residual": [32]},
    "predrnn": {"hidden": [4, 4], "kernel": 3},
    "predrnn:field": {"hidden": [4, 4], "kernel": 3},
    "causal-lstm": {"hidden": [4, 3], "kernel": 3},
    "causal-lstm:field": {"hidden": [4, 4], "kernel": 3},
    "mim": {"hidden": [4, 4], "kernel": 3},
    "mim:field": {"hidden": [4, 4], "kernel": 3},
    "e3d-lstm": {"hidden": [3, 3], "kernel": 3},
    "e3d-lstm:field": {"hidden": [3, 3], "kernel": 3},
    "simvp": {"width": 4, "hidden": 8, "blocks": 2},
    "simvp:inception-field": {"width": 8, "hidden": 16, "blocks": 2},
    "tau": {"width": 4, "hidden": 8, "blocks": 2},
    "unet": {"widths": [8, 8]},
    "fno-2d": {"width": 4, "modes": [3, 3]},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["svg", "svg:batch-statistics"])
def test_svg_passes_and_breaks_what_its_variant_says(name: str, tmp_path: Path) -> None:
    from stbench.contract.presets import breaks_of
    from stbench.running.plan import choose

    choice = choose(name, "moving-mnist", preset="quick")
    smaller = {"backbone": {"name": "dcgan", "width": 2}, "code": 8, "hidden": 8, "latent": 3}
    configuration = {**choice.configuration, "model": {**choice.configuration["model"], **smaller}}
    task = Task(dataclasses.replace(toys.TRACK, dataset="moving-mnist"), (1, 32, 32))
    breaks = breaks_of(choice.plugin, "moving-mnist", name.partition(":")[2])
    found = check_plugin(choice.plugin, configuration, task, tmp_path, breaks=breaks)
    assert not [each for each in found if each.verdict == "fails"]
    assert {each.check for each in found} > {"draw", "draw-seeds", "draw-batch", "draw-learning", "draw-truths"}
    broken = {each.check for each in found if each.verdict == "breaks"}
    assert broken == ({"batch", "draw-batch"} if name == "svg:batch-statistics" else set())


@pytest.mark.parametrize("name", ["pknl", "pknl:bilinear"])
def test_pknl_passes(name: str, tmp_path: Path) -> None:
    from stbench.running.plan import choose

    choice = choose(name, "sst", preset="quick")
    configuration = {**choice.configuration, "model": {**choice.configuration["model"], "width": 4, "levels": 2}}
    task = Task(dataclasses.replace(toys.TRACK, dataset="sst"), (1, 8, 12))
    found = check_plugin(choice.plugin, configuration, task, tmp_path)
    assert not [each for each in found if each.verdict == "fails"]


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=() if each in ("convlstm", "simvp") else pytest.mark.slow) for each in SMALL]
)
def test_the_learned_baselines_pass(name: str, tmp_path: Path) -> None:
    from stbench.running.plan import choose

    choice = choose(name, "taxibj")
    configuration = {
        "model": {**choice.configuration["model"], **SMALL[name]},
        "training": choice.configuration["training"],
    }
    task = Task(dataclasses.replace(toys.TRACK, dataset="taxibj"), (2, 8, 8))
    found = check_plugin(choice.plugin, configuration, task, tmp_path)
    assert not [each for each in found if each.verdict == "fails"]


NARROW: dict[str, dict[str, Any]] = {
    "drnet": {part: {"width": 4} for part in ("content", "pose", "decoder")},
    "ddpae": {"width": 2, "object_width": 2, "features": 16},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NARROW)
def test_the_disentangling_baselines_pass(name: str, tmp_path: Path) -> None:
    from stbench.running.plan import choose

    choice = choose(name, "moving-mnist")
    configuration = merge(choice.configuration, {"model": NARROW[name]})
    found = check_plugin(choice.plugin, configuration, Task(choice.track, (1, 64, 64)), tmp_path)
    assert not [each for each in found if each.verdict == "fails"]
    assert {"resume", "swap", "truths"} <= {each.check for each in found}


@pytest.mark.slow
def test_both_references_pass(tmp_path: Path) -> None:
    """Among the checks: interrupted and resumed, a training ends in the same weights, whatever their memory layout."""
    from stbench.running.plan import choose

    small: dict[str, dict[str, Any]] = {
        "sepvar": {
            "encoder": {"name": "dcgan", "width": 4},
            "decoder": {"name": "dcgan", "width": 4, "skips": False, "output": "sigmoid"},
        },
        "hamiltonian": {
            "content_size": 8,
            "encoder": {"width": 4, "dense": 16, "features": 16},
            "decoder": {"width": 4, "dense": 16, "output": "plain"},
        },
    }
    for name, smaller in small.items():
        choice = choose(name, "sprites", preset="cpu")
        configuration = {
            "model": {**choice.configuration["model"], **smaller},
            "training": choice.configuration["training"],
        }
        task = Task(dataclasses.replace(choice.track), (3, 64, 64))
        (tmp_path / name).mkdir()
        found = check_plugin(choice.plugin, configuration, task, tmp_path / name)
        assert not [each for each in found if each.verdict == "fails"]


def run(*arguments: str) -> Any:
    return CliRunner(env={"COLUMNS": "250"}).invoke(cli, ["check-model", *arguments])


def test_the_command_prints_a_table_and_ends_with_0() -> None:
    result = run("persistence")
    assert result.exit_code == 0, result.output
    assert "replacing all test targets in the store by garbage changes no bit" in result.stdout


def test_the_command_ends_with_2_and_one_sentence_where_a_check_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "model", lambda name: toys.floor(toys.Float64Floor))
    result = run("mine")
    assert result.exit_code == 2
    assert "'mine' fails 1 of 10 checks (dtype): see what was found above" in result.stderr
    assert "float64, not a float32 array" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("persistance",), "did you mean 'persistence'"),
        (("convlstm", "--dataset", "waveeq-100"), "'convlstm' has no presets for the dataset 'waveeq-100'"),
        (("convlstm:fild", "--dataset", "taxibj"), "did you mean 'field'"),
        (("persistence", "--dataset", "waveq"), "there is no dataset 'waveq'"),
    ],
)
def test_names_there_are_not_are_answered_with_the_nearest(arguments: tuple[str, ...], sentence: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_a_model_without_any_preset_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "model", lambda name: toys.learned(toys.Good))
    with pytest.raises(StbenchError, match="has presets for no dataset that is registered"):
        check_model("toy", scratch=tmp_path)


SMALLER = {name.partition(":")[0] for name in (*SMALL, *NARROW, "svg", "pknl", "sepvar", "hamiltonian")}
"""Checked above."""


OTHERS = [each for each in registry.names("models") if not registry.model(each).floor and each not in SMALLER]


@pytest.mark.slow
@pytest.mark.parametrize("name", [*OTHERS, "mocogan:encoder"])
def test_all_others_pass_as_the_command_checks_them(name: str) -> None:
    """Without its encoder mocogan can only be asked to `sample`."""
    from click.testing import CliRunner

    from stbench.cli.main import cli

    done = CliRunner().invoke(cli, ["check-model", name])
    assert done.exit_code == 0, done.output
