"""A step on a card waits for nothing, and takes its frames from there.

The device "meta" stands for a card: its tensors have shapes and no numbers, so whatever asks for one fails, and what
comes from the processor can be watched.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from stbench import devices, registry
from stbench.contract.datasets import Track
from stbench.contract.models import Task
from stbench.contract.presets import select
from stbench.errors import StbenchError
from stbench.training.batches import Batches
from stbench.training.loop import train
from stbench.training.losses import Losses
from stbench.training.settings import TrainingSettings
from stbench.training.state import TrainingState

META = torch.device("meta")
SHAPES = {
    "moving-mnist": (1, 64, 64),
    "waveeq-100": (100,),
    "sst": (1, 64, 64),
    "sprites": (3, 64, 64),
    "taxibj": (2, 32, 32),
}
SLOW = [("sepvar", "moving-mnist", ""), ("sepvar", "sst", ""), ("hamiltonian", "sprites", "")]
SLOW += [(name, "moving-mnist", "") for name in ("causal-lstm", "mim", "e3d-lstm", "svg", "drnet", "ddpae")]
SLOW += [(name, "taxibj", "") for name in ("simvp", "tau", "unet", "fno-2d")]
SLOW += [(name, "sprites", "") for name in ("dsvae", "mocogan", "dbse", "beta-vae")]
# Its flow labels come from a library of the processor, and for them a step does wait.
SLOW += [("pknl", "sst", ""), ("s3vae", "sprites", "without-flow")]
QUICK = [("sepvar", "waveeq-100", ""), ("convlstm", "moving-mnist", "field")]
QUICK += [(name, "moving-mnist", "") for name in ("convlstm", "phydnet", "predrnn")]
CASES = [*QUICK, *(pytest.param(*each, marks=pytest.mark.slow) for each in SLOW)]


class Windows:
    """Five frames condition; one sequence of bytes, with its action."""

    conditioning = 5

    def __init__(self, shape: tuple[int, ...], horizon: int) -> None:
        self.horizon = horizon
        self.stored = np.zeros((2, 5 + horizon, *shape), np.uint8), 0.0, 255.0

    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        return np.arange(2), np.zeros(2, np.int64)

    def labels(self, factor: str) -> np.ndarray:
        return np.array([0, 1])


class Transfers(TorchDispatchMode):
    """Bytes that go from the processor to the device, and whether the processor waits for them."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[int, bool]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        found = func(*args, **given)
        if func is torch.ops.aten._to_copy.default and args[0].device.type == "cpu" and found.device == META:
            self.sent.append((args[0].nbytes, bool(given.get("non_blocking"))))
        return found


@pytest.fixture
def meta(monkeypatch: pytest.MonkeyPatch) -> None:
    """Autocast knows no device "meta", and has nothing to do there."""
    real, enabled = torch.autocast, torch.is_autocast_enabled
    monkeypatch.setattr(torch, "autocast", lambda kind, *args, **kw: nullcontext() if kind == "meta" else real(kind))
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda kind="cpu": kind != "meta" and enabled(kind))


def built(name: str, dataset: str, variant: str, horizon: int, **changed: Any) -> nn.Module:
    settings = select(registry.model(name), dataset, "quick", variant)["model"] | changed
    track = Track(dataset, "forecast", Windows.conditioning, horizon, horizon, ("mse",))
    module: nn.Module = registry.model(name).build(settings, Task(track, SHAPES[dataset]))
    return module


def settings(**changed: object) -> TrainingSettings:
    # RMSprop, because the fused Adam of cards and processors has no form without numbers.
    table = {"split": "train", "steps": 9, "batch_size": 2, "learning_rate": 1e-3, "schedule": "constant"}
    return TrainingSettings.parse({**table, "optimiser": "rmsprop", "precision": "float32", **changed})


def test_every_torch_model_is_among_the_cases() -> None:
    learned = {name for name in registry.names("models") if not registry.model(name).fitted}
    assert {name for name, _, _ in [*QUICK, *SLOW]} == learned


@pytest.mark.parametrize(("name", "dataset", "variant"), CASES)
def test_a_training_step_asks_a_card_for_no_number_and_waits_for_no_transfer(
    meta: None, name: str, dataset: str, variant: str
) -> None:
    check_step(built(name, dataset, variant, horizon=3), dataset, horizon=3)


@pytest.mark.parametrize("name", ["simvp", "tau"])
def test_nor_does_it_where_blocks_are_left_out_as_in_no_quick_preset(meta: None, name: str) -> None:
    check_step(built(name, "taxibj", "", horizon=3, drop_path=[0.1, 0.1]), "taxibj", horizon=3)


def check_step(module: nn.Module, dataset: str, horizon: int) -> None:
    module = module.to(META).train()
    state = TrainingState(module, settings(average_decay=0.9), seed=0)
    batches = Batches(Windows(SHAPES[dataset], horizon), 2, 0, META, getattr(module, "labels", ()))  # type: ignore[arg-type]
    assert batches.frames[0].device == META
    for _ in range(2):
        with Transfers() as watched:
            state.advance(batches.batch(state.step))
        assert watched.sent
        assert all(unwaited for _, unwaited in watched.sent)
    assert state.step == 2


def test_frames_that_are_on_the_card_are_not_sent_again(meta: None) -> None:
    batches = Batches(Windows((1, 64, 64), 3), 2, 0, META)  # type: ignore[arg-type]
    batches.batch(0)
    with Transfers() as watched:
        frames = batches.batch(1)["frames"]
    assert frames.device == META
    assert watched.sent == [(2 * 8 * 8, True)]  # the numbers of 2 x 8 frames, int64


def test_frames_that_do_not_fit_are_sent_batch_by_batch(meta: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stbench.training.batches.fits", lambda size, device: False)
    batches = Batches(Windows((1, 64, 64), 3), 2, 0, META)  # type: ignore[arg-type]
    with Transfers() as watched:
        frames = batches.batch(0)["frames"]
    assert batches.frames[0].device.type == "cpu"
    assert frames.device == META
    assert watched.sent == [(2 * 8 * 64 * 64, True)]  # bytes: they become numbers on the card


@pytest.mark.parametrize(("free", "kept"), [(2048, True), (2046, False)])
def test_frames_stay_on_a_card_where_they_take_half_of_its_free_memory_at_most(
    monkeypatch: pytest.MonkeyPatch, free: int, kept: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 10**9))
    assert devices.fits(1024, torch.device("cuda")) is kept


def test_losses_of_a_card_are_read_together_and_in_order() -> None:
    kept = Losses(torch.device("cuda"))
    kept.add(4, "", {"error": torch.tensor(0.25), "total": torch.tensor(0.1)})
    kept.add(5, "left", {"total": torch.tensor(2.0)})
    kept.add(5, "right", {"total": torch.tensor(3.0)})
    assert kept.read() == {
        4: {"error": 0.25, "total": torch.tensor(0.1).item()},
        5: {"left/total": 2, "right/total": 3},
    }
    assert kept.read() == {}


def test_a_loss_of_a_card_without_a_value_is_named_with_its_step() -> None:
    kept = Losses(torch.device("cuda"))
    for step, value in ((4, 1.0), (5, float("nan")), (6, float("nan"))):
        kept.add(step, "critic", {"total": torch.tensor(value)})
    with pytest.raises(StbenchError, match="the loss of the player 'critic' is nan at step 5"):
        kept.read()


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Losses of the processor, read as late as those of a card."""
    plain = Losses.__init__

    def init(self: Losses, device: torch.device) -> None:
        plain(self, device)
        self.at_hand = False

    monkeypatch.setattr(Losses, "__init__", init)


def logged(folder: Path) -> list[tuple[int, dict[str, float]]]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [(line["step"], line["losses"]) for line in lines]


def test_a_log_read_late_is_the_log_read_at_once(
    tmp_path: Path, windows: Any, walker: Callable[[], nn.Module], settings: dict[str, object], request: Any
) -> None:
    """Interrupted between two lines, too, and with snapshots, before which losses are read."""
    settings = {**settings, "snapshots": [10, 11]}
    train(walker(), windows, settings, tmp_path / "at once", seed=3, identity={})
    request.getfixturevalue("late")
    steps: list[int] = []
    for _ in range(2):
        train(
            walker(),
            windows,
            settings,
            tmp_path / "late",
            seed=3,
            identity={},
            on_progress=lambda step, *_: steps.append(step),
            stop=lambda: len(steps) == 17,
        )
        steps.append(0)
    assert logged(tmp_path / "late") == logged(tmp_path / "at once")
    assert len(logged(tmp_path / "late")) == 6


def test_weights_that_met_a_loss_without_a_value_are_not_kept(
    tmp_path: Path, windows: Any, settings: dict[str, object], late: None
) -> None:
    class Breaks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.x = nn.Parameter(torch.tensor([2.0]))

        def loss(self, batch: dict[str, torch.Tensor], generator: torch.Generator) -> dict[str, torch.Tensor]:
            return {"total": (self.x * (torch.nan if int(batch["step"]) >= 9 else 1.0)).sum()}

    table = {**settings, "log_every": 30, "snapshots": [5, 12]}
    with pytest.raises(StbenchError, match="the loss is nan at step 10"):
        train(Breaks(), windows, table, tmp_path, seed=0, identity={})
    assert [each.name for each in (tmp_path / "snapshots").iterdir()] == ["step-00005.safetensors"]
    assert not (tmp_path / "checkpoint").exists()


def test_tf32_is_off_on_a_card_while_a_model_computes_and_left_as_it_was() -> None:
    def flags() -> tuple[bool, ...]:
        backends = torch.backends
        return (
            backends.cuda.matmul.allow_tf32,
            backends.cudnn.allow_tf32,
            torch.are_deterministic_algorithms_enabled(),
        )

    before = flags()
    try:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        with devices.arithmetic("cuda:0"):
            assert flags() == (False, False, False)
        with devices.arithmetic("cuda", deterministic=True):
            assert flags() == (False, False, True)
        with devices.arithmetic("cpu", deterministic=True):
            assert flags() == (True, True, False)
        assert flags() == (True, True, False)
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before[:2]


def test_an_operation_without_a_deterministic_form_is_one_sentence() -> None:
    with (
        pytest.raises(StbenchError, match=r"put_.* has no deterministic form on the device 'cuda': leave out --det"),
        devices.arithmetic("cuda", deterministic=True),
    ):
        torch.zeros(3).put_(torch.tensor([0, 0]), torch.tensor([1.0, 2.0]))
    assert not torch.are_deterministic_algorithms_enabled()


def test_too_little_memory_on_a_card_is_one_sentence() -> None:
    with pytest.raises(StbenchError, match="the memory of the device 'cuda' is too small"), devices.arithmetic("cuda"):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="other"), devices.arithmetic("cuda", deterministic=True):
        raise RuntimeError("some other fault")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA card here")
def test_auto_without_a_card_is_the_processor() -> None:
    assert devices.find_device("auto") == torch.device("cpu")


def test_auto_with_a_card_is_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "ones", lambda *_, device: torch.zeros(1))
    assert devices.find_device("auto") == torch.device("cuda")
