"""What the static code S of a trained sepvar holds of a sequence, and its forecasts with one S for all of them.

    stbench run --model sepvar --dataset waveeq-100 --preset paper
    python docs/constant_content.py waveeq-100 --preset paper [--seed 0] [--runs runs]

Prints, over all test windows of the main track, how far S and T_0 are from their means, as root mean squares over
windows and components, and the mean squared error of forecasts with each window's S and with the mean of all.
The scores belong to no row. docs/reproduction.md has the figures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

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
    track, windows = planned.track, track_windows(store, planned.track)
    seen = [
        (torch.from_numpy(conditioning), torch.from_numpy(target))
        for _, conditioning, target in batches(store, windows, BATCH)
    ]
    with torch.no_grad():
        statics = [model.static(conditioning) for conditioning, _ in seen]
        codes = torch.cat([each.code for each in statics if each is not None])
        states = torch.cat([model.temporal_encoder(conditioning) for conditioning, _ in seen])
        mean = codes.double().mean(0).float()
        errors: dict[str, list[torch.Tensor]] = {"its own S": [], "the mean S": []}
        for static, (conditioning, target) in zip(statics, seen, strict=True):
            dropped = model._states_before_forecast
            rolled = model.integrator.roll_out(model.temporal_encoder(conditioning), dropped + track.horizon)  # type: ignore[operator]
            for name, code in (("its own S", static), ("the mean S", Code(mean.expand(len(target), *mean.shape)))):
                forecast = model.decode(code, rolled[:, dropped:])
                errors[name].append((forecast.double() - target).square().flatten(1).mean(1))
    for name, each in (("S", codes), ("T_0", states)):
        each = each.double()
        around = (each - each.mean(0)).square().mean().sqrt()
        print(f"{name:4} mean {each.mean(0).square().mean().sqrt():.4g}, deviation {around:.4g}")
    for name, found in errors.items():
        print(f"mse with {name:12} {np.mean(torch.cat(found).numpy()):.6g}")


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
