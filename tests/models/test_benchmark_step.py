"""The model that benchmarks/training_step.py measures ours against is the same model."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch
from sepvar_tasks import task

from stbench.contract import presets
from stbench.models.sepvar.model import plugin

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "training_step.py"


def test_published_calls_of_textbook_layers_give_the_same_losses_and_running_statistics():
    """DCGAN of nn.Conv2d, nn.ConvTranspose2d and nn.BatchNorm2d, called once per window and frame."""
    spec = importlib.util.spec_from_file_location("training_step", BENCHMARK)
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    torch.manual_seed(0)
    ours = plugin.build(presets.select(plugin, "moving-mnist", "paper")["model"], task("moving-mnist")).train()
    plain = benchmark.FrameByFrame(ours, dcgan=True).train()
    parts = ("static_encoder", "temporal_encoder", "decoder", "integrator")
    with torch.no_grad():
        for part in parts:
            weights = [getattr(model, part).parameters() for model in (plain, ours)]
            for theirs, our in zip(*weights, strict=True):
                theirs.copy_(our)
    batch = {"frames": torch.rand(3, 15, 1, 64, 64)}
    with torch.no_grad():
        found, expected = (model.loss(batch, torch.Generator().manual_seed(1)) for model in (ours, plain))
    assert set(found) == set(expected)
    for name, term in expected.items():
        assert found[name].item() == pytest.approx(term.item(), rel=1e-4), name
    for part in parts:
        for our, theirs in zip(getattr(ours, part).buffers(), getattr(plain, part).buffers(), strict=True):
            torch.testing.assert_close(our, theirs, rtol=1e-4, atol=1e-5)
