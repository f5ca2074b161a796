"""Interrupting the training of a model with batch statistics, and of parameters that no loss depends on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stbench.models.sepvar.model import SeparationOfVariables
from stbench.training.loop import train

SETTINGS = {
    "split": "train",
    "steps": 6,
    "batch_size": 3,
    "learning_rate": 1e-3,
    "betas": [0.9, 0.99],
    "schedule": "multistep",
    "milestones": [4],
    "factor": 0.5,
    "precision": "float32",
}
MODEL = {
    "mixing": "concat",
    "static_size": 3,
    "temporal_size": 2,
    "initial_std": 0.1,
    "loss_weights": {"prediction": 45.0, "autoencoding": 10.0, "static": 45.0, "prior": 1e-3},
    "encoder": {"name": "vgg", "width": 2},
    "decoder": {"name": "vgg", "width": 2, "skips": True, "output": "sigmoid"},
    "integrator": {"name": "mlp", "blocks": 1, "hidden": 5, "gain": 0.71},
}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_interrupted_and_resumed_training_equals_the_uninterrupted_one(tmp_path, windows, precision):
    windows = type(windows)(np.random.default_rng(5).random((4, 9, 1, 32, 32), dtype=np.float32))
    settings = {**SETTINGS, "precision": precision}

    def run(folder, **keywords):
        torch.manual_seed(0)
        module = SeparationOfVariables((1, 32, 32), 3, **MODEL)
        return module, train(module, windows, settings, tmp_path / folder, seed=3, identity={}, **keywords)

    whole, _ = run("whole")
    calls = iter([False, False, False, True])
    _, stopped = run("parts", stop=lambda: next(calls))
    assert (stopped.steps, stopped.finished) == (3, False)
    resumed, summary = run("parts")
    assert (summary.resumed_from, summary.finished) == (3, True)
    assert any("running_mean" in name for name in whole.state_dict())
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
