"""Draws how long the three operators of the Hamiltonian model hold out: docs/images/<preset>/hamiltonian-rollouts.png.

`.venv/bin/python docs/make_rollouts.py RUNS PRESET [source=official] [key=value ...]` takes the weights `stbench run`
left of `hamiltonian`, `hamiltonian:skew` and `hamiltonian:definite` on sprites, starts every test clip at its first
frame and goes on for 256 frames; sprites are periodic, so the truth is the clip again and again. Left: squared error up
to each length; right: relative drift of the energy s^T M s / 2, dynamics in float64. The figures go into a CSV beside
the picture.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from stbench.progress import Silent
from stbench.protocols.clips import SEEN, Clips, clips_of
from stbench.running.fit import load_trained
from stbench.running.plan import choose, dataset_for, plan

IMAGES = Path(__file__).with_name("images")
LENGTHS = (8, 16, 64, 256)
OPERATORS = {"free": "hamiltonian", "skew": "hamiltonian:skew", "definite": "hamiltonian:definite"}
LIMIT = 256
"""Test clips, evenly spaced."""


def measure(model: str, runs: Path, preset: str, source: str, settings: Mapping[str, str]) -> dict[str, np.ndarray]:
    """{"mse", "energy", "size"}: (256,) each; medians over clips of energy drift and of |s(t)| / |s(0)|."""
    choice = choose(model, "sprites", preset=preset)
    store = dataset_for("sprites", preset, source=source, settings=settings, progress=Silent())
    ready = load_trained(plan(choice, store, 0), runs)
    clips = clips_of(store, choice.track, SEEN, limit=LIMIT)
    module = ready.module
    total = np.zeros(LENGTHS[-1])
    drift, size = [], []
    with torch.no_grad():
        for items in clips.batches():
            part = _part(module, clips, items)
            total += part["error"]
            drift.append(part["drift"])
            size.append(part["size"])
    return {
        "mse": total / len(clips),
        "energy": np.median(np.concatenate(drift), axis=0),
        "size": np.median(np.concatenate(size), axis=0),
    }


def _part(module: torch.nn.Module, clips: Clips, items: np.ndarray) -> dict[str, np.ndarray]:
    real = clips.frames(items, SEEN)
    seen, action = torch.from_numpy(real), torch.from_numpy(clips.factors[clips.action][items])
    content, position, momentum = module.infer(seen, action)  # type: ignore[operator]
    start = module.states(position.mean[:, 0], momentum.mean[:, 0], action).double()  # type: ignore[operator]
    error, drift, size = [], [], []
    before = module.dynamics.energy(start).sum(1)  # type: ignore[operator, union-attr]
    for first in range(0, LENGTHS[-1], SEEN):
        flow = module.dynamics.flow(start, torch.arange(first, first + SEEN))  # type: ignore[operator, union-attr]
        drift.append((module.dynamics.energy(flow).sum(2) - before[:, None]).abs() / before.abs()[:, None])  # type: ignore[operator, union-attr]
        size.append(flow.flatten(2).norm(dim=2) / start.flatten(1).norm(dim=1, keepdim=True))
        made = module.decode(content.mean, flow.float()).clamp(0, 1)  # type: ignore[operator]
        error.append((made - seen).square().mean(dim=(2, 3, 4)).sum(0))
    joined = {"drift": torch.cat(drift, 1), "size": torch.cat(size, 1), "error": torch.cat(error)}
    return {name: each.double().numpy() for name, each in joined.items()}


def draw(found: Mapping[str, Mapping[str, np.ndarray]], out: Path, title: str) -> None:
    """Error and energy against length, an operator a line; what is no longer finite is left out and said."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from stbench.pictures.colours import MODELS

    figure = Figure(figsize=(11.5, 4.2), dpi=130, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 3)
    names = ("squared error up to frame n", "relative energy drift (float64)", "size of the state, |s(n)| / |s(0)|")
    for axes, name in zip(panels, names, strict=True):
        axes.set_title(name, fontsize=10, loc="left")
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xlabel("frames n")
        axes.set_xticks(LENGTHS, [str(each) for each in LENGTHS])
        axes.grid(True, color="#E3E3E3", linewidth=0.7)
        axes.spines[["top", "right"]].set_visible(False)
    steps = np.arange(1, LENGTHS[-1] + 1)
    for colour, (label, values) in zip(MODELS, found.items(), strict=False):
        for axes, line in zip(panels, (_mean_up_to(values["mse"]), values["energy"], values["size"]), strict=True):
            drawable = np.isfinite(line) & (line > 0)
            axes.plot(steps[drawable], line[drawable], color=colour, linewidth=1.8, label=label)
            places = [k for k in LENGTHS if drawable[k - 1]]
            axes.plot(places, line[[k - 1 for k in places]], "o", color=colour, markersize=4)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, metadata={"Software": None})


def _mean_up_to(errors: np.ndarray) -> np.ndarray:
    return np.asarray(np.cumsum(errors) / np.arange(1, len(errors) + 1))


def write(found: Mapping[str, Mapping[str, np.ndarray]], out: Path) -> None:
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("operator", "frames", "mse_up_to", "mse_at", "energy_drift_at", "size_at"))
        for label, values in found.items():
            for k in LENGTHS:
                cells = (
                    _mean_up_to(values["mse"])[k - 1],
                    *(values[name][k - 1] for name in ("mse", "energy", "size")),
                )
                writer.writerow((label, k, *(f"{cell:.4g}" for cell in cells)))


if __name__ == "__main__":
    settings = dict(each.split("=", 1) for each in sys.argv[3:])
    source = settings.pop("source", "auto")
    results = {
        label: measure(model, Path(sys.argv[1]), sys.argv[2], source, settings) for label, model in OPERATORS.items()
    }
    picture = IMAGES / sys.argv[2] / "hamiltonian-rollouts.png"
    draw(results, picture, f"hamiltonian on sprites ({source}), preset {sys.argv[2]}: long roll-outs")
    write(results, picture.with_suffix(".csv"))
    print(picture)
