"""What the training loop promises besides resuming."""

from __future__ import annotations

import errno
import json

import numpy as np
import pytest
import torch
from torch import nn

from stbench.errors import StbenchError
from stbench.training.adapter import TorchForecaster
from stbench.training.batches import Batches
from stbench.training.checkpoint import read_tensors
from stbench.training.loop import train
from stbench.training.losses import Losses
from stbench.training.settings import TrainingSettings

IDENTITY = {"model": "walker", "preset": "test", "nested": {"width": 16}}


def run(folder, windows, walker, settings, **keywords):
    module = walker()
    summary = train(module, windows, settings, folder, **{"seed": 3, "identity": IDENTITY, **keywords})
    return module, summary


def same(first, second):
    return all(torch.equal(first.state_dict()[name], value) for name, value in second.state_dict().items())


def test_each_epoch_visits_every_window_once_and_in_another_order(windows):
    batches = Batches(windows, 8, seed=3, device=torch.device("cpu"))
    assert len(batches) == 30
    visited = np.concatenate([batches.items(step) for step in range(15)])
    epochs = visited.reshape(4, 30)
    assert (np.sort(epochs, axis=1) == np.arange(30)).all()
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_order_depends_on_seed_and_step_alone(windows):
    def items(seed, steps):
        batches = Batches(windows, 8, seed, torch.device("cpu"))
        return [batches.items(step).tolist() for step in steps]

    assert items(3, [0, 1, 2, 3, 4, 5, 6, 7]) == items(3, [7, 6, 5, 4, 3, 2, 1, 0])[::-1]
    assert items(3, [0]) != items(4, [0])


def test_batch_larger_than_an_epoch_spans_epochs(windows):
    items = Batches(windows, 70, seed=3, device=torch.device("cpu")).items(0)
    assert len(items) == 70
    assert (np.bincount(items, minlength=30) >= 2).all()


def test_batch_holds_the_frames_of_its_windows(windows):
    batches = Batches(windows, 8, seed=3, device=torch.device("cpu"))
    rows, starts = windows.rows()
    batch = batches.batch(2)
    for window, item in zip(batch["frames"].numpy(), batches.items(2), strict=True):
        np.testing.assert_array_equal(window, windows.frames[rows[item], starts[item] : starts[item] + 7])
    assert torch.equal(batch["frames"], torch.cat([batch["conditioning"], batch["target"]], 1))
    assert batch["conditioning"].shape[1] == 3


def test_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path, windows, walker, settings):
    first, _ = run(tmp_path / "a", windows, walker, settings)
    torch.rand(5)
    second, _ = run(tmp_path / "b", windows, walker, settings)
    other, _ = run(tmp_path / "c", windows, walker, settings, seed=4)
    assert same(first, second)
    assert not same(first, other)


def test_training_leaves_the_callers_random_numbers_alone(tmp_path, windows, walker, settings):
    module = walker()
    before = torch.get_rng_state()
    train(module, windows, settings, tmp_path, seed=3, identity=IDENTITY)
    assert torch.equal(before, torch.get_rng_state())


def test_training_lowers_the_loss_of_a_learnable_task(tmp_path, walker, settings):
    level = np.random.default_rng(0).random((20, 1, 6), dtype=np.float32)
    frames = np.repeat(level, 9, 1)
    windows = type("Constant", (), {"stored": (frames, 0.0, 1.0), "conditioning": 3, "horizon": 4})()
    windows.rows = lambda: (np.repeat(np.arange(20), 3), np.tile(np.arange(3), 20))
    _, early = run(tmp_path / "a", windows, walker, {**settings, "steps": 20, "log_every": 20})
    _, late = run(tmp_path / "b", windows, walker, {**settings, "steps": 200, "log_every": 20})
    assert late.losses["error"] < 0.5 * early.losses["error"]


def test_a_loss_is_told_the_number_of_steps_taken_before_it(tmp_path, windows, settings):
    """0 in the first step; an interrupted training goes on counting where it stopped."""
    told = []

    class Line(nn.Module):
        def __init__(self):
            super().__init__()
            self.x = nn.Parameter(torch.tensor([2.0]))

        def loss(self, batch, generator):
            told.append(int(batch["step"]))
            return {"total": (self.x**2).sum()}

    settings = {**settings, "steps": 9}
    train(Line(), windows, settings, tmp_path, seed=0, identity=IDENTITY, stop=lambda: len(told) == 4)
    train(Line(), windows, settings, tmp_path, seed=0, identity=IDENTITY)
    assert told == list(range(9))


def test_adam_equals_its_formula_with_the_scheduled_rate(tmp_path, windows, settings):
    class Line(nn.Module):
        def __init__(self):
            super().__init__()
            self.x = nn.Parameter(torch.tensor([2.0]))

        def loss(self, batch, generator):
            return {"total": (self.x**2).sum()}

    module = Line()
    settings = {**settings, "steps": 10, "schedule": "cosine", "learning_rate": 0.1, "average_decay": 0.4}
    train(module, windows, settings, tmp_path, seed=0, identity=IDENTITY)
    x = average = 2.0
    m = v = 0.0
    for step in range(1, 11):
        gradient = 2 * x
        m, v = 0.9 * m + 0.1 * gradient, 0.99 * v + 0.01 * gradient**2
        rate = 0.1 * (1 + np.cos(np.pi * (step - 1) / 10)) / 2
        x -= rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.99**step)) + 1e-8)
        decay = min(0.4, step / (step + 9))
        average = decay * average + (1 - decay) * x
    assert module.x.item() == pytest.approx(average, rel=1e-5)
    assert read_tensors(tmp_path / "checkpoint/state.safetensors")["raw.x"].item() == pytest.approx(x, rel=1e-5)


def test_multistep_rate_is_multiplied_after_every_milestone(settings):
    table = {**settings, "steps": 9, "schedule": "multistep", "learning_rate": 0.8, "milestones": [2, 5], "factor": 0.5}
    parsed = TrainingSettings.parse(table)
    assert [parsed.rate(step) for step in range(1, 10)] == [0.8, 0.8, 0.4, 0.4, 0.4, 0.2, 0.2, 0.2, 0.2]
    assert parsed.decisive["milestones"] == [2, 5]
    assert parsed.decisive["factor"] == 0.5


def test_milestones_of_other_schedules_do_not_enter_what_decides_a_run(settings):
    assert {"milestones", "factor"}.isdisjoint(TrainingSettings.parse(settings).decisive)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"schedule": "multistep"}, "lack 'milestones', which schedule 'multistep' needs"),
        ({"milestones": [3]}, "'milestones' is a setting of 'multistep': leave it out"),
        ({"schedule": "multistep", "milestones": [5, 2], "factor": 0.5}, "must be a list of increasing steps"),
        ({"schedule": "multistep", "milestones": [0], "factor": 0.5}, "must be a list of increasing steps"),
        ({"schedule": "multistep", "milestones": [2], "factor": 0.0}, "'factor' is 0.0; it must be positive"),
        ({"schedule": "multistep", "milestones": 2, "factor": 0.5}, "must be a list of increasing steps"),
    ],
)
def test_impossible_milestones_are_told_in_a_sentence(settings, change, sentence):
    with pytest.raises(StbenchError, match=sentence):
        TrainingSettings.parse({**settings, **change})


def test_budget_ends_early_with_a_checkpoint(tmp_path, windows, walker, settings):
    _, summary = run(tmp_path, windows, walker, settings, budget_seconds=0.0)
    assert (summary.finished, summary.steps, summary.stopped_by) == (False, 0, "budget")
    assert "the same command continues" in str(summary)
    _, summary = run(tmp_path, windows, walker, settings)
    assert (summary.finished, summary.steps, summary.resumed_from) == (True, 40, 0)


def test_progress_is_told_after_every_step(tmp_path, windows, walker, settings):
    told = []
    run(
        tmp_path,
        windows,
        walker,
        settings,
        on_progress=lambda step, steps, losses: told.append((step, steps, set(losses))),
    )
    assert told == [(step, 40, {"error", "size", "total"}) for step in range(1, 41)]


def test_log_lines_average_their_interval(tmp_path, windows, walker, settings):
    each = []
    run(tmp_path, windows, walker, settings, on_progress=lambda step, steps, losses: each.append(losses["total"]))
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [7, 14, 21, 28, 35, 40]
    assert lines[1]["losses"]["total"] == pytest.approx(np.mean(each[7:14]), rel=1e-12)
    assert lines[-1]["losses"]["total"] == pytest.approx(np.mean(each[35:]), rel=1e-12)
    assert all(line["samples_per_second"] > 0 and 0 < line["loader_share"] < 1 for line in lines)


def test_snapshots_hold_the_weights_of_their_steps(tmp_path, windows, walker, settings):
    module, _ = run(tmp_path / "a", windows, walker, {**settings, "snapshots": [20, 40]})
    half, _ = run(tmp_path / "b", windows, walker, {**settings, "steps": 20})
    snapshots = {path.name: read_tensors(path) for path in (tmp_path / "a/snapshots").iterdir()}
    assert set(snapshots) == {"step-00020.safetensors", "step-00040.safetensors"}
    for name, value in module.state_dict().items():
        assert torch.equal(snapshots["step-00040.safetensors"][name], value)
        assert torch.equal(snapshots["step-00020.safetensors"][name], half.state_dict()[name])


def test_loss_that_is_not_finite_is_refused_before_it_reaches_the_weights(tmp_path, windows, walker, settings):
    windows.frames[2, 4] = np.nan
    batches = Batches(windows, 8, seed=3, device=torch.device("cpu"))
    bad = next(step for step in range(40) if not batches.batch(step)["conditioning"].isfinite().all())
    module = walker()
    with pytest.raises(StbenchError, match=rf"the loss is nan at step {bad + 1}\b.*: lower learning_rate"):
        train(module, windows, settings, tmp_path, seed=3, identity=IDENTITY)
    assert all(value.isfinite().all() for value in module.state_dict().values())


def test_watching_a_run_differently_does_not_make_it_another_run(tmp_path, windows, walker, settings):
    run(tmp_path, windows, walker, settings, budget_seconds=0.0)
    changes = {"log_every": 3, "checkpoint_seconds": 1.0, "snapshots": [4]}
    _, summary = run(tmp_path, windows, walker, {**settings, **changes})
    assert summary.finished


@pytest.mark.parametrize(
    ("keywords", "changes", "sentence"),
    [
        ({"identity": {**IDENTITY, "preset": "cpu"}}, {}, 'run.preset is "test" there and "cpu" here'),
        ({"identity": {**IDENTITY, "nested": {"width": 8}}}, {}, "run.nested.width is 16 there and 8 here"),
        ({"identity": {"model": "walker"}}, {}, "run.nested is .* there and null here"),
        ({"seed": 4}, {}, "seed is 3 there and 4 here"),
        ({}, {"learning_rate": 0.5}, "training.learning_rate is 0.01 there and 0.5 here"),
    ],
)
def test_checkpoint_of_another_run_is_refused_naming_the_difference(
    tmp_path, windows, walker, settings, keywords, changes, sentence
):
    run(tmp_path, windows, walker, {**settings, "steps": 5})
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(StbenchError, match=sentence):
        run(tmp_path, windows, walker, {**settings, "steps": 5, **changes}, **keywords)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_checkpoint_of_other_windows_is_refused(tmp_path, windows, walker, settings):
    run(tmp_path, windows, walker, settings)
    with pytest.raises(StbenchError, match=r"windows\.number is 30 there and 24 here"):
        run(tmp_path, type(windows)(windows.frames[:4]), walker, settings)


@pytest.mark.parametrize("name", ["weights.safetensors", "state.safetensors", "state.json"])
@pytest.mark.parametrize("damage", ["truncated", "flipped", "missing"])
def test_damaged_checkpoint_is_refused(tmp_path, windows, walker, settings, name, damage):
    run(tmp_path, windows, walker, {**settings, "steps": 5})
    file = tmp_path / "checkpoint" / name
    content = bytearray(file.read_bytes())
    if damage == "flipped":
        content[0 if name.endswith("json") else -3] ^= 1
    file.write_bytes(content[: len(content) // 2] if damage == "truncated" else content)
    if damage == "missing":
        file.unlink()
    with pytest.raises(StbenchError, match=f"is damaged \\({name}\\)"):
        run(tmp_path, windows, walker, {**settings, "steps": 5})


NO_STATES = {
    "list": "[]",
    "deep": "[" * 100_000,
    "no step": lambda document: document.pop("step"),
    "step in words": lambda document: document.update(step="five"),
    "step before the first": lambda document: document.update(step=-1),
    "clock": lambda document: document.update(clock=[]),
    "clock of something else": lambda document: document.update(clock={"stepping": "long"}),
    "identity": lambda document: document.update(identity=3),
    "checksums": lambda document: document.update(sha256=["a"]),
    "format": lambda document: document.update(format="2"),
    "format 1 without a clock": lambda document: document.update(format=1, clock={}),
}


@pytest.mark.parametrize("name", NO_STATES)
def test_a_state_that_is_json_and_no_state_is_refused_in_a_sentence(tmp_path, windows, walker, settings, name):
    run(tmp_path, windows, walker, {**settings, "steps": 2})
    file, change = tmp_path / "checkpoint" / "state.json", NO_STATES[name]
    if callable(change):
        document = json.loads(file.read_text())
        change(document)
        change = json.dumps(document)
    file.write_text(change)
    with pytest.raises(StbenchError, match=r"is damaged \(state\.json"):
        run(tmp_path, windows, walker, {**settings, "steps": 2})


def test_checkpoint_of_a_model_of_another_shape_is_refused(tmp_path, windows, walker, settings):
    run(tmp_path, windows, walker, {**settings, "steps": 5})
    other = walker()
    other.layers[0] = nn.Linear(6, 17)
    with pytest.raises(StbenchError, match="does not fit this model"):
        train(other, windows, {**settings, "steps": 5}, tmp_path, seed=3, identity=IDENTITY)


def test_folder_that_cannot_be_written_is_told_in_a_sentence(tmp_path, windows, walker, settings):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StbenchError, match="cannot be written"):
        run(tmp_path / "file" / "run", windows, walker, settings)


def test_full_disk_is_told_in_a_sentence_and_the_last_checkpoint_stays(
    tmp_path, windows, walker, settings, monkeypatch
):
    run(tmp_path, windows, walker, settings, budget_seconds=0.0)
    before = (tmp_path / "checkpoint/state.json").read_text()

    def full(path):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(StbenchError, match="No space left on device"):
            run(tmp_path, windows, walker, settings)
    assert (tmp_path / "checkpoint/state.json").read_text() == before
    assert run(tmp_path, windows, walker, settings)[1].finished


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"learning_rat": 1.0}, "setting 'learning_rat'.*did you mean 'learning_rate'"),
        ({"schedule": "cosin"}, "schedule 'cosin'.*did you mean 'cosine'"),
        ({"precision": "float16"}, "precision 'float16'.*did you mean 'bfloat16'"),
        ({"steps": 0}, "'steps' is 0; it must be at least 1"),
        ({"batch_size": "many"}, "'batch_size' must be"),
        ({"learning_rate": 0.0}, "'learning_rate' is 0.0; it must be positive"),
        ({"average_decay": 1.0}, "'average_decay' is 1.0"),
    ],
)
def test_impossible_training_settings_are_told_in_a_sentence(settings, changes, sentence):
    with pytest.raises(StbenchError, match=sentence):
        TrainingSettings.parse({**settings, **changes})


def test_missing_training_setting_is_named(settings):
    del settings["split"]
    with pytest.raises(StbenchError, match="lack 'split'"):
        TrainingSettings.parse(settings)


def test_forecaster_is_in_eval_mode_and_independent_of_the_batch_size(walker):
    conditioning = np.random.default_rng(0).random((10, 3, 6))
    module = walker().train()
    forecasts = [TorchForecaster(module, size).forecast(conditioning, 5) for size in (3, 10, 256)]
    assert forecasts[0].dtype == np.float32
    assert forecasts[0].shape == (10, 5, 6)
    for each in forecasts[1:]:
        np.testing.assert_allclose(each, forecasts[0], atol=1e-6)
    with torch.no_grad():
        expected = module.eval()(torch.from_numpy(conditioning).float(), 5).numpy()
    np.testing.assert_allclose(forecasts[0], expected, atol=1e-6)


def test_batch_normalisation_of_a_batch_of_one_is_refused(tmp_path, windows, settings):
    module = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    with pytest.raises(StbenchError, match="batch_size of this preset is 1: set it to 2 or more"):
        train(module, windows, {**settings, "batch_size": 1}, tmp_path, seed=0, identity=IDENTITY)


def test_a_batch_of_more_windows_than_there_are_is_refused_before_a_step(tmp_path, windows, walker, settings):
    number = len(Batches(windows, 8, seed=0, device=torch.device("cpu")))
    with pytest.raises(StbenchError, match=f"set batch_size to at most {number}"):
        train(walker(), windows, {**settings, "batch_size": number + 1}, tmp_path, seed=0, identity=IDENTITY)
    assert not (tmp_path / "log.jsonl").exists()
    train(walker(), windows, {**settings, "batch_size": number, "steps": 1}, tmp_path, seed=0, identity=IDENTITY)


def test_terms_of_a_loss_that_is_not_finite_are_told():
    losses = Losses(torch.device("cpu"))
    terms = {"error": torch.tensor(2.5), "prior": torch.tensor(float("inf")), "total": torch.tensor(float("inf"))}
    with pytest.raises(StbenchError, match=r"the loss is inf at step 3 \(error 2.5, prior inf\): lower learning_rate"):
        losses.add(3, "", terms)
