"""Models are held to the shapes of their interface, and a wrong one is told by the name of its axis."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import toys
from torch import Tensor

from stbench.conformance.axes import asked, axes_of
from stbench.conformance.suite import Finding, check_plugin
from stbench.contract.models import Coder, Forecaster, Sampler, Task, Transferrer
from stbench.contract.modules import TorchModel, TorchResampler, TorchSampler, TorchSequencer, TorchTransferrer
from stbench.errors import StbenchError
from stbench.models.hamiltonian.model import TERMS, Hamiltonian

TASK = Task(toys.TRACK, (1, 6, 8))
SEEN = np.zeros((5, 3, 1, 6, 8), np.float32)
WRONG: dict[str, tuple[Callable[[Any], Any], str]] = {
    "swapped": (
        lambda made: made.swapaxes(3, 4),
        r"shape \(5, 4, 1, 8, 6\), not \(batch, horizon, channel, y, x\) = \(5, 4, 1, 6, 8\): "
        r"y is 8 and not 6, x is 6 and not 8$",
    ),
    "horizon": (lambda made: made[:, 0], r"shape \(5, 1, 6, 8\), .*: horizon is missing$"),
    "batch": (lambda made: made[:1], r"shape \(1, 4, 1, 6, 8\), .*: batch is 1 and not 5$"),
    "channel": (lambda made: made[:, :, 0], r": channel is missing$"),
    "longer": (lambda made: made[:, [0, 0, 1, 1, 2, 2]], r": horizon is 6 and not 4$"),
    "another": (lambda made: made[..., None], r": it has 1 axes too many$"),
}


def findings(plugin: Any, folder: Path) -> dict[str, Finding]:
    return {each.check: each for each in check_plugin(plugin, toys.CONFIGURATION, TASK, folder)}


@pytest.mark.parametrize("name", WRONG)
def test_the_axis_that_is_wrong_missing_or_too_many_is_named(name: str) -> None:
    change, sentence = WRONG[name]
    made = np.zeros((5, 4, 1, 6, 8), np.float32)
    with pytest.raises(StbenchError, match=sentence):
        asked(Forecaster.forecast, lambda *_: change(made), SEEN, 4, frame=axes_of((1, 6, 8)))


@pytest.mark.parametrize("name", ["swapped", "horizon", "batch"])
def test_check_model_names_the_axis_of_a_floor_that_is_wrong(name: str, tmp_path: Path) -> None:
    change, sentence = WRONG[name]

    class Floor(toys.GoodFloor):
        def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
            changed: np.ndarray = np.ascontiguousarray(change(super().forecast(conditioning, horizon)))
            return changed

    found = findings(toys.floor(Floor), tmp_path)["shape"]
    assert found.verdict == "fails"
    assert re.search(sentence, found.sentence), found.sentence


@pytest.mark.parametrize("name", ["swapped", "horizon", "batch"])
def test_check_model_names_the_axis_of_a_torch_model_that_is_wrong(name: str, tmp_path: Path) -> None:
    change, sentence = WRONG[name]

    class Module(toys.Good):
        def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
            changed: Tensor = change(super().forward(conditioning, horizon))
            return changed

        def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Any]:
            made = super().forward(batch["conditioning"], batch["target"].shape[1])
            return {"total": (made - batch["target"]).square().mean()}

    found = findings(toys.learned(Module), tmp_path)
    assert {found["forward"].verdict, found["shape"].verdict} == {"fails"}
    assert found["shape"].sentence.rpartition(": ")[2] in sentence.replace("$", "")
    axis = {"swapped": "y is", "horizon": "horizon", "batch": "batch"}[name]
    assert axis in found["forward"].sentence.rpartition(": ")[2]


def test_the_axes_of_clips_are_named_too() -> None:
    factors = {"action": np.zeros(5, np.int64)}
    frame = axes_of((1, 6, 8))
    with pytest.raises(StbenchError, match=r"the answer of sample .*: length is 3 and not 4"):
        asked(Sampler.sample, lambda *_: SEEN, SEEN, 4, factors, 3, frame=frame)
    with pytest.raises(StbenchError, match=r"the answer of transfer .*: length is missing"):
        asked(Transferrer.transfer, lambda *_: SEEN[:, 0], SEEN, SEEN, 4, factors, frame=frame)
    assert asked(Sampler.sample, lambda *_: SEEN, SEEN, 3, factors, 3, frame=frame) is SEEN
    vectors = np.zeros((5, 3, 7), np.float32)
    with pytest.raises(StbenchError, match="sensor is 6 and not 7"):
        asked(Forecaster.forecast, lambda *_: vectors[..., :6], vectors, 3, frame=axes_of((7,)))


def test_arguments_and_kinds_of_answers_are_held_to_the_interface() -> None:
    frame = axes_of((1, 6, 8))
    with pytest.raises(StbenchError, match=r"the argument motion .*: y is 8 and not 6, x is 6 and not 8"):
        asked(Transferrer.transfer, lambda *_: SEEN, SEEN, SEEN.swapaxes(3, 4), 3, {}, frame=frame)
    with pytest.raises(StbenchError, match="the answer of forecast is of type list"):
        asked(Forecaster.forecast, lambda *_: [SEEN], SEEN, 3, frame=frame)
    with pytest.raises(StbenchError, match="the answer of codes is of type dict"):
        asked(Coder.codes, lambda *_: {"content": SEEN[:2, 0, 0, 0]}, SEEN, {}, frame=frame)
    assert asked(Coder.codes, lambda *_: {"content": SEEN[:, 0, 0, 0]}, SEEN, {}, frame=frame)
    clip = torch.from_numpy(SEEN)
    assert asked(TorchSequencer.generate, lambda *_: clip, clip, 3, None, frame=frame) is clip
    with pytest.raises(StbenchError, match=r"the argument action .*: batch is 2 and not 5"):
        asked(TorchSequencer.generate, lambda *_: clip, clip, 3, torch.zeros(2, dtype=torch.int64), frame=frame)


def test_the_reference_model_of_clips_keeps_the_interface_on_tensors() -> None:
    torch.manual_seed(0)
    model = Hamiltonian(
        (1, 16, 16),
        content_size=8,
        blocks=2,
        block_size=3,
        conditioned=True,
        label="action",
        operator="skew",
        operator_gain=1.0,
        unit_norm=True,
        frame_range="unit",
        divergence_frames="all",
        encoder={"width": 4, "dense": 16, "features": 16},
        decoder={"width": 4, "dense": 16, "output": "plain"},
        loss_weights=dict.fromkeys(TERMS, 1.0),
    ).eval()
    clip, action, generator = torch.rand(3, 8, 1, 16, 16), torch.tensor([0, 1, 1]), torch.Generator()
    rest: list[tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...]]] = [
        (TorchModel.forward, model.forward, (clip, 4)),
        (TorchSequencer.generate, model.generate, (clip, 11, action)),
        (TorchTransferrer.transfer, model.transfer, (clip, clip, 11, action)),
        (TorchSampler.sample, model.sample, (clip, 11, action, generator)),
        (TorchResampler.resample, model.resample, (clip, 11, action, generator)),
    ]
    with torch.no_grad():
        for interface, method, arguments in rest:
            found = asked(interface, method, *arguments, frame=axes_of((1, 16, 16)))
            assert found.shape[:2] == (3, arguments[-1] if method == model.forward else 11)


WITHOUT = """
import sys
for name in ("jaxtyping", "beartype"):
    sys.modules[name] = None
import numpy as np, tempfile
from pathlib import Path
import toys
from stbench.conformance.suite import check_plugin
for plugin in (toys.floor(toys.GoodFloor), toys.learned(toys.Good), toys.learned(toys.Flat)):
    with tempfile.TemporaryDirectory() as folder:
        found = check_plugin(plugin, toys.CONFIGURATION, toys.TASK, Path(folder))
        print([(each.check, each.sentence) for each in found if each.verdict == "fails"])
"""


@pytest.mark.slow
def test_without_jaxtyping_and_beartype_models_are_checked_all_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], cwd=Path(toys.__file__).parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    good, learned, flat = done.stdout.splitlines()
    assert good == learned == "[]"
    assert "horizon is 1 and not 4" in flat
