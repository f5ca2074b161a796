"""Forward and backward of the recurrent baselines beside a plain PredRNN, timed in turns.

    python benchmarks/recurrent.py [--turns 5] [--threads 2] [--batch 4] [--frames 20] [--models predrnn mim ...]

The plain module has one convolution per operand and step, as public code has it: nothing is read ahead, no weight is
prepared. With `--direct` every model is timed a second time with direct convolutions, without the tiles of
`stbench.models.parts.tiles`. Printed are medians of the seconds and of the processor's seconds: the second count where
the machine is shared. Moving MNIST, half of the frames condition, variant `field`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from unittest.mock import patch

import torch
from torch import Tensor, nn

from stbench import registry
from stbench.contract.models import Task
from stbench.contract.presets import select
from stbench.models.parts import projection


class PlainCell(nn.Module):
    """The ST-LSTM with a call of a convolution for x, for h, for m, for [c, m] and for the 1x1 one."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()

        def convolution(inner: int, gates: int, kernel: int = 5) -> nn.Conv2d:
            return nn.Conv2d(inner, gates * hidden, kernel, padding=kernel // 2, bias=False)

        self.x, self.h, self.m = convolution(inputs, 7), convolution(hidden, 4), convolution(hidden, 3)
        self.o, self.last = convolution(2 * hidden, 1), convolution(2 * hidden, 1, 1)

    def forward(self, x: Tensor, h: Tensor, c: Tensor, m: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        xi, xf, xg, yi, yf, yg, xo = self.x(x).chunk(7, 1)
        hi, hf, hg, ho = self.h(h).chunk(4, 1)
        mi, mf, mg = self.m(m).chunk(3, 1)
        c = torch.sigmoid(xf + hf + 1) * c + torch.sigmoid(xi + hi) * torch.tanh(xg + hg)
        m = torch.sigmoid(yf + mf + 1) * m + torch.sigmoid(yi + mi) * torch.tanh(yg + mg)
        both = torch.cat((c, m), 1)
        return torch.sigmoid(xo + ho + self.o(both)) * torch.tanh(self.last(both)), c, m


class PlainPredRNN(nn.Module):
    """Four layers of 128, step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.ModuleList(PlainCell(a, b) for a, b in pairwise((16, *[128] * 4)))
        self.out = nn.Conv2d(128, 16, 1, bias=False)

    def loss(self, frames: Tensor) -> Tensor:
        cut = nn.functional.pixel_unshuffle(frames, 4)
        zero = cut.new_zeros(len(cut), 128, *cut.shape[-2:])
        states, m, predicted = [(zero, zero)] * len(self.cells), zero, []
        for t in range(frames.shape[1] - 1):
            x = cut[:, t] if t < frames.shape[1] // 2 else predicted[-1]
            for k, cell in enumerate(self.cells):
                x, c, m = cell(x, *states[k], m)
                states[k] = (x, c)
            predicted.append(self.out(x))
        return nn.functional.mse_loss(torch.stack(predicted, 1), cut[:, 1:])


def published(name: str, frames: Tensor) -> Callable[[], Tensor]:
    """The loss of a model of the suite in its variant `field`, as late in training, when no input is a true frame."""
    dataset = registry.dataset("moving-mnist")
    settings = select(registry.model(name), "moving-mnist", "paper", "field")["model"]
    module = registry.model(name).build(settings, Task(dataset.tracks[0], (1, 64, 64)))
    seen = frames.shape[1] // 2
    batch = {"frames": frames, "conditioning": frames[:, :seen], "target": frames[:, seen:]}
    batch["step"] = torch.tensor(10**9)

    def run() -> Tensor:
        total: Tensor = module.loss(batch, torch.Generator().manual_seed(0))["total"]
        module.zero_grad()
        return total

    return run


def direct(run: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """The same without tiles."""

    def without() -> Tensor:
        with patch.object(projection, "tiled", lambda layer, like: None):
            return run()

    return without


def timed(run: Callable[[], Tensor]) -> tuple[float, float]:
    """Seconds and processor seconds of one forward and backward pass."""
    wall, processor = time.perf_counter(), time.process_time()
    run().backward()
    return time.perf_counter() - wall, time.process_time() - processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--models", nargs="*", default=["predrnn"])
    parser.add_argument("--direct", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    frames = torch.rand(arguments.batch, arguments.frames, 1, 64, 64)
    plain = PlainPredRNN()
    runs = {"plain PredRNN": lambda: plain.loss(frames)} | {name: published(name, frames) for name in arguments.models}
    if arguments.direct:
        runs |= {f"{name}, direct": direct(runs[name]) for name in arguments.models}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    with torch.autocast("cpu", torch.bfloat16, enabled=arguments.precision == "bfloat16"):
        for turn in range(arguments.turns + 1):
            for name, run in runs.items():
                seconds = timed(run)
                if turn:
                    found[name].append(seconds)
    print(f"{'':20} seconds  processor  times plain's speed (processor)")
    base = statistics.median(each[1] for each in found["plain PredRNN"])
    for name, each in found.items():
        wall, processor = (statistics.median(values) for values in zip(*each, strict=True))
        print(f"{name:20} {wall:7.2f} {processor:10.2f} {base / processor:10.2f}")


if __name__ == "__main__":
    main()
