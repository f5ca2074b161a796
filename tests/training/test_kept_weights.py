"""Weights that are kept: finite ones, under every name they have."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from stbench.errors import StbenchError
from stbench.training.checkpoint import read_tensors
from stbench.training.loop import train

IDENTITY = {"model": "walker", "preset": "test"}


def same(first, second):
    return all(torch.equal(first.state_dict()[name], value) for name, value in second.state_dict().items())


class Steep(nn.Module):
    """A loss of 0 whose slope has no value, as soon as a batch is `before` steps into the run."""

    def __init__(self, before: int) -> None:
        super().__init__()
        self.weight, self.before = nn.Parameter(torch.ones(2)), before

    def forward(self, conditioning, horizon):
        return conditioning[:, -1:].expand(-1, horizon, -1)

    def loss(self, batch, generator):
        kept = float(batch["step"] < self.before)
        total = (self.weight * kept).square().sum().sqrt()
        return {"total": total}


def test_weights_that_are_not_finite_behind_a_finite_loss_are_not_kept(tmp_path, windows, settings):
    """The last step's are no loss any more that could be told."""
    for name, steps, changes in (("end", 5, {}), ("snapshot", 9, {"snapshots": [5]})):
        module = Steep(before=4)
        asked = {**settings, **changes, "steps": steps, "learning_rate": 1e-3}
        with pytest.raises(StbenchError, match=r"after step 5 the weights 'weight' are not finite"):
            train(module, windows, asked, tmp_path / name, seed=3, identity=IDENTITY)
        assert not list((tmp_path / name).rglob("*.safetensors"))


class Tied(nn.Module):
    """Two layers of one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 6, bias=False), nn.Linear(6, 6, bias=False)
        self.second.weight = self.first.weight

    def forward(self, conditioning, horizon):
        return self.second(self.first(conditioning[:, -1:])).expand(-1, horizon, -1)

    def loss(self, batch, generator):
        return {"total": (self(batch["conditioning"], batch["target"].shape[1]) - batch["target"]).square().mean()}


@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_layers_of_one_weight_are_kept_averaged_and_resumed_under_both_names(tmp_path, windows, settings, decay):
    def trained(folder, **more):
        torch.manual_seed(11)
        module = Tied()
        train(module, windows, {**settings, "average_decay": decay}, folder, seed=3, identity=IDENTITY, **more)
        return module

    whole = trained(tmp_path / "whole")
    assert same(whole, trained(tmp_path / "whole")), "a finished folder is only loaded"
    weights = read_tensors(tmp_path / "whole" / "checkpoint" / "weights.safetensors")
    assert torch.equal(weights["first.weight"], weights["second.weight"])
    assert torch.equal(weights["first.weight"], whole.first.weight)
    steps = iter(range(7))
    trained(tmp_path / "parts", stop=lambda: next(steps) == 6)
    assert same(whole, trained(tmp_path / "parts"))
