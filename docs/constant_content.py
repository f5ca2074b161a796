"""What the static code S of a trained sepvar holds of a sequence, and its forecasts with one S for all of them.

    stbench run --model sepvar --dataset waveeq-100 --preset paper
    python docs/constant_content.py waveeq-100 --preset paper [--seed 0] [--runs runs]

Prints, over all test windows of the main track, how far S and T_0 are from their means, as root mean squares over
windows and components, and the mean squared error of forecasts with each window's S and with the mean of all.
The scores belong to no row. docs/reproduction.md has the figures.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import torch
from torch import Tensor

from stbench.cli import console
from stbench.contract.presets import PRESETS
from stbench.errors import StbenchError
from stbench.models.parts.convolutions import Code
from stbench.models.sepvar.model import SeparationOfVariables
from stbench.protocols.windows import batches, track_windows
from stbench.running.fit import load_trained
from stbench.running.plan import choose, dataset_for, plan

BATCH = 256


def report(dataset: str, preset: str, seed: int, runs: Path) -> None:
    store = dataset_for(dataset, preset, settings={}, progress=console)
    planned = plan(choose("sepvar", dataset, preset=preset), store, seed=seed)
    model = load_trained(planned, runs).module
    assert isinstance(model, SeparationOfVariables)
    if model.takes_maps:
        raise StbenchError(f"on {dataset} S goes to the decoder with feature maps, which have no mean: take waveeq-100")
    windows = track_windows(store, planned.track)
    seen = [
        (torch.from_numpy(conditioning), torch.from_numpy(target))
        for _, conditioning, target in batches(store, windows, BATCH)
    ]
    with torch.no_grad():
        found = [model.codes(conditioning) for conditioning, _ in seen]
        codes, states = (torch.cat([each[name] for each in found]) for name in ("content", "motion"))
        mean = codes.double().mean(0).float()
        errors = {"its own S": _error(model, seen)}
        with patch.object(model, "static", lambda window: Code(mean.expand(len(window), *mean.shape))):
            errors["the mean S"] = _error(model, seen)
    for name, each in (("S", codes), ("T_0", states)):
        each = each.double()
        around = (each - each.mean(0)).square().mean().sqrt()
        print(f"{name:4} mean {each.mean(0).square().mean().sqrt():.4g}, deviation {around:.4g}")
    for name, error in errors.items():
        print(f"mse with {name:12} {error:.6g}")


def _error(model: SeparationOfVariables, seen: Sequence[tuple[Tensor, Tensor]]) -> float:
    """The mean over windows, lead times and pixels."""
    errors = [
        (model(conditioning, target.shape[1]).double() - target).square().flatten(1).mean(1)
        for conditioning, target in seen
    ]
    return float(torch.cat(errors).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset")
    parser.add_argument("--preset", default="paper", choices=[*PRESETS])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args()
    try:
        report(options.dataset, options.preset, options.seed, options.runs)
    except StbenchError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
