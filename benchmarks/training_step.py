"""Seconds of one training step of sepvar (paper preset, batch 128, 25 frames), and where they go.

    python benchmarks/training_step.py [waveeq-100 | waveeq] [--steps 30] [--threads 2]

Rows: the model as written in the equations (float32, one encoder call per window, one decoder call per frame, Adam
parameter by parameter); ours in float32; ours in bfloat16 autocast, which is what the preset trains with. Columns:
seconds of the whole step, loading, loss, backward, Adam (medians over the steps) and the loader's share. Frames are
random numbers: the arithmetic is the same.
The official code's step, measured on two cores of the same kind: 0.301 s (WaveEq-100) and 1.87 s (WaveEq).
"""

from __future__ import annotations

import argparse
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stbench.generator import Track
from stbench.model import Task
from stbench.models import presets
from stbench.models.sepvar import SeparationOfVariables, plugin
from stbench.training.batches import Batches

OFFICIAL_SECONDS = {"waveeq-100": 0.301, "waveeq": 1.87}
FRAME_SHAPES = {"waveeq-100": (100,), "waveeq": (1, 64, 64)}
SEQUENCES, FRAMES, CONDITIONING, HORIZON = 60, 150, 5, 20


class FrameByFrame(nn.Module):
    """The same losses and parameters without folding windows or time into the batch."""

    def __init__(self, model: SeparationOfVariables) -> None:
        super().__init__()
        self.model = model

    def loss(self, batch: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        model, frames = self.model, batch["frames"]
        assert model.static_encoder is not None
        length, n = frames.shape[1], model.conditioning
        start = int(torch.randint(length - n + 1, (), generator=generator))
        static = model.static_encoder(frames[:, :n])
        at_end = model.static_encoder(frames[:, length - n :])
        reencoded = model.temporal_encoder(frames[:, start : start + n])
        decoded = model.decoder(static * reencoded)
        terms = {"autoencoding": F.mse_loss(decoded, frames[:, start]), "static": F.mse_loss(at_end, static)}
        state = model.temporal_encoder(frames[:, :n])
        terms["prior"] = 0.5 * state.square().sum(1).mean()
        forecast = [model.decoder(static * state)]
        for _ in range(length - 1):
            state = model.integrator(state)
            forecast.append(model.decoder(static * state))
        terms["prediction"] = F.mse_loss(torch.stack(forecast, 1), frames)
        terms["total"] = torch.stack([model.loss_weights[name] * term for name, term in terms.items()]).sum()
        return terms


def measure(module: nn.Module, batches: Batches, steps: int, precision: str, **adam: Any) -> np.ndarray:
    """Seconds of loading, loss, backward and Adam: medians over steps, without three steps of warming up."""
    generator = torch.Generator().manual_seed(0)
    optimiser = torch.optim.Adam(module.parameters(), lr=4e-4, betas=(0.9, 0.99), **adam)
    rows = []
    for step in range(steps + 3):
        marks = [time.perf_counter()]
        batch = batches.batch(step)
        marks.append(time.perf_counter())
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            total = module.loss(batch, generator)["total"]  # type: ignore[operator]
        total.item()
        marks.append(time.perf_counter())
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        marks.append(time.perf_counter())
        optimiser.step()
        marks.append(time.perf_counter())
        rows.append(np.diff(marks))
    return np.median(np.array(rows[3:]), 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", nargs="?", default="waveeq-100", choices=sorted(OFFICIAL_SECONDS))
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    shape = FRAME_SHAPES[options.dataset]
    task = Task(Track(options.dataset, "forecast", CONDITIONING, 40, HORIZON, ("mse",)), shape)
    configuration = presets.select(plugin, options.dataset, "paper")
    frames = np.random.default_rng(0).random((SEQUENCES, FRAMES, *shape), dtype=np.float32)
    starts = FRAMES - CONDITIONING - HORIZON + 1
    rows = np.repeat(np.arange(SEQUENCES), starts), np.tile(np.arange(starts), SEQUENCES)
    windows: Any = SimpleNamespace(frames=frames, conditioning=CONDITIONING, horizon=HORIZON, rows=lambda: rows)
    batches = Batches(windows, configuration["training"]["batch_size"], 0, torch.device("cpu"))

    official = OFFICIAL_SECONDS[options.dataset]
    print(f"{options.dataset}, {options.threads} threads, {options.steps} steps; official code {official} s a step")
    print(f"{'':28}{'step':>9}{'load':>9}{'loss':>9}{'backward':>10}{'Adam':>9}{'loader':>9}{'official/ours':>15}")
    for name, wrap, precision, adam in (
        ("as written, float32", FrameByFrame, "float32", {"foreach": False}),
        ("folded, fused, float32", None, "float32", {"fused": True}),
        ("folded, fused, bfloat16", None, "bfloat16", {"fused": True}),
    ):
        torch.manual_seed(0)
        model = plugin.build(configuration["model"], task)
        parts = measure(wrap(model) if wrap else model, batches, options.steps, precision, **adam)
        load, loss, backward, adam_seconds = parts
        step = parts.sum()
        print(
            f"{name:28}{step:9.4f}{load:9.4f}{loss:9.4f}{backward:10.4f}{adam_seconds:9.4f}"
            f"{load / step:9.1%}{official / step:15.2f}"
        )


if __name__ == "__main__":
    main()
