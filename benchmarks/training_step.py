"""Seconds of one training step of sepvar (paper preset, batch 128), and where they go.

    python benchmarks/training_step.py [waveeq-100 | waveeq | moving-mnist] [--steps 30] [--threads 2]

Rows: the model as written in the equations (float32, one encoder call per window, one decoder call per frame, PyTorch's
own layers, Adam parameter by parameter), also in bfloat16 where the layers are convolutions; ours in float32; ours in
bfloat16 autocast, which is what the preset trains with. Columns: seconds of the whole step, loading, loss, backward,
Adam (medians over the steps) and the loader's share. Frames are random numbers: the arithmetic is the same.
The official code's step, measured on two cores of the same kind: 0.301 s (WaveEq-100), 1.87 s (WaveEq), 7.50 s (Moving
MNIST). docs/performance.md says what makes the difference.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Iterator
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stbench.contract import presets
from stbench.contract.datasets import Track
from stbench.contract.models import Task
from stbench.models.sepvar.model import SeparationOfVariables, plugin
from stbench.training.batches import Batches

OFFICIAL_SECONDS = {"waveeq-100": 0.301, "waveeq": 1.87, "moving-mnist": 7.50}
FRAME_SHAPES = {"waveeq-100": (100,), "waveeq": (1, 64, 64), "moving-mnist": (1, 64, 64)}
HORIZONS = {"waveeq-100": 20, "waveeq": 20, "moving-mnist": 10}
SEQUENCES, FRAMES, CONDITIONING = 60, 150, 5


def plain_dcgan(code_size: int, channels: int, encoder: bool) -> nn.Sequential:
    """DCGAN of PyTorch's layers, as in any textbook, for 64 x 64 pixels."""
    layers: list[nn.Module] = []
    if encoder:
        for number, (inner, outer) in enumerate(pairwise((channels, 64, 128, 256, 512))):
            layers += [
                nn.Conv2d(inner, outer, 4, 2, 1),
                *([nn.BatchNorm2d(outer)] if number else []),
                nn.LeakyReLU(0.2),
            ]
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(8192, code_size))
    for number, (inner, outer) in enumerate(pairwise((code_size, 512, 256, 128, 64))):
        stride, padding = (2, 1) if number else (1, 0)
        layers += [nn.ConvTranspose2d(inner, outer, 4, stride, padding), nn.BatchNorm2d(outer), nn.LeakyReLU(0.2)]
    return nn.Sequential(nn.Unflatten(1, (-1, 1, 1)), *layers, nn.ConvTranspose2d(64, channels, 4, 2, 1), nn.Sigmoid())


class FrameByFrame(nn.Module):
    """The same losses and number of parameters without folding windows or time into the batch."""

    def __init__(self, model: SeparationOfVariables, dcgan: bool) -> None:
        super().__init__()
        model = copy.deepcopy(model)
        self.n, self.loss_weights, self.integrator = model.conditioning, model.loss_weights, model.integrator
        assert model.static_encoder is not None
        self.static_encoder, self.temporal_encoder, self.decoder = (
            model.static_encoder,
            model.temporal_encoder,
            model.decoder,
        )
        self.concatenates = dcgan
        if dcgan:
            sizes = [each.code.out_features for each in (model.static_encoder, model.temporal_encoder)]  # type: ignore[union-attr]
            self.static_encoder, self.temporal_encoder = (plain_dcgan(size, self.n, True) for size in sizes)
            self.decoder = plain_dcgan(sum(sizes), 1, False)

    def frame(self, static: Tensor, state: Tensor) -> Tensor:
        frame: Tensor = self.decoder(torch.cat((static, state), 1) if self.concatenates else static * state)
        return frame.float()

    def loss(self, batch: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        frames, n = batch["frames"], self.n
        windows = frames.squeeze(2) if self.concatenates else frames
        length = frames.shape[1]
        start = int(torch.randint(length - n + 1, (), generator=generator))
        static, at_end = self.static_encoder(windows[:, :n]), self.static_encoder(windows[:, length - n :])
        reencoded = self.temporal_encoder(windows[:, start : start + n])
        terms = {"autoencoding": F.mse_loss(self.frame(static, reencoded), frames[:, start])}
        terms["static"] = F.mse_loss(at_end.float(), static.float())
        state = self.temporal_encoder(windows[:, :n]).float()
        terms["prior"] = 0.5 * state.square().sum(1).mean()
        forecast = [self.frame(static, state)]
        for _ in range(length - 1):
            state = self.integrator(state)
            forecast.append(self.frame(static, state))
        terms["prediction"] = F.mse_loss(torch.stack(forecast, 1), frames)
        terms["total"] = torch.stack([self.loss_weights[name] * term for name, term in terms.items()]).sum()
        return terms


def contestants(model: SeparationOfVariables, dataset: str) -> Iterator[tuple[str, nn.Module, str, dict[str, Any]]]:
    """Name, module, precision and Adam's options of every row."""
    dcgan = dataset == "moving-mnist"
    yield "as written, float32", FrameByFrame(model, dcgan), "float32", {"foreach": False}
    if dcgan:
        yield "as written, bfloat16", FrameByFrame(model, dcgan), "bfloat16", {"foreach": False}
    yield "ours, float32", copy.deepcopy(model), "float32", {"fused": True}
    yield "ours, bfloat16", copy.deepcopy(model), "bfloat16", {"fused": True}
    if dcgan:
        model.step_statistics = False
        yield "ours, bfloat16, folded", model, "bfloat16", {"fused": True}


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

    shape, horizon = FRAME_SHAPES[options.dataset], HORIZONS[options.dataset]
    task = Task(Track(options.dataset, "forecast", CONDITIONING, 40, horizon, ("mse",)), shape)
    configuration = presets.select(plugin, options.dataset, "paper")
    training = configuration["training"]
    frames = np.random.default_rng(0).random((SEQUENCES, FRAMES, *shape), dtype=np.float32)
    starts = FRAMES - CONDITIONING - horizon + 1
    rows = np.repeat(np.arange(SEQUENCES), starts), np.tile(np.arange(starts), SEQUENCES)
    window = {"stored": (frames, 0.0, 1.0), "rows": lambda: rows, "conditioning": CONDITIONING, "horizon": horizon}
    windows: Any = SimpleNamespace(**window)
    batches = Batches(windows, training["batch_size"], 0, torch.device("cpu"))

    official = OFFICIAL_SECONDS[options.dataset]
    print(f"{options.dataset}, {options.threads} threads, {options.steps} steps; official code {official} s a step")
    print(f"{'':28}{'step':>9}{'load':>9}{'loss':>9}{'backward':>10}{'Adam':>9}{'loader':>9}{'official/ours':>15}")
    torch.manual_seed(0)
    model = plugin.build(configuration["model"], task)
    for name, module, precision, adam in contestants(model, options.dataset):
        parts = measure(module.train(), batches, options.steps, precision, **adam)
        load, loss, backward, adam_seconds = parts
        step = parts.sum()
        print(
            f"{name:28}{step:9.4f}{load:9.4f}{loss:9.4f}{backward:10.4f}{adam_seconds:9.4f}"
            f"{load / step:9.1%}{official / step:15.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
