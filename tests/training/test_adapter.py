"""A torch module behind the numpy interface: batches, labels and seeds arrive as they should."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from stbench.training.adapter import TorchForecaster


class Teller(nn.Module):
    """Answers what it was told: the action in every pixel, and noise from the generator it was handed."""

    def __init__(self, label: str = "action") -> None:
        super().__init__()
        self.one = nn.Parameter(torch.ones(()))
        self.label = label
        self.sizes: list[int] = []

    def _frames(self, like: Tensor, length: int, action: Tensor | None) -> Tensor:
        self.sizes.append(len(like))
        assert not self.training
        told = torch.full((len(like),), -1.0) if action is None else action.float()
        return told[:, None, None].expand(-1, length, like.shape[-1]) * self.one

    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        return self._frames(conditioning, horizon, None)

    def generate(self, clip: Tensor, length: int, action: Tensor | None = None) -> Tensor:
        return self._frames(clip, length, action)

    def transfer(self, content: Tensor, motion: Tensor, length: int, action: Tensor | None = None) -> Tensor:
        return self._frames(motion, length, action)

    def sample(self, clip: Tensor, length: int, action: Tensor | None, generator: torch.Generator) -> Tensor:
        return self._frames(clip, length, action) + torch.rand((), generator=generator)


class Placed(nn.Module):
    """Answers how far behind a multiple of 64 bytes each of its arrays begins."""

    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        return torch.full((len(conditioning), horizon, 1), float(conditioning.data_ptr() % 64))

    def swap(self, content: Tensor, motion: Tensor, horizon: int) -> Tensor:
        return self(content, horizon) + self(motion, horizon)

    def reconstruct(self, clip: Tensor, action: Tensor | None) -> Tensor:
        return torch.as_tensor(self(clip, clip.shape[1]))


def placed(frames: np.ndarray, offset: int) -> np.ndarray:
    room = np.empty(frames.nbytes + 128, np.uint8)
    start = -room.ctypes.data % 64 + offset
    copy: np.ndarray = room[start : start + frames.nbytes].view(frames.dtype).reshape(frames.shape)
    copy[...] = frames
    return copy


CLIP = np.random.default_rng(0).random((5, 4, 3)).astype(np.float32)
KNOWN = {"action": np.array([0, 2, 1, 2, 0])}


def shown(frames: np.ndarray) -> list[float]:
    assert frames.dtype == np.float32
    assert (frames == frames[:, :1, :1]).all()
    return [float(value) for value in frames[:, 0, 0]]


def test_every_clip_keeps_its_own_action_whatever_the_batch_size() -> None:
    for size in (1, 2, 5, 256):
        model = TorchForecaster(Teller(), batch_size=size)
        assert shown(model.generate(CLIP, 6, KNOWN)) == [0, 2, 1, 2, 0]
        assert shown(model.transfer(CLIP, CLIP, 6, KNOWN)) == [0, 2, 1, 2, 0]
    module: Any = model.module
    assert module.sizes == [5, 5]


def test_only_the_factor_a_module_calls_its_label_is_told() -> None:
    assert shown(TorchForecaster(Teller("expression")).generate(CLIP, 2, KNOWN)) == [-1] * 5
    assert shown(TorchForecaster(Teller("expression")).generate(CLIP, 2, {"expression": KNOWN["action"]})) == [
        *(0, 2, 1, 2, 0)
    ]
    assert shown(TorchForecaster(Teller()).generate(CLIP, 2, {})) == [-1] * 5


def test_a_seed_gives_the_same_draw_and_leaves_the_global_generator_alone() -> None:
    model = TorchForecaster(Teller())
    torch.manual_seed(7)
    before = torch.get_rng_state()
    one, again, other = (model.sample(CLIP, 2, KNOWN, seed) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("offset", [0, 4, 16, 32])
def test_a_module_sees_frames_where_torch_places_its_own_wherever_they_lay(offset: int) -> None:
    """Products of matrices with the same values have other last bits elsewhere (MKL)."""
    model, clip = TorchForecaster(Placed()), placed(CLIP, offset)
    assert (model.forecast(clip, 2) == 0).all()
    assert (model.swap(clip, placed(CLIP, offset), 2) == 0).all()
    assert (model.reconstruct(clip, {}) == 0).all()
