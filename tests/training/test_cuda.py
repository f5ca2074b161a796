"""What can be said on a CUDA card alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from stbench import devices
from stbench.training.adapter import TorchForecaster
from stbench.training.checkpoint import read_tensors
from stbench.training.loop import train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA card here")


def trained(
    folder: Path, walker: Callable[[], nn.Module], windows: Any, settings: Any, device: str, **asked: Any
) -> Any:
    module = walker()
    for layer in module.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0  # the only thing that draws on the card
    train(module.to(device), windows, settings, folder, seed=3, identity={}, **asked)
    return module


def test_a_card_learns_what_the_processor_learns_but_for_rounding(
    tmp_path: Path, walker: Callable[[], nn.Module], windows: Any, settings: Any
) -> None:
    ours, theirs = (trained(tmp_path / each, walker, windows, settings, each) for each in ("cuda", "cpu"))
    for name, value in theirs.state_dict().items():
        # Float32 sums in another order, 40 steps of Adam at a rate of 1e-2.
        torch.testing.assert_close(ours.state_dict()[name].cpu(), value, rtol=1e-3, atol=1e-3)
    seen = windows.frames[:, :3]
    assert abs(TorchForecaster(ours).forecast(seen, 2) - TorchForecaster(theirs).forecast(seen, 2)).max() < 1e-3


def test_steps_between_two_lines_of_the_log_wait_for_nothing(
    tmp_path: Path, walker: Callable[[], nn.Module], windows: Any, settings: Any
) -> None:
    """A wait that torch knows of is an error from the third step on, up to the last."""

    def told(step: int, steps: int, losses: Any) -> None:
        torch.cuda.set_sync_debug_mode("error" if 2 <= step < steps - 1 else "default")

    try:
        trained(tmp_path, walker, windows, {**settings, "log_every": 40}, "cuda", on_progress=told)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_deterministic_training_repeats_its_bits_when_it_is_interrupted_too(
    tmp_path: Path, walker: Callable[[], nn.Module], windows: Any, settings: Any
) -> None:
    trained(tmp_path / "a", walker, windows, settings, "cuda", deterministic=True)
    taken: list[int] = []
    for _ in range(2):
        stop = lambda: len(taken) == 17  # noqa: E731
        tell = lambda step, *_: taken.append(step)  # noqa: E731
        trained(tmp_path / "b", walker, windows, settings, "cuda", deterministic=True, stop=stop, on_progress=tell)
        taken.append(0)
    first, second = (read_tensors(tmp_path / each / "checkpoint" / "weights.safetensors") for each in "ab")
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_frames_stay_on_the_card(walker: Callable[[], nn.Module], windows: Any) -> None:
    from stbench.training.batches import Batches

    batches = Batches(windows, 8, 0, torch.device("cuda"))
    assert batches.frames[0].device.type == "cuda"
    torch.testing.assert_close(
        batches.batch(0)["frames"].cpu(), Batches(windows, 8, 0, torch.device("cpu")).batch(0)["frames"]
    )


def test_the_card_has_a_name() -> None:
    from stbench.provenance.environment import environment

    assert torch.cuda.get_device_name("cuda") in environment("cuda")["device"]
    assert devices.find_device("auto").type == "cuda"
